"""A person's sign-ins and devices: look, sign out elsewhere, forget one.

Devices are named coarsely, by the brand and the month of their first choice: nothing else is kept
of them.  Forgetting one leaves its own answers as they are; forgetting the very browser takes back
what was chosen in it, since nobody could do so afterwards.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.core.purpose import PurposeId
from consentid.core.resolution import State, resolve_all
from consentid.flows.context import Context
from consentid.flows.end_pairing import OwnPairing, find_pairings
from consentid.flows.hub_session import Browser, Visitor, find_visitor
from consentid.flows.open_subject import open_subject
from consentid.flows.preference_page import Coming, Errand, PreferencePage, receive
from consentid.flows.record_choices import record_withdrawal
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.stage_entry import stage_link
from consentid.flows.tell_of_end import tell_of_end
from consentid.kit.errors import ConflictError
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind
from consentid.store import clients, clock, dependents, hub_sessions, linked_devices

_NOES = frozenset({State.REFUSED, State.WITHDRAWN, State.OBJECTED})


class _Device(msgspec.Struct, frozen=True, array_like=True):
    device: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """A sign-in, in one browser."""

    began_at: Instant
    ends_at: Instant
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDevice:
    """A device that the account was used on."""

    reference: str
    """Sealed: name it to forget the device."""
    party: Party | None
    """Where it first chose something; None for the hub's own pages."""
    since: Instant
    used_since: Instant
    is_here: bool
    says_yes: tuple[PurposeId, ...]
    says_no: tuple[PurposeId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPlaces:
    """Where a person is signed in, and on what."""

    page: PreferencePage
    errand: Errand
    sessions: tuple[OwnSession, ...]
    devices: tuple[OwnDevice, ...]
    pairings: tuple[OwnPairing, ...]
    """Televisions; those of the browser's own device where nobody is signed in."""


async def show_places(context: Context, coming: Coming) -> OwnPlaces:
    """Sessions and devices of the account; televisions alone where nobody is signed in."""
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, coming)
        login, session = page.visitor.login, page.visitor.session
        paired = (
            ()
            if session is None
            else await find_pairings(context, connection, session.subject, now=page.now)
        )
        if login is None or session is None:
            return OwnPlaces(page=page, errand=errand, sessions=(), devices=(), pairings=paired)
        account = session.subject.id
        sessions = [
            each
            for each in await hub_sessions.of_account(connection, account)
            if page.now < each.expires_at
        ]
        devices = [
            await _describe(context, connection, page, account, linked)
            for linked in await linked_devices.of_account(connection, account)
        ]
    return OwnPlaces(
        page=page,
        errand=errand,
        sessions=tuple(
            OwnSession(
                began_at=each.created_at,
                ends_at=each.expires_at,
                is_here=each.session_hash == login.session_hash,
            )
            for each in sessions
        ),
        devices=tuple(devices),
        pairings=paired,
    )


async def sign_out_elsewhere(context: Context, browser: Browser) -> int:
    """End every other session of the account; returns how many there were, that were not over."""
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        visitor = await find_visitor(context, connection, browser, now=now)
        if visitor.login is None:
            return 0
        others = [
            each
            for each in await hub_sessions.of_account(connection, visitor.login.account)
            if each.session_hash != visitor.login.session_hash
        ]
        ended = [
            session
            for each in others
            if (session := await hub_sessions.end_known(connection, each)) is not None
        ]
        await tell_of_end(context, connection, ended, at=now)
        return sum(now < each.expires_at for each in ended)


async def forget_device(context: Context, browser: Browser, *, unverified_device: str) -> bool:
    """Let the account know a device no longer, and end what speaks for the account there.

    Returns whether the session of this very browser ended with it.

    Raises:
        ConflictError: somebody else is signed in now, or nobody.
        MalformedError: the reference is not one of this account's.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        # Locked before its sessions end, as whoever joins one locks it.
        visitor = await find_visitor(context, connection, browser, now=now, lock=True)
        login = visitor.login
        if login is None:
            raise ConflictError("form_stale", "You are signed in no longer.")
        account = login.account
        named = open_reference(
            context,
            ReferenceKind.DEVICE,
            unverified_device,
            holder=_holder(account),
            into=_Device,
        )
        device = next(
            (
                each.id
                for each in await linked_devices.of_account(connection, account)
                if each.id.bytes == named.device
            ),
            None,
        )
        if device is None:
            return False  # forgotten meanwhile
        ended = [
            each
            for each in await hub_sessions.of_account(connection, account)
            if each.device == device
        ]
        for each in ended:
            await hub_sessions.end(connection, each.session_hash)
        await tell_of_end(context, connection, ended, at=now)
        await dependents.end_families(
            connection, await linked_devices.families(connection, account, device), at=now
        )
        await linked_devices.end_access(connection, account, device)
        opened = await open_subject(context, connection, account, lock=True)
        if await linked_devices.unlink(connection, account, device) and opened is not None:
            book = await context.book(connection)
            await stage_link(
                context, connection, book, Kind.UNLINK, account=opened, device=device, at=now
            )
        return any(each.session_hash == login.session_hash for each in ended)


async def forget_browser(context: Context, browser: Browser) -> None:
    """Take back all that was chosen in this browser without signing in, and know it no more.

    Raises:
        ConflictError: somebody is signed in here: that is an account, and no browser's choices.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        visitor: Visitor = await find_visitor(context, connection, browser, now=now, lock=True)
        if visitor.login is not None:
            raise ConflictError("form_stale", "You are signed in now: sign out first.")
        if visitor.session is None:
            return
        book = await context.book(connection)
        await record_withdrawal(context, connection, book, visitor.session, reach=None)
        await linked_devices.expire(connection, visitor.session.subject.id, at=now)


async def _describe(
    context: Context,
    connection: AsyncConnection,
    page: PreferencePage,
    account: SubjectId,
    linked: linked_devices.LinkedDevice,
) -> OwnDevice:
    client = await clients.find(connection, linked.client_id)
    opened = await open_subject(context, connection, linked.id)
    yes, no = set[PurposeId](), set[PurposeId]()
    if opened is not None:
        for party in page.book.catalogue.parties:
            found = resolve_all(
                opened.projection, page.book.catalogue, party, page.now, adult=opened.adult
            )
            yes |= {purpose for purpose, each in found.items() if each.state is State.GIVEN}
            no |= {purpose for purpose, each in found.items() if each.state in _NOES}
    return OwnDevice(
        reference=seal_reference(
            context,
            ReferenceKind.DEVICE,
            holder=_holder(account),
            content=_Device(device=linked.id.bytes),
        ),
        party=None if client is None else client.party,
        since=linked.created_at,
        used_since=linked.first_seen_at,
        is_here=linked.id == page.visitor.device,
        says_yes=tuple(each for each in page.book.catalogue.purposes if each in yes),
        says_no=tuple(each for each in page.book.catalogue.purposes if each in no - yes),
    )


def _holder(account: SubjectId) -> str:
    return f"devices/{account.hex}"
