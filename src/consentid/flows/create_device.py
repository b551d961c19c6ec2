"""Make a device subject: at the first explicit choice, known by a credential that we issue once."""

import hashlib
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import ApplicationType, AuthMethod, Surface
from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.idempotency import Repeatable, find_first_answer, save_answer
from consentid.flows.open_subject import new_subject, open_subject
from consentid.flows.show_state import require_party
from consentid.kit import base64url
from consentid.kit.errors import ForbiddenError
from consentid.kit.instants import DAY, Instant, to_rfc3339
from consentid.store import clients, clock, subjects
from consentid.store.clients import Client
from consentid.telemetry.tracing import step

CREDENTIAL_BYTES: Final = 32
LIFETIME_D: Final = 396
"""13 months, the longest that a consent cookie may live in the view of the CNIL."""


class DeviceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A new device's credential: keep it secret, it is the device."""

    credential: str
    """256 bits in base64url.  43 characters."""
    expires_at: str


async def find_page_client(context: Context, *, unverified_client_id: str, origin: str) -> Caller:
    """Whose page asks, where its script has no token yet: a public client, called from its origin.

    A television's app is such a page too.

    The browser vouches for the origin, and nothing else is believed: such a caller makes a device
    and nothing more.

    Raises:
        ForbiddenError: no public client of a browser, or not from its party's own pages.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
        client = await clients.find(connection, unverified_client_id)
    if client is None or client.auth_method != AuthMethod.NONE or not _has_pages(client):
        raise ForbiddenError(
            "client_not_public",
            "This is no public client of a page: send an access token instead.",
            where="client_id",
        )
    check_origin(book, client.party, origin)
    return Caller(client=client, scopes=client.scopes, subject=None, device=None)


def _has_pages(client: Client) -> bool:
    """Whether it runs in a browser: a page's script, or an app that a television loads."""
    return (
        client.registration.application_type == ApplicationType.BROWSER
        or client.surface == Surface.TV
    )


def check_origin(book: Book, party: Party, origin: str) -> None:
    """Insist that a page is one of a party's own.

    Raises:
        ForbiddenError: it is not.
    """
    profile = book.find_profile(party)
    if profile is None or origin not in profile.origins:
        raise ForbiddenError(
            "origin_not_yours",
            f"This origin is not among the `origins` in the file of {party}.",
            where="origin",
        )


@step("create_device")
async def create_device(
    context: Context, caller: Caller, *, origin: str | None, request: Repeatable
) -> DeviceOut:
    """Make a device for the caller's brand.

    Raises:
        ForbiddenError: the origin is not registered for the caller's brand or partner.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        first = await find_first_answer(context, connection, request, at=now)
        if first is not None:
            return msgspec.json.decode(first, type=DeviceOut)
        book = await context.book(connection)
        require_party(book, caller.client.party)
        if origin is not None:
            check_origin(book, caller.client.party, origin)
        credential = base64url.encode(context.randomness(CREDENTIAL_BYTES))
        expires_at = Instant(now + LIFETIME_D * DAY)
        new = new_subject(context, at=now)
        await subjects.create_device(
            connection,
            new,
            credential_hash=hash_credential(credential),
            client_id=caller.client.client_id,
            origin=origin,
            expires_at=expires_at,
        )
        made = DeviceOut(credential=credential, expires_at=to_rfc3339(expires_at))
        subject = await open_subject(context, connection, new.id)
        if subject is None:
            msg = "a subject made in this transaction cannot be read in it"
            raise RuntimeError(msg)
        await save_answer(
            context, connection, request, subject=subject, answer=msgspec.json.encode(made)
        )
    return made


def hash_credential(credential: str) -> bytes:
    """How a credential is stored.  It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(credential.encode()).digest()


async def find_device(
    connection: AsyncConnection, unverified_credential: str, *, now: Instant
) -> SubjectId | None:
    """The device that a credential stands for; None for one unknown or expired."""
    row = await subjects.find_device(connection, hash_credential(unverified_credential))
    return None if row is None or row.expires_at <= now else row.id


async def find_device_of(
    connection: AsyncConnection,
    unverified_credential: str,
    *,
    book: Book,
    party: Party,
    origin: str | None,
    now: Instant,
) -> SubjectId | None:
    """The same for a client of ``party``, called from ``origin`` where it is a page.

    A device that is bound to an origin is out of place on a page of another origin, and in the
    hands of anybody but that origin's party: whoever was given the credential of a brand's visitor
    does not become that visitor at another brand.  One that is bound to none is its holder's.
    """
    row = await subjects.find_device(connection, hash_credential(unverified_credential))
    if row is None or row.expires_at <= now:
        return None
    if row.origin is not None:
        profile = book.find_profile(party)
        is_theirs = party == row.made_for or (profile is not None and row.origin in profile.origins)
        if not is_theirs or origin not in (None, row.origin):
            return None
    return row.id
