"""What acts leave, those of many subjects at a time: one statement, however many they are.

It is on the way of every decision, so it is text, written from the tables once for what there is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import Decision, SignalSource, SubjectId
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant, to_datetime
from consentid.store import tables
from consentid.store.arrays import Row, fetch, unnest
from consentid.store.idempotency import IdempotencyKey
from consentid.store.served import ServedNotice
from consentid.store.statuses import AudienceState, StatusIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """A decision with its ledger entry."""

    decision: Decision
    record: dict[str, Json]
    """Its closed form, which is sealed and committed to."""
    salt: bytes = field(repr=False)
    """The commitment's.  Not written: it is for the receipt."""
    sealed: bytes
    commitment: bytes
    kind: str
    leaf: bytes
    subject_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What is to be told of an act, sealed."""

    id: UUID
    kind: str
    subject_version: int
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProjection:
    """What the decisions of a subject come down to now."""

    version: int
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAnswer:
    """What a key was used for, and what was answered."""

    key: IdempotencyKey
    request_digest: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What one subject's act leaves."""

    subject: SubjectId
    at: Instant
    decisions: Sequence[NewDecision] = ()
    event: NewEvent | None = None
    projection: NewProjection | None = None
    states: Sequence[AudienceState] = ()
    """Rows to be made or replaced."""
    ended: Sequence[StatusIndex] = ()
    """Indices whose tokens end; the publisher sets their bits in its next window."""
    served: ServedNotice | None = None
    """The notice that was answered; answered more than once, it is one notice."""
    device: SubjectId | None = None
    """Where the signals were seen; None: on the subject itself."""
    signals: Mapping[SignalSource, bool] = field(default_factory=dict[SignalSource, bool])
    answer: NewAnswer | None = None


_INSERT: Final = "INSERT INTO {table} ({columns}) SELECT * FROM {given}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What is done to one table, and the rows that it is done with."""

    table: Table
    columns: tuple[str, ...]
    rows: Callable[[Sequence[Act]], Iterable[Row]]
    statement: str = _INSERT

    def text(self, *, first: int) -> str:
        """The statement, its arrays numbered from ``first``."""
        given = unnest(self.table, self.columns, first=first)
        columns = ", ".join(self.columns)
        return self.statement.format(table=self.table.name, columns=columns, given=given)


def _projections(acts: Sequence[Act]) -> Iterator[Row]:
    for act in acts:
        if act.projection is not None:
            yield act.subject, act.projection.version, act.projection.sealed


def _decisions(acts: Sequence[Act]) -> Iterator[Row]:
    for act in acts:
        for new in act.decisions:
            decision = new.decision
            yield (
                decision.id,
                decision.subject,
                to_datetime(decision.recorded_at),
                to_datetime(decision.interval.early),
                to_datetime(decision.interval.late),
                decision.clock_unproven,
                decision.catalogue,
                decision.actor,
                decision.assurance,
                decision.channel,
                decision.served,
                decision.signal,
                decision.adopted_from,
                new.sealed,
                new.commitment,
            )


def _staged_entries(acts: Sequence[Act]) -> Iterator[Row]:
    for act in acts:
        for new in act.decisions:
            yield new.decision.id, new.kind, new.leaf, to_datetime(new.decision.recorded_at)


def _outbox(acts: Sequence[Act]) -> Iterator[Row]:
    for act in acts:
        new = act.event
        if new is not None:
            yield (
                new.id,
                new.kind,
                act.subject,
                new.subject_version,
                new.sealed,
                to_datetime(act.at),
            )


def _served_notices(acts: Sequence[Act]) -> Iterator[Row]:
    # In one order everywhere: two who answered the same texts wait for one another, and not both.
    answered = {act.served.id: (act.served, act.at) for act in acts if act.served is not None}
    for id_, (served, at) in sorted(answered.items()):
        yield (
            id_,
            served.client_id,
            served.notice_id,
            served.version,
            served.language,
            served.digest,
            served.catalogue,
            to_datetime(at),
        )


def _audience_states(acts: Sequence[Act]) -> Iterator[Row]:
    for act in acts:
        for state in act.states:
            place = state.status
            yield (
                act.subject,
                state.audience,
                state.rev,
                state.sealed,
                place.list_no,
                place.idx,
                state.catalogue,
                None if state.former is None else state.former.list_no,
                None if state.former is None else state.former.idx,
            )


def _status_indices(acts: Sequence[Act]) -> Iterator[Row]:
    for act in acts:
        for place in act.ended:
            yield place.list_no, place.idx, to_datetime(act.at)


def _signals_seen(acts: Sequence[Act]) -> Iterator[Row]:
    for act in acts:
        for source, is_on in act.signals.items():
            yield act.subject, act.device or act.subject, source, is_on


