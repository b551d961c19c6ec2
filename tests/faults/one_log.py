"""One log, seen from outside while it grows: what is brought to it, what is read of it, and whether
in the end all of it is there once, under the one root that each size ever had.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import text
from tests.faults.leaves import bring

from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.verify_ledger import verify_ledger
from consentid.kit.errors import UnavailableError
from consentid.ledger import note
from consentid.ledger.checkpoint import open_checkpoint
from consentid.store import ledger, ledger_audit
from consentid.store.ledger import LogRow

_LOOK_S: Final = 0.003
_AT_ONCE: Final = 20
_ENOUGH: Final = 1_500
"""Waiting leaves at which nobody brings more."""
_WAITING: Final = text("SELECT count(*) FROM staged_entries")
_ALL: Final = 10**7


@dataclass(slots=True)
class Seen:
    """What was read from outside: of every size, the one root it may have."""

    before: frozenset[UUID]
    """What the log had, or waited for it, when it began."""
    roots: dict[int, bytes] = field(default_factory=dict[int, bytes])
    any: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once something was read."""
    violations: list[str] = field(default_factory=list[str])

    def add(self, log: LogRow, unverified: bytes, *, where: str) -> None:
        checkpoint, _ = open_checkpoint(
            unverified, origin=log.origin, keys=[note.parse_key(log.key)]
        )
        if self.roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            self.violations.append(f"size {checkpoint.size} had two roots, one of them in {where}")
        self.any.set()


@dataclass(slots=True)
class Brought:
    """Leaves by their ids: those that a commit was heard of, and those that may be there."""

    sure: set[UUID] = field(default_factory=set[UUID])
    maybe: set[UUID] = field(default_factory=set[UUID])
    refused: int = 0
    """How often none could be brought."""


async def keep_bringing(context: Context, brought: Brought) -> None:
    """Leaves without a pause, as long as not too many wait."""
    while True:
        ids = [UUID(bytes=secrets.token_bytes(16)) for _ in range(_AT_ONCE)]
        brought.maybe |= {*ids}
        try:
            async with context.database.writing() as connection:
                waiting = int(await connection.scalar(_WAITING) or 0)
                if waiting < _ENOUGH:
                    origin = log_origin(context, await context.book(connection))
                    await bring(connection, ids, origin=origin)
            if waiting < _ENOUGH:
                brought.sure |= {*ids}
        except UnavailableError:
            brought.refused += 1
        await asyncio.sleep(_LOOK_S)


async def keep_reading(context: Context, seen: Seen) -> None:
    """What is published, and what lies outside, as an outsider sees it."""
    copy = context.settings.ledger_copy
    while True:
        await asyncio.sleep(_LOOK_S)
        with contextlib.suppress(UnavailableError):
            async with context.database.glancing() as connection:
                found = await ledger.newest_published(connection)
            if found is None:
                continue
            log, published = found
            seen.add(log, published.note.encode(), where="the database")
            if copy is not None and copy.exists():
                seen.add(log, copy.read_bytes(), where="the copy")


async def faults(context: Context, seen: Seen, brought: Brought) -> list[str]:
    """What is wrong, once nobody brings anything and nothing waits."""
    found = list(seen.violations)
    async for walked in verify_ledger(context):
        found += [f"{each.kind} {each.index}: {each.message}" for each in walked.faults]
    async with context.database.reading() as connection:
        heads = await ledger_audit.heads_after(connection, 1, -1, limit=_ALL)
        entries = await ledger.entries_from(connection, 1, 0, limit=_ALL)
    roots = {head.size: head.root for head in heads}
    for size, root in seen.roots.items():
        if roots.get(size) != root:
            found.append(f"size {size} was published, and is another now")
    ids = Counter(entry.event_id for _, entry in entries)
    found += [f"{id_} is there {many} times" for id_, many in ids.items() if many > 1]
    found += [f"{id_} is lost" for id_ in brought.sure - ids.keys()]
    found += [f"{id_} came from nowhere" for id_ in ids.keys() - brought.maybe - seen.before]
    return found


async def ids_there(context: Context) -> frozenset[UUID]:
    async with context.database.reading() as connection:
        waiting = await ledger_audit.staged_after(connection, 0, limit=_ALL)
        entries = await ledger.entries_from(connection, 1, 0, limit=_ALL)
    return frozenset({each.event_id for each in waiting} | {each.event_id for _, each in entries})
