"""Keep what tokens say in step with what holds: one row per subject and audience.

The row follows the subject alone.  A token for a person signed in on a device may say less than the
row (the device's objections stand), never more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.core.saying import Saying
from consentid.core.sharing import Line, Resolve
from consentid.flows.context import Context
from consentid.flows.lines import find_line, resolver, row_key, say_now
from consentid.flows.open_subject import OpenSubject
from consentid.flows.seal_saying import (
    first_revision,
    open_saying,
    open_shown,
    raised,
    seal_saying,
)
from consentid.flows.write_effects import LineState, write_effects
from consentid.kit.instants import Instant
from consentid.store import acts, statuses
from consentid.store.acts import Act
from consentid.store.statuses import AudienceState, StatusIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row as it is, and what it is to say from now on."""

    key: str
    saying: Saying
    before: AudienceState | None = None
    """None for one that is made now."""
    said: Saying | None = None
    was_shown: bool = False
    """Whether a token was issued that says what it says before."""
    is_issued: bool = False
    """Whether a token is issued of it now: only then does it move to another list, since rows of
    one person that all move at one moment would tell who belongs together.
    """

    @property
    def differs(self) -> bool:
        """Whether it says anything else than before."""
        return self.said is None or self.saying.differs(self.said)

    @property
    def is_shown(self) -> bool:
        """Whether a token has said it, once what is done now is done."""
        return self.is_issued or (self.was_shown and not self.differs)

    @property
    def narrows(self) -> bool:
        """Whether its tokens must end."""
        return self.said is not None and self.saying.narrows(self.said)

    @property
    def needs_index(self) -> bool:
        """Whether its next tokens point to an index that no token has pointed to."""
        if self.before is None or self.narrows:
            return True
        return self.is_issued and self.before.is_leaving


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """A row and what it says."""

    state: AudienceState
    saying: Saying


def find_rows(
    book: Book,
    subject: OpenSubject,
    states: Iterable[AudienceState],
    *,
    at: Instant,
    resolve: Resolve,
    issued: str | None = None,
) -> list[Row]:
    """Every row that a subject has, beside what holds now; of ``issued`` a token is issued."""
    rows: list[Row] = []
    for state in states:
        line = find_line(book, state.audience)
        saying = Saying(yes=(), no=())
        if line is not None:
            saying = say_now(book, subject, line, at=at, resolve=resolve)
        said, was_shown = open_shown(subject, state)
        rows.append(
            Row(
                key=state.audience,
                saying=saying,
                before=state,
                said=said,
                was_shown=was_shown,
                is_issued=state.audience == issued,
            )
        )
    return rows


def settle_all(
    context: Context,
    book: Book,
    subject: OpenSubject,
    rows: Iterable[Row],
    indices: Iterable[StatusIndex | None],
) -> list[AudienceState]:
    """The rows as they say it; ``indices`` as ``take_indices`` gave them."""
    return [
        _settle(context, book, subject, row, index)
        for row, index in zip(rows, indices, strict=True)
    ]


def _settle(
    context: Context, book: Book, subject: OpenSubject, row: Row, index: StatusIndex | None
) -> AudienceState:
    """Its revision rises where what it says differs from what it said."""
    catalogue = book.catalogue.version
    before = row.before
    former = None
    if before is not None and not row.narrows:
        former = before.status if index is not None else before.former
    if before is not None and not row.differs:
        status = index or before.status
        is_leaving = before.is_leaving and index is None
        sealed = before.sealed if row.was_shown == row.is_shown else _seal(context, subject, row)
        return replace(
            before,
            sealed=sealed,
            catalogue=catalogue,
            status=status,
            former=former,
            is_leaving=is_leaving,
        )
    status = index or (before and before.status)
    if status is None:
        msg = "a new row needs an index"
        raise RuntimeError(msg)
    return AudienceState(
        audience=row.key,
        rev=_revision(context, row),
        sealed=_seal(context, subject, row),
        status=status,
        catalogue=catalogue,
        former=former,
    )


