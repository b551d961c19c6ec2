"""Carry what acts left in the outbox on to each receiver's sequence.

A batch is one transaction: the rows leave, their events stand at their places, every stream has its
new head, all of it or nothing.  Killed at any point, the next run begins with what is there; two at
once wait for one another, and neither carries on what the other did.

Acts of one subject stay in their order, since whoever acted for it held its lock until the commit.
Those of different subjects that fall into one batch are put into an order of each receiver's own:
two receivers cannot find whom they have in common by comparing who came after whom.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import Decision, DecisionId, SubjectId
from consentid.events.contract import Kind
from consentid.events.narrowing import narrows
from consentid.flows.context import Context
from consentid.flows.event_seal import Told, open_told, seal_event
from consentid.flows.open_decision import try_decision
from consentid.flows.tell_receiver import (
    NOTHING,
    Happening,
    Receiver,
    event_id_of,
    own_clients_of,
    subject_of,
    tell_receiver,
)
from consentid.flows.write_effects import Effects, read_effects
from consentid.keyring import wrapping
from consentid.kit import base64url
from consentid.kit.instants import Instant
from consentid.store import clients, clock, decisions, feed, outbox
from consentid.store.decisions import DecisionRow
from consentid.store.feed import NewEvent, Stream
from consentid.store.outbox import OutboxRow
from consentid.telemetry.tracing import step

BATCH: Final = 200
_LANE_BYTES: Final = 8
_log: Final = logging.getLogger("consentid.flows")
_encoder: Final = msgspec.json.Encoder()
_plain: Final = msgspec.json.Decoder(Told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A happening, and the key that its events are sealed under."""

    happening: Happening
    key: bytes | None


@step("drain_outbox")
async def drain_outbox(context: Context) -> int:
    """Carry one batch on; how many rows it were.

    Raises:
        UnavailableError: the database cannot be reached, or no configuration is in force.
        UnreadableError: a row cannot be opened with the keys that are there.
    """
    async with context.database.writing() as connection:
        # First, so that whoever opens a stream meanwhile gets all that is taken after that.
        streams = await feed.lock_streams(connection)
        rows = await outbox.take(connection, most=BATCH)
        if not rows:
            return 0
        if streams:
            book = await context.book(connection)
            opened = await _open(context, connection, rows)
            receivers = await _receivers(connection, streams)
            now = await clock.now(connection)
            events: list[NewEvent] = []
            heads: dict[int, int] = {}
            for stream in streams:
                new = _events(context, book, stream, receivers[stream.client_id], opened, at=now)
                if new:
                    events += new
                    heads[stream.stream_no] = new[-1].seq
            await feed.add(connection, events, heads)
    return len(rows)


async def _receivers(
    connection: AsyncConnection, streams: Sequence[Stream]
) -> Mapping[str, Receiver]:
    known = await clients.every(connection)
    own = own_clients_of(known)
    wanted = {stream.client_id for stream in streams}
    return {
        client.client_id: Receiver(client=client, own_clients=own[client.party])
        for client in known
        if client.client_id in wanted
    }


async def _open(
    context: Context, connection: AsyncConnection, rows: Sequence[OutboxRow]
) -> list[_Opened]:
    """The rows that somebody can be told of; not those of who was erased meanwhile."""
    keys = await _keys(context, connection, rows)
    opened: list[_Opened] = []
    for row in rows:
        key = None if row.subject is None else keys.get(row.subject)
        if row.told is not None:
            happening = _happening(row, told=_told(context, row))
            opened.append(_Opened(happening=happening, key=key))
        elif row.sealed is not None and key is not None:
            effects = read_effects(key, row.sealed, row.event_id)
            opened.append(_Opened(happening=_happening(row, effects=effects), key=key))
    found = await decisions.by_ids(
        connection, [UUID(bytes=id_) for each in opened for id_ in _decisions_of(each)]
    )
    return [_with_decisions(each, found) for each in opened]


async def _keys(
    context: Context, connection: AsyncConnection, rows: Sequence[OutboxRow]
) -> Mapping[SubjectId, bytes]:
    subjects = {row.subject for row in rows if row.subject is not None}
    wrapped = await outbox.wrapped_keys(connection, subjects)
    master = context.keyring.master
    return {
        subject: wrapping.unwrap(master, subject.bytes, each) for subject, each in wrapped.items()
    }


def _happening(
    row: OutboxRow, *, effects: Effects | None = None, told: Told = NOTHING
) -> Happening:
    return Happening(
        event_id=row.event_id,
        kind=row.kind,
        subject=row.subject,
        at=row.at,
        effects=effects,
        told=told,
    )


def _told(context: Context, row: OutboxRow) -> Told:
    if row.kind == Kind.CATALOGUE:
        return _plain.decode(row.told or b"{}")
    return open_told(context, row.told or b"")


def _decisions_of(opened: _Opened) -> Sequence[bytes]:
    effects = opened.happening.effects
    return () if effects is None else effects.decisions


def _with_decisions(opened: _Opened, found: Mapping[DecisionId, DecisionRow]) -> _Opened:
    happening, key = opened.happening, opened.key
    if key is None or happening.subject is None:
        return opened
    unsealed: list[Decision] = []
    for id_ in (DecisionId(UUID(bytes=each)) for each in _decisions_of(opened)):
        row = found.get(id_)
        decision = None if row is None else try_decision(key, happening.subject, row)
        if isinstance(decision, Decision):
            unsealed.append(decision)
            continue
        # What holds is told all the same: nobody waits for ever behind one record.
        why = "it is not there" if decision is None else decision.why
        _log.error("an event is told without its decision %s: %s", id_, why)
    return replace(opened, happening=replace(happening, decisions=unsealed))


def _events(
    context: Context,
    book: Book,
    stream: Stream,
    receiver: Receiver,
    opened: Sequence[_Opened],
    *,
    at: Instant,
) -> list[NewEvent]:
    lanes = [(_lane(context, receiver, each.happening.subject), each) for each in opened]
    new: list[NewEvent] = []
    for lane, each in sorted(lanes, key=lambda pair: pair[0]):
        happening, seq = each.happening, stream.head + len(new) + 1
        event = tell_receiver(context, book, receiver, happening, seq=seq)
        if event is None:
            continue
        # Whoever is erased has no key; their erasure is told all the same.
        key = each.key if happening.kind != Kind.ERASURE else None
        body = _encoder.encode(event)
        new.append(
            NewEvent(
                stream_no=stream.stream_no,
                seq=seq,
                id=event_id_of(context, receiver.party, happening.event_id),
                kind=happening.kind,
                subject=None if key is None else happening.subject,
                lane=lane,
                sealed=seal_event(context, key, body, stream_no=stream.stream_no, seq=seq),
                at=at,
                narrows=narrows(event),
            )
        )
    return new


def _lane(context: Context, receiver: Receiver, subject: SubjectId | None) -> int:
    """The same for all that is told of one person; 0 for what is about nobody."""
    if subject is None:
        return 0
    sub = base64url.decode(subject_of(context, receiver.party, subject))
    return int.from_bytes(sub[:_LANE_BYTES], signed=True)
