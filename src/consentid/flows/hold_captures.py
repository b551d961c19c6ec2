"""What is held because it came too fast: an operator of the service looks, releases or discards.

Released, a capture is what it would have been: it counts from when it was captured, not from now.
Either is an act of the administration, in the log with the transaction that it is about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.capture import CaptureState
from consentid.flows.attach_capture import attach_capture
from consentid.flows.capture_body import OpenCapture, open_body
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.flows.stage_act import noting_of
from consentid.flows.take_capture import state_now
from consentid.kit.instants import Instant
from consentid.store import captures, clock
from consentid.store.captures import CaptureRow

_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCapture:
    """A capture that is held."""

    id: UUID
    client_id: str
    party: str
    operator: str | None
    """The client's own name for who keyed it in; None where its person is being erased."""
    recorded_at: Instant


async def list_held(
    context: Context, *, client_id: str | None = None, operator: str | None = None
) -> Sequence[HeldCapture]:
    """What is held, the oldest first; of one client, or of one operator, where they are named."""
    async with context.database.reading() as connection:
        rows = await captures.held(connection, client_id=client_id, limit=_AT_ONCE)
        found = [await _look(context, connection, row) for row in rows]
    return [each for each in found if operator in (None, each.operator)]


async def release_capture(context: Context, capture: UUID, *, by: str) -> CaptureState | None:
    """Let a held capture go on; its state then, None where there is none of this name.

    ``by``: who does it, as the log knows them.

    Raises:
        MalformedError, ConflictError: it cannot count any more; see ``attach_capture``.
        UnavailableError: the database cannot be reached.
    """
    return await _settle(context, capture, by, is_release=True)


async def discard_capture(context: Context, capture: UUID, *, by: str) -> CaptureState | None:
    """Let a held capture go; its state then, None where there is none of this name.

    ``by`` as above.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    return await _settle(context, capture, by, is_release=False)


async def _settle(
    context: Context, capture: UUID, by: str, *, is_release: bool
) -> CaptureState | None:
    async with context.database.writing() as connection:
        known = await captures.find(connection, capture)
        person = None
        if known is not None and known.subject is not None:
            person = await open_subject(context, connection, known.subject, lock=True)
        row = await captures.find(connection, capture, lock=True)
        at = (
            await clock.now(connection)
            if person is None
            else await clock.now_after(connection, person.id)
        )
        if row is None or known is None or row.subject != known.subject:
            return None  # whose it is was found out this very moment: to be tried again
        if state_now(row, at) is not CaptureState.HELD:
            return state_now(row, at)
        act = "capture/release" if is_release else "capture/discard"
        noted = noting_of(context, by)
        await noted.note(connection, act, at=at, capture=str(row.id), client=row.client_id)
        if not is_release:
            return await _discard(connection, row, at=at)
        book = await context.book(connection)
        return await _release(context, connection, book, row, person, at=at)


async def _discard(connection: AsyncConnection, row: CaptureRow, *, at: Instant) -> CaptureState:
    ended = replace(row, state=CaptureState.DISCARDED, ended_at=at)
    if row.subject is None:  # of people nobody ever knew, nothing is kept
        ended = replace(ended, wrapped_key=None, sealed=None)
    await captures.save(connection, ended)
    return ended.state


async def _release(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    row: CaptureRow,
    person: OpenSubject | None,
    *,
    at: Instant,
) -> CaptureState:
    free = replace(row, state=CaptureState.PENDING)
    if person is None:
        await captures.save(connection, free)
        return free.state
    opened = OpenCapture(row=free, body=open_body(context, row, person))
    return (
        await attach_capture(context, connection, book, opened, subject=person, at=at)
    ).row.state


async def _look(context: Context, connection: AsyncConnection, row: CaptureRow) -> HeldCapture:
    person = None
    if row.subject is not None:
        person = await open_subject(context, connection, row.subject)
    is_readable = row.sealed is not None and (row.subject is None or person is not None)
    return HeldCapture(
        id=row.id,
        client_id=row.client_id,
        party=row.party,
        operator=open_body(context, row, person).operator if is_readable else None,
        recorded_at=row.recorded_at,
    )