def _revision(context: Context, row: Row) -> int:
    if row.before is None:
        return first_revision(context.draw)
    return raised(row.before.rev, context.draw, was_shown=row.was_shown)


def _seal(context: Context, subject: OpenSubject, row: Row) -> bytes:
    return seal_saying(context, subject, row.key, row.saying, is_shown=row.is_shown)


async def restate_all(
    context: Context, connection: AsyncConnection, book: Book, subject: OpenSubject, *, at: Instant
) -> None:
    """Bring every row of a subject up to date.  The caller holds the subject's lock."""
    states = await statuses.of_subject(connection, subject.id)
    resolve = resolver(book, subject, at=at)
    rows = find_rows(book, subject, states, at=at, resolve=resolve)
    await _bring(context, connection, book, subject, rows, at=at)


async def restate(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    line: Line,
    *,
    audience: str,
    at: Instant,
) -> Restated:
    """The row of a line and of an audience of its holder's, made when first needed.

    The caller holds the subject's lock.
    """
    key = row_key(line, audience)
    states = await statuses.of_subject(connection, subject.id)
    before = next((state for state in states if state.audience == key), None)
    said, was_shown = (None, False) if before is None else open_shown(subject, before)
    row = Row(
        key=key,
        saying=say_now(book, subject, line, at=at),
        before=before,
        said=said,
        was_shown=was_shown,
        is_issued=True,
    )
    beside = [
        LineState(line=line, said=open_saying(subject, each), saying=row.saying, rev=each.rev)
        for each in states
        if each.audience != key and find_line(book, each.audience) == line
    ]
    (state,) = await _bring(context, connection, book, subject, [row], beside=beside, at=at)
    return Restated(state=state, saying=row.saying)


async def _bring(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    rows: Sequence[Row],
    *,
    beside: Sequence[LineState] = (),
    at: Instant,
) -> Sequence[AudienceState]:
    indices = await take_indices(context, connection, [(subject.id, row) for row in rows], at=at)
    states = settle_all(context, book, subject, rows, indices)
    new = changed(rows, states)
    if new:
        told = [*line_states(book, rows, states), *beside]
        has_news = any(row.differs for row in rows)
        act = Act(
            subject=subject.id,
            at=at,
            event=write_effects(context, subject, told, at=at) if has_news else None,
            states=new,
            ended=ended(context, rows, at=at),
        )
        await acts.write(connection, [act])
    return states


async def take_indices(
    context: Context,
    connection: AsyncConnection,
    rows: Sequence[tuple[SubjectId, Row]],
    *,
    at: Instant,
) -> list[StatusIndex | None]:
    """A fresh index for each row that needs one."""
    needing = [(subject, row.key) for subject, row in rows if row.needs_index]
    taken = iter(
        await statuses.allocate_all(connection, needing, draw=context.draw, at=at)
        if needing
        else ()
    )
    return [next(taken) if row.needs_index else None for _, row in rows]


def line_states(
    book: Book, rows: Iterable[Row], states: Iterable[AudienceState]
) -> list[LineState]:
    """The rows as they are told: nothing of a line whose parties have left."""
    lines = (
        (row, state, find_line(book, row.key)) for row, state in zip(rows, states, strict=True)
    )
    return [
        LineState(line=line, said=row.said, saying=row.saying, rev=state.rev)
        for row, state, line in lines
        if line is not None
    ]


def changed(rows: Iterable[Row], states: Iterable[AudienceState]) -> list[AudienceState]:
    """The states that are not what the rows were."""
    return [state for row, state in zip(rows, states, strict=True) if state != row.before]


def ended(context: Context, rows: Iterable[Row], *, at: Instant) -> list[StatusIndex]:
    """The indices whose tokens end, suspected from now on: call it before the commit."""
    ending = [
        place
        for row in rows
        if row.before is not None and row.narrows
        for place in (row.before.status, row.before.former)
        if place is not None
    ]
    for status in ending:
        context.suspects.note(status, at=at)
    return ending
