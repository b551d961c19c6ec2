"""The snapshot: what holds of everybody whom a consumer's brand or partner has met.

The cursor is read before the people are.  What changes meanwhile follows it in the feed, and may be
in the snapshot too: revisions tell.  So nothing falls between, however long the snapshot takes.

Pages, and people within one, are in an order of the receiver's own, as events are: two receivers
cannot find whom they have in common by comparing who came when.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from consentid.brandbook.book import Book
from consentid.core.sharing import Line
from consentid.events.contract import Standing
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.event_cursor import cursor_of, stream_of
from consentid.flows.lines import find_line, resolver, say_now
from consentid.flows.note_read import note_read
from consentid.flows.open_subject import unseal
from consentid.flows.read_buffer import ReadKind
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.show_state import require_party
from consentid.flows.tell_receiver import Receiver, effect_of, subject_of
from consentid.flows.write_effects import LineEffect, path_of, revision_of
from consentid.kit.errors import BadCursorError, MalformedError
from consentid.kit.instants import Instant
from consentid.store import clock, feed, standings
from consentid.store.standings import StandingRow
from consentid.telemetry.tracing import step

MOST: Final = 500
_AT_ONCE: Final = 10


class SubjectStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A person, and what holds."""

    subject: str
    effective: list[Standing]


class SnapshotOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the snapshot."""

    subjects: list[SubjectStanding]
    next: str | None
    """Pass it as ``page`` for what follows; null at the end."""
    cursor: str
    """Pass it as ``after`` to ``/v1/events`` once all pages are read; each page repeats it."""


class _Page(msgspec.Struct, frozen=True, array_like=True):
    stream_no: int
    seq: int
    audience: str
    after: bytes


@step("show_standings")
async def show_standings(
    context: Context, caller: Caller, *, page: str | None, limit: int
) -> SnapshotOut:
    """A page of it.

    Raises:
        BadCursorError: the page is another consumer's, or of a stream that was closed.
        ForbiddenError: the brand or partner has left.
        UnavailableError: the database cannot be reached.
    """
    party = caller.client.party
    stream = await stream_of(context, caller)
    async with context.database.reading() as connection:
        head = await feed.find_stream(connection, stream.client_id) or stream
        place = _open(context, head.client_id, head.stream_no, page)
        book = await context.book(connection)
        require_party(book, party)
        audiences = sorted(book.catalogue.parties[party].audiences)
        first, after = audiences[0], standings.BEGINNING
        if place is not None:
            first, after = place.audience, UUID(bytes=place.after)
        rows = await standings.page(connection, audiences, first=first, after=after, most=limit)
        now = await clock.now(connection)
    seq = head.head if place is None else place.seq
    receiver = Receiver(client=caller.client, own_clients=frozenset())
    found: list[SubjectStanding] = []
    for number, row in enumerate(rows):
        if row.subject is not None:
            found.append(_standing(context, book, receiver, row, at=now))
            note_read(context, row.subject.id, caller.client.client_id, ReadKind.SNAPSHOT)
        if number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
    onward = (first, rows[-1].place) if len(rows) == limit else _of_next(audiences, first)
    following = None
    if onward is not None:
        audience, after = onward
        last = _Page(stream_no=head.stream_no, seq=seq, audience=audience, after=after.bytes)
        following = seal_reference(
            context, ReferenceKind.SNAPSHOT, holder=head.client_id, content=last
        )
    return SnapshotOut(
        subjects=sorted(found, key=lambda each: each.subject),
        next=following,
        cursor=cursor_of(context, head, seq),
    )


def _of_next(audiences: Sequence[str], audience: str) -> tuple[str, UUID] | None:
    """The beginning of the next audience; None where there is none."""
    later = next((each for each in audiences if each > audience), None)
    return None if later is None else (later, standings.BEGINNING)


def _open(context: Context, client_id: str, stream_no: int, unverified: str | None) -> _Page | None:
    if unverified is None:
        return None
    try:
        place = open_reference(
            context, ReferenceKind.SNAPSHOT, unverified, holder=client_id, into=_Page
        )
    except MalformedError as error:
        raise BadCursorError(
            "bad_cursor", "This is no page that this client was given.", where="page"
        ) from error
    if place.stream_no != stream_no:
        raise BadCursorError(
            "bad_cursor", "This page is of a stream that was closed: begin again.", where="page"
        )
    return place


def _standing(
    context: Context, book: Book, receiver: Receiver, row: StandingRow, *, at: Instant
) -> SubjectStanding:
    if row.subject is None:
        msg = "nothing holds of who was erased"
        raise RuntimeError(msg)
    subject = unseal(context, row.subject)
    resolve = resolver(book, subject, at=at)
    revs: dict[Line, list[int]] = {}
    for key, rev in row.revs.items():
        line = find_line(book, key)
        if line is not None and line.holder == receiver.party:
            revs.setdefault(line, []).append(rev)
    effective: list[Standing] = []
    for line, of_line in revs.items():
        saying = say_now(book, subject, line, at=at, resolve=resolve)
        told = effect_of(
            receiver,
            LineEffect(
                path=path_of(line),
                revision=revision_of(of_line),
                before=None,
                after=(saying.yes, saying.no),
                ends_at=saying.ends_at,
            ),
        )
        effective.append(
            Standing(
                party=told.party,
                via=told.via,
                revision=told.revision,
                now=told.after,
                ends_at=told.ends_at,
            )
        )
    return SubjectStanding(
        subject=subject_of(context, receiver.party, subject.id), effective=effective
    )
