"""Walk every log from its first entry: leaves, tiles, sizes, checkpoints, and what they speak of.

Nothing stored is believed: each hash is computed anew.  All of it is one snapshot, so a worker may
go on meanwhile.  Where something was changed, the place is named; what only follows from it (every
later root is another) is told once.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.leaf_faults import Known, leaf_fault, read_known, spoken_of
from consentid.flows.log_origin import log_origin
from consentid.flows.open_log import continuation_commitment
from consentid.flows.verify_catalogues import catalogue_faults
from consentid.flows.verify_erasures import erasure_faults
from consentid.flows.verify_pictures import picture_faults
from consentid.kit.errors import MalformedError, UnavailableError
from consentid.ledger import note
from consentid.ledger.checkpoint import open_checkpoint
from consentid.ledger.growing import FullTile, Growth
from consentid.ledger.note import NoteKey
from consentid.ledger.tiles import HEIGHT, WIDTH, encode_tile
from consentid.ledger.tree import EMPTY_ROOT, leaf_hash
from consentid.store import ledger, ledger_audit, ledger_tiles, subject_audit
from consentid.store.ledger import EntryRow, LogRow
from consentid.store.ledger_audit import HeadRow

_PAGE: Final = 2_048
_HASH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is not what it was."""

    log: str | None
    """The log's origin; None of what is in no log."""
    kind: str
    """``entry``, ``tile``, ``size``, ``checkpoint``, ``staged``, ``decision``, ``erasure``,
    ``catalogue``, ``picture``, ``subject`` or ``log``.
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


async def verify_ledger(context: Context) -> AsyncIterator[Walked]:
    """Walk all logs, then what waits, then whatever should be in one of them and is not.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        coming = await _coming(context, connection)
        async for walked in walk_ledger(connection, coming=coming):
            yield walked


async def walk_ledger(
    connection: AsyncConnection, *, coming: str | None = None
) -> AsyncIterator[Walked]:
    """The same, in a transaction that is open already; ``coming`` is the log that is to grow."""
    logs = await ledger.every_log(connection)
    known = await read_known(connection, logs)
    for place, log in enumerate(logs):
        before = logs[place - 1] if place else None
        async for walked in _Walk(connection, log, known).run(before):
            yield walked
    async for walked in _beside(connection, known, coming):
        yield walked


async def _coming(context: Context, connection: AsyncConnection) -> str | None:
    """What the log is to be called that grows next; None where the configuration is damaged."""
    try:
        return log_origin(context, await context.book(connection))
    except (UnavailableError, ValueError):
        return context.settings.ledger_origin


@final
@dataclass(slots=True)
class _Walk:
    """One log, from its first entry."""

    connection: AsyncConnection
    log: LogRow
    known: Known
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
                    after = await anext(heads, None)
                    faults += self._head_faults(head, seen, keys, is_last=after is None)
                    seen, head = head.size, after
                if entry is None:
                    break
                if index != self.growth.size:
                    faults.append(self._fault("entry", self.growth.size, "it is missing"))
                    yield Walked(entries=0, faults=tuple(faults))
                    return
                if index == 0 and not _names(entry, self.log.continues):
                    faults.append(self._fault("log", None, "it continues what no entry names"))
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

    def _head_faults(
        self, head: HeadRow, seen: int, keys: Sequence[NoteKey], *, is_last: bool
    ) -> Iterator[Fault]:
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
            # The last size may be about to be published.  An empty log says nothing: the first
            # release did not sign it, and one that continues another begins at 1.
            if not is_last and head.size:
                yield self._fault("checkpoint", head.size, "it is missing")
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
        faults += [
            self._fault(kind, place, "the log has none there: it begins at 0")
            for kind, place in await ledger_audit.below_zero(self.connection, self.log.log_no)
        ]
        size_of_none = await ledger_audit.stray_checkpoint(self.connection, self.log.log_no)
        if size_of_none is not None:
            faults.append(self._fault("checkpoint", size_of_none, "the log never had that size"))
        return faults

    def _fault(self, kind: str, index: int | None, message: str) -> Fault:
        return Fault(log=self.log.origin, kind=kind, index=index, message=message)


def _names(first: EntryRow, continues: str | None) -> bool:
    """Whether the first entry of a log names what the log is said to continue, if anything."""
    return continues is None or continuation_commitment(continues).hex().encode() in first.leaf


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


async def _beside(
    connection: AsyncConnection, known: Known, coming: str | None
) -> AsyncIterator[Walked]:
    seq = -1
    strays = await ledger_audit.stray_logs(connection)
    # What waits may be for a log that is not begun yet.
    origins = None if coming is None else (known.origins or frozenset()) | {coming}
    waiting = replace(known, origins=origins)
    while page := await ledger_audit.staged_after(connection, seq, limit=_PAGE):
        committed = await spoken_of(connection, [each.event_id for each in page])
        told = [(each, leaf_fault(each, committed.get(each.event_id), waiting)) for each in page]
        faults = [
            Fault(log=None, kind="staged", index=each.seq, message=message)
            for each, message in told
            if message is not None
        ]
        yield Walked(entries=0, faults=tuple(faults))
        seq = page[-1].seq
    beside = [
        *[("erasure", message) async for message in erasure_faults(connection)],
        *[("catalogue", message) async for message in catalogue_faults(connection, known)],
        *[("picture", message) async for message in picture_faults(connection)],
        *[("subject", message) for message in await subject_audit.strays(connection)],
        *[("log", f"{what} are of log {no}, which is not there") for what, no in strays],
    ]
    yield Walked(entries=0, faults=tuple(_nowhere(kind, message) for kind, message in beside))
    after = UUID(int=0)
    while True:
        missing, last = await ledger_audit.unlogged(connection, after, limit=_PAGE)
        if last is None:
            return
        yield Walked(
            entries=0,
            faults=tuple(_nowhere("decision", f"{id_} is in no log") for id_ in missing),
        )
        after = last


def _nowhere(kind: str, message: str) -> Fault:
    return Fault(log=None, kind=kind, index=None, message=message)
