"""Hold what tokens say against the history that they claim to rest on.

A token says no more than its row, so each row is judged: at the moment of the last decision, under
the configuration that the row names, when the history allows the most.  Time alone only takes away,
so whatever a row says beyond that was never true.  Every index that a row left behind has to be
ended, and every ended one that was published has its bit in the list that verifiers read.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core import projection
from consentid.core.decision import CatalogueVersion, SubjectId
from consentid.core.saying import Saying
from consentid.flows.context import Context, read_book
from consentid.flows.lines import audience_of, find_line, say_now
from consentid.flows.open_decision import open_decision
from consentid.flows.open_subject import OpenSubject, unseal
from consentid.flows.seal_saying import open_saying
from consentid.flows.verify_projection import PAGE
from consentid.kit.errors import UnreadableError
from consentid.kit.instants import Instant
from consentid.store import clock, decisions, status_audit, status_lists, statuses, subjects
from consentid.store.decisions import DecisionRow
from consentid.store.status_audit import HeldIndex
from consentid.store.statuses import AudienceState
from consentid.store.subjects import SubjectRow

_NOTHING = Saying(yes=(), no=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What was found of one subject, or of one status list."""

    subject: SubjectId | None
    list_no: int | None = None
    audiences: int = 0
    faults: tuple[str, ...]
    """Empty where all is well."""

    @property
    def whose(self) -> str:
        """Which subject or list it is about."""
        return f"status list {self.list_no}" if self.subject is None else f"subject {self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What is stored of some subjects, at one moment."""

    at: Instant
    rows: Mapping[SubjectId, SubjectRow]
    decisions: Mapping[SubjectId, Sequence[DecisionRow]]
    states: Mapping[SubjectId, Sequence[AudienceState]]
    indices: Mapping[SubjectId, Sequence[HeldIndex]]


async def verify_issued(context: Context) -> AsyncIterator[Issued]:
    """Judge the tokens of every subject, a page of them in one snapshot, then every status list.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        everyone = await subjects.every_id(connection)
        lists = await status_lists.every(connection)
    books: dict[CatalogueVersion, Book] = {}
    for first in range(0, len(everyone), PAGE):
        ids = everyone[first : first + PAGE]
        async with context.database.reading() as connection:
            page = await _read(connection, ids)
            found = [await _check(context, connection, books, page, each) for each in ids]
        for each in found:
            if each is not None:
                yield each
    for list_no in lists:
        async with context.database.reading() as connection:
            bits, ended = await status_audit.published(connection, list_no)
        yield Issued(subject=None, list_no=list_no, faults=tuple(_bit_faults(bits, ended)))


async def _read(connection: AsyncConnection, ids: Sequence[SubjectId]) -> _Page:
    return _Page(
        at=await clock.now(connection),
        rows=await subjects.by_ids(connection, ids),
        decisions=await decisions.of_subjects(connection, ids),
        states=await statuses.of_subjects(connection, ids),
        indices=await status_audit.indices_of(connection, ids),
    )


async def _check(
    context: Context,
    connection: AsyncConnection,
    books: dict[CatalogueVersion, Book],
    page: _Page,
    id_: SubjectId,
) -> Issued | None:
    row, states = page.rows.get(id_), page.states.get(id_, [])
    if row is None:
        return None
    try:
        for version in {state.catalogue for state in states} - books.keys():
            books[version] = await read_book(connection, version)
        subject = unseal(context, row)
        history = [open_decision(subject, each) for each in page.decisions.get(id_, [])]
    except UnreadableError as error:
        why = ": ".join(filter(None, (error.where, error.message)))
        told = f"its history or its rules cannot be read: {why}"
        return Issued(subject=id_, faults=(told,))
    at = max((each.recorded_at for each in history), default=page.at)
    rested = replace(subject, projection=projection.project(history))
    faults = [
        fault
        for state in states
        for fault in _row_faults(books[state.catalogue], rested, state, at)
    ]
    faults += _index_faults(states, page.indices.get(id_, []))
    return Issued(subject=id_, audiences=len(states), faults=tuple(faults))


def _row_faults(
    book: Book, subject: OpenSubject, state: AudienceState, at: Instant
) -> Sequence[str]:
    whom = audience_of(state)
    try:
        said = open_saying(subject, state)
    except UnreadableError as error:
        return [f"what tokens for {whom} say cannot be opened: {error.message}"]
    line = find_line(book, state.audience)
    holds = _NOTHING if line is None else say_now(book, subject, line, at=at)
    faults: list[str] = []
    if more := set(said.yes) - set(holds.yes):
        faults.append(f"tokens for {whom} say yes to {_listed(more)}, the history does not")
    # What was passed on says no wherever a hop ended.
    if (line is None or not line.actors) and (more := set(said.no) - set(holds.no)):
        faults.append(f"tokens for {whom} say no to {_listed(more)}, the history does not")
    return faults


def _index_faults(states: Sequence[AudienceState], indices: Sequence[HeldIndex]) -> Sequence[str]:
    now: Mapping[str, AudienceState] = {state.audience: state for state in states}
    held = {(each.audience, each.status) for each in indices}
    faults = [
        f"tokens for {audience_of(state)} point to a place that is not theirs"
        for state in states
        if (state.audience, state.status) not in held and not state.is_leaving
    ]
    for each in indices:
        state = now.get(each.audience)
        if not each.is_revoked and (
            state is None or each.status not in {state.status, state.former}
        ):
            place = f"{each.status.idx} of status list {each.status.list_no}"
            faults.append(f"tokens at {place} say what holds no more, and were not ended")
    return faults


def _bit_faults(bits: bytes, ended: frozenset[int]) -> Sequence[str]:
    is_set = {
        place * 8 + bit
        for place, byte in enumerate(bits)
        if byte
        for bit in range(8)
        if byte >> bit & 1
    }
    return [
        *(f"{idx} was ended, and its bit is not set" for idx in sorted(ended - is_set)),
        *(f"the bit of {idx} is set, and nobody ended it" for idx in sorted(is_set - ended)),
    ]


def _listed(purposes: Collection[str]) -> str:
    return ", ".join(sorted(purposes))
