"""Fill the disks that the log is written to, while leaves come in and what is published is read.

Two small disks: PostgreSQL's own, and the one of the copy outside.  Either is full, or both are,
now and then but for a few blocks; whoever sequences meets that, and is killed meanwhile or is not.
Then there is room again.  PostgreSQL is started where it has ended itself, as its keeper would;
nobody touches the sequencer.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Final, final
from uuid import UUID

from tests.faults.disks import fill
from tests.faults.killing import Site, beside
from tests.faults.kinds import started_again
from tests.faults.mortal import Life, begin, nursery
from tests.faults.one_log import Brought, Seen, faults, ids_there, keep_bringing, keep_reading

from consentid.embedded.errors import EmbeddedServerError
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.flows.context import Context
from consentid.flows.opening import open_context
from consentid.kit.errors import UnavailableError
from consentid.store import ledger, ledger_audit, sequencing

SMALL_BYTES: Final = 224 * 2**20
"""Enough for PostgreSQL as ``small_server`` has it, and soon full."""
TINY_BYTES: Final = 2**16
_LOOK_S: Final = 0.02
_PATIENCE_S: Final = 60.0
_REFUSED: Final = 3
_STUCK: Final = 600
"""So many leaves never wait while somebody sequences."""
_LEFT_BYTES: Final = (0, 0, 2**13, 2**15, 2**17)
_KILLED_OFTEN: Final = 0.3
_OTHERS: Final = ("database", "both")
_ALL: Final = 10**7


@dataclass(frozen=True, slots=True, kw_only=True)
class Disks:
    """Files to fill them with."""

    copy: Path
    database: Path | None = None
    """None where it lies on a large one."""


@dataclass(slots=True, kw_only=True)
class Filled:
    """What came of it."""

    rounds: int = 0
    by_disk: dict[str, int] = field(default_factory=dict[str, int])
    kills: int = 0
    refused: int = 0
    """How often leaves could not be brought."""
    database_ended: int = 0
    """How often PostgreSQL had ended itself."""
    entries: int = 0
    sizes_seen: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list[str])


def small_server(folder: Path) -> EmbeddedPostgres:
    """PostgreSQL with little log of its own."""
    settings = {"max_wal_size": "64MB", "min_wal_size": "32MB"}
    return EmbeddedPostgres(folder, settings=settings, is_thrown_away=True)


async def fill_campaign(site: Site, disks: Disks, *, rounds: int, draw: random.Random) -> Filled:
    """Fill so many times, then judge."""
    began = time.monotonic()
    opened = open_context(site.settings)
    seen, brought = Seen(before=await ids_there(opened.context)), Brought()
    filling = _Filling(
        site=site,
        disks=disks,
        context=opened.context,
        brought=brought,
        draw=draw,
        nursery=nursery(__name__),
    )
    async with beside(keep_bringing(opened.context, brought), keep_reading(opened.context, seen)):
        await filling.run(rounds)
    await filling.goes_on()
    await filling.end()
    report = filling.report
    report.refused, report.sizes_seen = brought.refused, len(seen.roots)
    report.violations += await faults(opened.context, seen, brought)
    report.entries = len(brought.sure)
    await opened.close()
    report.seconds = round(time.monotonic() - began, 1)
    return report


@final
@dataclass(kw_only=True)
class _Filling:
    site: Site
    disks: Disks
    context: Context
    brought: Brought
    draw: random.Random
    nursery: ForkServerContext
    report: Filled = field(default_factory=Filled)
    process: ForkServerProcess | None = None

    async def run(self, rounds: int) -> None:
        self._begin()
        for _ in range(rounds):
            await self.goes_on()
            which = self.draw.choice(("copy", *(() if self.disks.database is None else _OTHERS)))
            ballasts = self._fill(which)
            await self._until(self._is_stuck if which == "copy" else self._refusals())
            if self.draw.random() < _KILLED_OFTEN:
                await self.end()
                self.report.kills += 1
                self._begin()
            for each in ballasts:
                each.unlink()
            self.report.rounds += 1
            self.report.by_disk[which] = self.report.by_disk.get(which, 0) + 1

    def _begin(self) -> None:
        self.process = begin(self.nursery, Life(settings=self.site.settings))

    async def end(self) -> None:
        """Kill whoever sequences; nothing else may have ended it."""
        assert self.process is not None
        assert self.process.is_alive(), self.process.exitcode
        self.process.kill()
        await asyncio.to_thread(self.process.join)

    def _fill(self, which: str) -> Sequence[Path]:
        ballasts: list[Path] = []
        if which != "database":
            ballasts.append(self.disks.copy)
            fill(self.disks.copy)
        if which != "copy" and self.disks.database is not None:
            ballasts.append(self.disks.database)
            fill(self.disks.database, leaving_bytes=self.draw.choice(_LEFT_BYTES))
        return ballasts

    async def goes_on(self) -> None:
        """Until all that was brought so far is published, by whoever sequences by itself."""
        wanted = {*self.brought.sure}
        await self._until(lambda: self._has(wanted))

    async def _has(self, wanted: AbstractSet[UUID]) -> bool:
        async with self.context.database.reading() as connection:
            waiting = await ledger_audit.staged_after(connection, 0, limit=_ALL)
            tree = await ledger.newest_tree(connection, 1)
            published = await ledger.newest_checkpoint(connection, 1)
        is_published = tree is not None and published is not None and published.size == tree.size
        return is_published and wanted.isdisjoint(each.event_id for each in waiting)

    async def _is_stuck(self) -> bool:
        async with self.context.database.reading() as connection:
            return len((await sequencing.waiting(connection, limit=_STUCK)).places) == _STUCK

    def _refusals(self) -> Callable[[], Awaitable[bool]]:
        times = self.brought.refused + _REFUSED

        async def are_there() -> bool:
            return self.brought.refused >= times

        return are_there

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                with contextlib.suppress(UnavailableError):
                    if await holds():
                        return
                await self._keep_database()
                await asyncio.sleep(_LOOK_S)

    async def _keep_database(self) -> None:
        """Where not even its own log can be written, PostgreSQL ends itself."""
        server, ballast = self.site.postgres, self.disks.database
        if server is None or ballast is None or ballast.exists() or _is_running(server):
            return
        await started_again(server)
        self.report.database_ended += 1


def _is_running(server: EmbeddedPostgres) -> bool:
    try:
        return Path(f"/proc/{server.pid}").exists()
    except EmbeddedServerError:
        return False
