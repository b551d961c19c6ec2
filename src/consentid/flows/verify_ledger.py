"""Walk every log from its first entry: leaves, tiles, sizes, checkpoints, and what they speak of.

Nothing stored is believed: each hash is computed anew.  All of it is one snapshot, so a worker may
go on meanwhile.  Where something was changed, the place is named; what only follows from it (every
later root is another) is told once.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.open_log import continuation_commitment
from consentid.flows.verify_erasures import erasure_faults, spoken_of
from consentid.kit.errors import MalformedError
from consentid.kit.instants import Instant
from consentid.ledger import note
from consentid.ledger.checkpoint import open_checkpoint
from consentid.ledger.growing import FullTile, Growth
from consentid.ledger.leaf import VERSION, Kind, encode_leaf
from consentid.ledger.note import NoteKey
from consentid.ledger.tiles import HEIGHT, WIDTH, encode_tile
from consentid.ledger.tree import EMPTY_ROOT, leaf_hash
from consentid.store import ledger, ledger_audit, ledger_tiles
from consentid.store.ledger import EntryRow, LogRow
from consentid.store.ledger_audit import CommittedRow, HeadRow

_PAGE: Final = 2_048
_HASH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is not what it was."""

    log: str | None
    """The log's origin; None of what is in no log."""
    kind: str
    """``entry``, ``tile``, ``size``, ``checkpoint``, ``staged``, ``decision``, ``erasure`` or
    ``log``.
    """
    index: int | None
    """Of the entry, the tile within its level, the size."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """How far the walk has come."""

    entries: int
    faults: tuple[Fault, ...]
    """Found since the last word."""


class _Leaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: int
    kind: Kind
    id: UUID
    time: int
    origin: str
    commitment: str


_leaf_decoder: Final = msgspec.json.Decoder(_Leaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What leaves are held against."""

    origins: frozenset[str] | None
    """The logs' names; None where any will do."""
    catalogues: frozenset[bytes]
    continued: frozenset[bytes]


