"""What others say that the person told them, for the person: to look at, confirm or dispute."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureId, CaptureState
from consentid.core.decision import Assurance, Channel
from consentid.core.party import Party
from consentid.flows.capture_body import CaptureBody, open_body
from consentid.flows.capture_cursor import PAGE, open_cursor, seal_next
from consentid.flows.confirm_capture import confirm_capture
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, find_visitor
from consentid.flows.open_subject import OpenSubject
from consentid.flows.preference_page import Coming, Errand, PreferencePage, receive
from consentid.flows.refuse_capture import dispute_capture
from consentid.flows.take_capture import state_now
from consentid.kit.errors import ConflictError, NotFoundError
from consentid.kit.instants import Instant
from consentid.store import captures, clients, clock, field_bundles
from consentid.store.captures import CaptureRow
from consentid.store.field_bundles import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCapture:
    """A capture of the person's."""

    row: CaptureRow
    body: CaptureBody
    state: CaptureState
    by: Party | None
    """Whose client captured it."""
    origin: Origin | None
    """The capture device that it came from, where it came from one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCaptures:
    """A page of a person's captures, the newest first."""

    page: PreferencePage
    errand: Errand
    entries: tuple[OwnCapture, ...]
    older: str | None


async def show_own_captures(
    context: Context, coming: Coming, *, unverified_cursor: str | None
) -> OwnCaptures:
    """A page of what others captured of whoever is there.

    Raises:
        MalformedError: the cursor is not one of this person's.
    """
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, coming)
        session = page.visitor.session
        if session is None:
            return OwnCaptures(page=page, errand=errand, entries=(), older=None)
        subject = session.subject
        holder = f"captures/{subject.id.hex}"
        rows = await captures.page_of_subject(
            connection,
            subject.id,
            before=open_cursor(context, unverified_cursor, holder=holder),
            limit=PAGE + 1,
        )
        entries = await _open(context, connection, subject, rows[:PAGE], now=page.now)
    return OwnCaptures(
        page=page,
        errand=errand,
        entries=tuple(entries),
        older=seal_next(context, rows, holder=holder),
    )


async def every_own_capture(
    context: Context, connection: AsyncConnection, subject: OpenSubject, *, now: Instant
) -> Sequence[OwnCapture]:
    """All captures of one person."""
    rows = await captures.page_of_subject(connection, subject.id)
    return await _open(context, connection, subject, rows, now=now)


async def _open(
    context: Context,
    connection: AsyncConnection,
    subject: OpenSubject,
    rows: Sequence[CaptureRow],
    *,
    now: Instant,
) -> Sequence[OwnCapture]:
    found = {id_: await clients.find_ever(connection, id_) for id_ in {r.client_id for r in rows}}
    origins = await field_bundles.origins(connection, [row.id for row in rows])
    return [
        OwnCapture(
            row=row,
            body=open_body(context, row, subject),
            state=state_now(row, now),
            by=None if (client := found[row.client_id]) is None else client.party,
            origin=origins.get(row.id),
        )
        for row in rows
    ]


async def confirm_own_capture(context: Context, browser: Browser, capture: UUID) -> None:
    """Say that a capture is as the person said; a second time changes nothing.

    Raises:
        NotFoundError: there is no such capture of theirs.
        ConflictError: nobody is there, or nothing of it can be asked any more.
    """
    async with context.database.writing() as connection:
        subject = await _person_of(context, connection, browser, capture)
        book = await context.book(connection)
        await confirm_capture(
            context,
            connection,
            book,
            subject,
            CaptureId(capture),
            assurance=Assurance.SELF,
            channel=Channel.WEB,
        )


async def dispute_own_capture(context: Context, browser: Browser, capture: UUID) -> None:
    """Say that a capture is not the person's who is there; a second time changes nothing.

    Raises:
        NotFoundError: there is no such capture of theirs.
        ConflictError: nobody is there.
    """
    async with context.database.writing() as connection:
        subject = await _person_of(context, connection, browser, capture)
        book = await context.book(connection)
        await dispute_capture(context, connection, book, subject, CaptureId(capture))


async def _person_of(
    context: Context, connection: AsyncConnection, browser: Browser, capture: UUID
) -> OpenSubject:
    """Whoever is there, locked, if the capture is theirs."""
    now = await clock.now(connection)
    visitor = await find_visitor(context, connection, browser, now=now, lock=True)
    if visitor.session is None:
        raise ConflictError("form_stale", "You are signed in no longer.")
    subject = visitor.session.subject
    row = await captures.find(connection, capture)
    if row is None or row.subject != subject.id:
        raise NotFoundError("capture_unknown", "Nobody captured this of you.")
    return subject
