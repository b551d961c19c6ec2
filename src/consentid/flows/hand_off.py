"""Make a hand-off code: somebody follows a link from one brand's site to another's.

The code goes into the link's fragment; ``oauth/hand_off.py`` redeems it, or ``visit_from_page.py``
where the link leads to the hub's own preference centre.  It is bound to the subject, to the page
that made it and to the origin that the link leads to, so that nobody can plant their own consenting
device in another's browser.

A device is handed on as long as it lasts.  An account is handed on by a page whose own tokens began
in a session of it, while that session lasts: what comes of the code ends with the session, as what
the page holds does.  To the hub goes no account: there its session is known by itself.
"""

from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

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
from consentid.store import clock, hand_offs, hub_sessions, subjects
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
            subject is neither a device nor an account in a session that lasts.
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
        session_id = None
        if not await _is_device(connection, caller, now=now):
            if target != hub_origin(book):
                session_id = await _find_session(connection, caller, now=now)
            if session_id is None:
                raise ForbiddenError(
                    "device_needed",
                    "Only a device is handed on, and to another brand whoever signed in at the hub"
                    " on this page, until they sign out.",
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
                session_id=session_id,
                issued_at=now,
                expires_at=Instant(now + LIFETIME_S * SECOND),
            ),
        )
    return HandOffOut(code=code, expires_in=LIFETIME_S)


async def _is_device(connection: AsyncConnection, caller: Caller, *, now: Instant) -> bool:
    if caller.device is not None:
        return False  # somebody is signed in on it
    ends_at = await subjects.find_device_end(connection, caller.require_subject())
    return ends_at is not None and now < ends_at


async def _find_session(
    connection: AsyncConnection, caller: Caller, *, now: Instant
) -> UUID | None:
    """The session of an account that a page's token began in; none for what was exchanged."""
    if caller.family is None or not caller.client.is_brand_page:
        return None
    account = caller.require_subject()
    return await hub_sessions.find_of_family(connection, caller.family, account=account, now=now)


def hub_origin(book: Book) -> str:
    """Where the hub's own pages are."""
    return book.group.issuer.rstrip("/")


def find_brand(book: Book, origin: str) -> Slug | None:
    """Whose origin this is, among the group's brands."""
    return next((slug for slug, brand in book.brands.items() if origin in brand.origins), None)