def _idempotency_keys(acts: Sequence[Act]) -> Iterator[Row]:
    answers = [(act, act.answer) for act in acts if act.answer is not None]
    for act, answer in sorted(answers, key=lambda each: each[1].key.place):
        key = answer.key
        yield (
            key.client_id,
            key.route,
            key.key_hash,
            answer.request_digest,
            act.subject,
            answer.sealed,
            to_datetime(act.at),
        )


_PARTS: Final = (
    _Part(
        table=tables.projections,
        columns=("subject_id", "version", "sealed"),
        rows=_projections,
        statement="""
            UPDATE projections SET version = given.version, sealed = given.sealed
            FROM {given} WHERE projections.subject_id = given.subject_id
        """,
    ),
    _Part(
        table=tables.decisions,
        columns=(
            *("id", "subject_id", "recorded_at", "early", "late", "clock_unproven", "catalogue"),
            *("client_id", "assurance", "channel", "served", "signal", "adopted_from"),
            *("sealed", "commitment"),
        ),
        rows=_decisions,
    ),
    _Part(
        table=tables.staged_entries,
        columns=("event_id", "kind", "leaf", "staged_at"),
        rows=_staged_entries,
    ),
    _Part(
        table=tables.outbox,
        columns=("event_id", "kind", "subject_id", "subject_version", "sealed", "created_at"),
        rows=_outbox,
    ),
    _Part(
        table=tables.served_notices,
        columns=(
            *("id", "client_id", "notice_id", "version", "language", "digest", "catalogue"),
            "minted_at",
        ),
        rows=_served_notices,
        statement=f"{_INSERT} ON CONFLICT DO NOTHING",
    ),
    _Part(
        table=tables.audience_states,
        columns=(
            *("subject_id", "audience", "rev", "sealed", "list_no", "idx", "catalogue"),
            *("former_list_no", "former_idx"),
        ),
        rows=_audience_states,
        statement=f"""
            {_INSERT} ON CONFLICT (subject_id, audience) DO UPDATE SET
            (rev, sealed, list_no, idx, catalogue, former_list_no, former_idx) = (
              excluded.rev, excluded.sealed, excluded.list_no, excluded.idx, excluded.catalogue,
              excluded.former_list_no, excluded.former_idx
            )
        """,
    ),
    _Part(
        table=tables.status_indices,
        columns=("list_no", "idx", "revoked_at"),
        rows=_status_indices,
        statement="""
            UPDATE status_indices SET revoked_at = given.revoked_at FROM {given}
            WHERE status_indices.list_no = given.list_no AND status_indices.idx = given.idx
            AND status_indices.revoked_at IS NULL
        """,
    ),
    _Part(
        table=tables.signals_seen,
        columns=("subject_id", "device_id", "source", "is_on"),
        rows=_signals_seen,
        statement=f"""
            {_INSERT} ON CONFLICT (subject_id, device_id, source)
            DO UPDATE SET is_on = excluded.is_on
        """,
    ),
    _Part(
        table=tables.idempotency_keys,
        columns=(
            *("client_id", "route", "key_hash", "request_digest", "subject_id"),
            *("sealed_answer", "created_at"),
        ),
        rows=_idempotency_keys,
        statement=f"{_INSERT} ON CONFLICT DO NOTHING RETURNING key_hash",
    ),
)


TABLES: Final = tuple(part.table.name for part in _PARTS)
"""What acts write to, in this order."""


@cache
def statement_text(written: tuple[str, ...]) -> str:
    """One statement that writes to some of ``TABLES``, and returns the keys that were free.

    A part costs PostgreSQL time even where it has no row, and most where it is planned anew.
    """
    texts, first = list[str](), 1
    parts = [part for part in _PARTS if part.table.name in written]
    for part in parts:
        texts.append(part.text(first=first))
        first += len(part.columns)
    before = ", ".join(
        f"{part.table.name}_written AS ({text})"
        for part, text in zip(parts[:-1], texts, strict=False)
    )
    return f"WITH {before} {texts[-1]}" if before else texts[-1]


async def write(connection: AsyncConnection, acts: Sequence[Act]) -> bool:
    """Leave what follows from acts of different subjects.  The caller holds their locks.

    False where one of the keys was used meanwhile: then the caller rolls back.
    """
    found = {part.table.name: [*part.rows(acts)] for part in _PARTS}
    written = tuple(name for name, rows in found.items() if rows)
    if not written:
        return True
    arrays = [column for name in written for column in zip(*found[name], strict=True)]
    kept = await fetch(connection, statement_text(written), *arrays)
    return len(kept) == sum(act.answer is not None for act in acts)