async def verify_ledger(context: Context) -> AsyncIterator[Walked]:
    """Walk all logs, then what waits, then whatever should be in one of them and is not.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        async for walked in walk_ledger(connection):
            yield walked


async def walk_ledger(connection: AsyncConnection) -> AsyncIterator[Walked]:
    """The same, in a transaction that is open already."""
    logs = await ledger.every_log(connection)
    known = _Known(
        origins=frozenset(each.origin for each in logs),
        catalogues=await ledger_audit.catalogue_digests(connection),
        continued=frozenset(
            continuation_commitment(each.continues) for each in logs if each.continues
        ),
    )
    for place, log in enumerate(logs):
        before = logs[place - 1] if place else None
        async for walked in _Walk(connection, log, known).run(before):
            yield walked
    async for walked in _beside(connection, known):
        yield walked


@final
@dataclass(slots=True)
class _Walk:
    """One log, from its first entry."""

    connection: AsyncConnection
    log: LogRow
    known: _Known
    growth: Growth = field(default_factory=Growth)
    is_broken: bool = False
    """Whether a root was another than it should be: so are all later ones."""

    async def run(self, before: LogRow | None) -> AsyncIterator[Walked]:
        keys, faults = self._keys(before)
        heads = self._heads()
        head = await anext(heads, None)
        seen = -1
        while True:
            page = await ledger.entries_from(
                self.connection, self.log.log_no, self.growth.size, limit=_PAGE
            )
            ids = [entry.event_id for _, entry in page]
            committed = await spoken_of(self.connection, ids)
            tiles: list[FullTile] = []
            for index, entry in (*page, (None, None)):
                while head is not None and head.size <= self.growth.size:
                    faults += self._head_faults(head, seen, keys)
                    seen, head = head.size, await anext(heads, None)
                if entry is None:
                    break
                if index != self.growth.size:
                    faults.append(self._fault("entry", self.growth.size, "it is missing"))
                    yield Walked(entries=0, faults=tuple(faults))
                    return
                message = leaf_fault(entry, committed.get(entry.event_id), self.known)
                if message is not None:
                    faults.append(self._fault("entry", index, message))
                tiles += self.growth.append(leaf_hash(entry.leaf))
            faults += await self._tile_faults(tiles)
            if not page:
                faults += await self._end_faults(seen, head)
            yield Walked(entries=len(page), faults=tuple(faults))
            if not page:
                return
            faults = []

    async def _heads(self) -> AsyncIterator[HeadRow]:
        after = -1
        while page := await ledger_audit.heads_after(
            self.connection, self.log.log_no, after, limit=_PAGE
        ):
            for head in page:
                yield head
            after = page[-1].size

    def _keys(self, before: LogRow | None) -> tuple[Sequence[NoteKey], list[Fault]]:
        try:
            key = note.parse_key(self.log.key)
            if before is not None and self.log.continues is not None:
                open_checkpoint(
                    self.log.continues, origin=before.origin, keys=[note.parse_key(before.key)]
                )
        except MalformedError as error:
            return [], [self._fault("log", None, error.message)]
        if key.name != self.log.origin:
            return [key], [self._fault("log", None, "its key is another log's")]
        return [key], []

    def _head_faults(self, head: HeadRow, seen: int, keys: Sequence[NoteKey]) -> Iterator[Fault]:
        if head.previous_size != (None if seen < 0 else seen):
            yield self._fault("size", head.size, f"it does not follow {max(seen, 0)}")
        computed = self.growth.root() if head.size else EMPTY_ROOT
        if not self.is_broken and (head.size != self.growth.size or head.root != computed):
            self.is_broken = True
            begin = max(seen, 0)
            yield self._fault(
                "size", head.size, f"its root is not that of the entries (from {begin} on)"
            )
        if head.note is None:
            return
        try:
            checkpoint, _ = open_checkpoint(head.note, origin=self.log.origin, keys=keys)
        except MalformedError as error:
            yield self._fault("checkpoint", head.size, error.message)
            return
        if (checkpoint.size, checkpoint.root) != (head.size, head.root):
            yield self._fault(
                "checkpoint", head.size, "it is signed, and not of this size and root"
            )

    async def _tile_faults(self, tiles: Sequence[FullTile]) -> list[Fault]:
        faults: list[Fault] = []
        for level in {tile.level for tile in tiles}:
            computed = {tile.number: tile for tile in tiles if tile.level == level}
            rows = await ledger_tiles.tiles_from(
                self.connection, self.log.log_no, level, min(computed), limit=len(computed)
            )
            stored = {number: (hashes, root) for number, hashes, root in rows}
            for number, tile in sorted(computed.items()):
                message = _tile_fault(tile, stored.get(number))
                if message is not None:
                    faults.append(self._fault("tile", number, f"level {level}: {message}"))
        return faults

    async def _end_faults(self, seen: int, head: HeadRow | None) -> list[Fault]:
        faults: list[Fault] = []
        size = self.growth.size
        if head is not None:
            faults.append(self._fault("entry", size, f"it is missing: the log had {head.size}"))
        elif seen != size:
            faults.append(self._fault("entry", max(seen, 0), "the log never had that many"))
        counts = [size >> (HEIGHT * (level + 1)) for level in range(8)]
        stray = await ledger_audit.stray_tile(self.connection, self.log.log_no, counts=counts)
        if stray is not None:
            faults.append(
                self._fault("tile", stray[1], f"level {stray[0]}: the log has none there")
            )
        size_of_none = await ledger_audit.stray_checkpoint(self.connection, self.log.log_no)
        if size_of_none is not None:
            faults.append(self._fault("checkpoint", size_of_none, "the log never had that size"))
        return faults

    def _fault(self, kind: str, index: int | None, message: str) -> Fault:
        return Fault(log=self.log.origin, kind=kind, index=index, message=message)


def leaf_fault(entry: EntryRow, committed: CommittedRow | None, known: _Known) -> str | None:
    """What is wrong with a leaf, beside what it is about."""
    try:
        leaf = _leaf_decoder.decode(entry.leaf)
        commitment = bytes.fromhex(leaf.commitment)
        again = encode_leaf(
            kind=leaf.kind,
            event_id=leaf.id,
            at=Instant(leaf.time),
            origin=leaf.origin,
            commitment=commitment,
        )
    except ValueError:
        return "it is no leaf"
    if leaf.v != VERSION or again != entry.leaf or len(commitment) != _HASH:
        return "it is no leaf in canonical form"
    if (leaf.id, leaf.kind) != (entry.event_id, entry.kind):
        return "it is stored as another event's"
    if known.origins is not None and leaf.origin not in known.origins:
        return f"it is of another log ({leaf.origin})"
    return _subject_fault(leaf, commitment, committed, known)


def _subject_fault(
    leaf: _Leaf, commitment: bytes, committed: CommittedRow | None, known: _Known
) -> str | None:
    """What is wrong with what a leaf is about."""
    match leaf.kind:
        case Kind.DECISION | Kind.SIGNAL | Kind.CLAIM:
            return _record_fault(leaf, "decision", commitment, committed)
        case Kind.REQUEST | Kind.ERASE:
            return _record_fault(leaf, "erasure", commitment, committed)
        case Kind.CATALOGUE if commitment not in known.catalogues:
            return "its catalogue is not there"
        case Kind.ADMIN if commitment not in known.continued:
            return "it names no checkpoint that a log continues"
        case _:
            return None


def _record_fault(
    leaf: _Leaf, what: str, commitment: bytes, row: CommittedRow | None
) -> str | None:
    if row is None:
        return f"its {what} {leaf.id} is not there"
    if row.commitment != commitment:
        return f"{what} {leaf.id} is not what was committed to"
    if (leaf.kind, leaf.time) != (row.kind, row.recorded_at):
        return f"{what} {leaf.id} is of another kind or time"
    return None


def _tile_fault(tile: FullTile, stored: tuple[bytes, bytes] | None) -> str | None:
    if stored is None:
        return "it is missing"
    hashes, root = stored
    if hashes == encode_tile(tile.hashes):
        return None if root == tile.root else "its root is another"
    if len(hashes) != WIDTH * _HASH:
        return f"it has {len(hashes)} bytes"
    place = next(
        place
        for place, hash_ in enumerate(tile.hashes)
        if hashes[place * _HASH : (place + 1) * _HASH] != hash_
    )
    return f"its hash at {place} is not that of entry or tile {tile.number * WIDTH + place}"


async def _beside(connection: AsyncConnection, known: _Known) -> AsyncIterator[Walked]:
    seq = -1
    # What waits may be for a log that is not begun yet.
    anywhere = replace(known, origins=None)
    while page := await ledger_audit.staged_after(connection, seq, limit=_PAGE):
        committed = await spoken_of(connection, [each.event_id for each in page])
        told = [(each, leaf_fault(each, committed.get(each.event_id), anywhere)) for each in page]
        faults = [
            Fault(log=None, kind="staged", index=each.seq, message=message)
            for each, message in told
            if message is not None
        ]
        yield Walked(entries=0, faults=tuple(faults))
        seq = page[-1].seq
    async for message in erasure_faults(connection):
        fault = Fault(log=None, kind="erasure", index=None, message=message)
        yield Walked(entries=0, faults=(fault,))
    after = UUID(int=0)
    while True:
        missing, last = await ledger_audit.unlogged(connection, after, limit=_PAGE)
        if last is None:
            return
        yield Walked(
            entries=0,
            faults=tuple(
                Fault(log=None, kind="decision", index=None, message=f"{id_} is in no log")
                for id_ in missing
            ),
        )
        after = last
