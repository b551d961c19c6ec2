"""Make a hand-off code: a device's person follows a link from one brand's site to another's.

The code goes into the link's fragment; ``oauth/hand_off.py`` redeems it, or ``visit_from_page.py``
where the link leads to the hub's own preference centre.  It is bound to the subject, to the page
that made it and to the origin that the link leads to, so that nobody can plant their own consenting
device in another's browser.  Only devices are handed off: who is signed in is found by the hub's
own session.
"""

from typing import Final

import msgspec

from consentid.brandbook.book import Book
from consentid.core.party import PartyKind, Slug
from consentid.flows.authenticate import Caller, hash_token
from consentid.flows.context import Context
from consentid.flows.create_device import check_origin
from consentid.flows.show_state import require_party
from consentid.kit import base64url
from consentid.kit.errors import ForbiddenError, MalformedError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import SECOND, Instant
from consentid.store import clock, hand_offs, subjects
from consentid.store.hand_offs import HandOff

LIFETIME_S: Final = 60
_CODE_BYTES: Final = 32


class HandOffOut(msgspec.Struct, frozen=True, kw_only=True):
    """A code for one link, good for one use."""

    code: str
    """256 bits in base64url.  43 characters."""
    expires_in: int
    """Seconds."""


async def make_hand_off(
    context: Context, caller: Caller, *, origin: str, target: str
) -> HandOffOut:
    """Make a code on a page of ``origin`` for a link to ``target``: a brand's page, or the hub.

    Raises:
        ForbiddenError: the page is not the caller's, the caller speaks for a partner, or its
            subject is no device.
        MalformedError: ``target`` is neither another origin of the group's brands nor the hub.
    """
    subject = caller.require_subject()
    party = caller.client.party
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        book = await context.book(connection)
        require_party(book, party)
        if party.kind is not PartyKind.BRAND:
            raise ForbiddenError("brands_only", "Only the group's brands hand visitors on.")
        check_origin(book, party, origin)
        brand = party.slug if target == hub_origin(book) else find_brand(book, target)
        if brand is None or target == origin:
            raise MalformedError(
                "origin_unknown",
                "This is neither the hub nor another origin of the group's brands:"
                " /v1/catalogue lists them.",
                where="origin",
            )
        ends_at = None
        if caller.device is None:
            ends_at = await subjects.find_device_end(connection, subject)
        if ends_at is None or ends_at <= now:
            raise ForbiddenError(
                "device_needed",
                "Only a device is handed on: who is signed in is known at the hub.",
            )
        code = base64url.encode(context.randomness(_CODE_BYTES))
        await hand_offs.add(
            connection,
            HandOff(
                code_hash=hash_token(code),
                client_id=caller.client.client_id,
                subject=subject,
                origin=origin,
                target=target,
                target_brand=brand,
                family=uuid7(now, context.randomness(RANDOM_BYTES)),
                issued_at=now,
                expires_at=Instant(now + LIFETIME_S * SECOND),
            ),
        )
    return HandOffOut(code=code, expires_in=LIFETIME_S)


def hub_origin(book: Book) -> str:
    """Where the hub's own pages are."""
    return book.group.issuer.rstrip("/")


def find_brand(book: Book, origin: str) -> Slug | None:
    """Whose origin this is, among the group's brands."""
    return next((slug for slug, brand in book.brands.items() if origin in brand.origins), None)
