"""Kill whoever sequences, in every way, while leaves come in and what is published is read."""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import make_url
from tests.faults.kinds import children_of
from tests.faults.mortal import Life, begin, nursery
from tests.faults.one_log import Brought, Seen, faults, ids_there, keep_bringing, keep_reading

from consentid.embedded.postgres import SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.flows.opening import open_context
from consentid.flows.sequence_ledger import open_sequencer
from consentid.settings import Settings
from consentid.store.engine import Database

_STEPS: Final = 90
"""So many does a sequencer take from its start through its first batches."""
_MOMENT_S: Final = 0.12
_PATIENCE_S: Final = 20.0
_DATABASE_EVERY: Final = 40
_BEHIND_OFTEN: Final = 0.3
_BEHIND: Final = f"""
CREATE SCHEMA behind;
GRANT USAGE ON SCHEMA behind TO {SERVING};
CREATE FUNCTION behind.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
$$ SELECT pg_catalog.clock_timestamp() - interval '3 days' $$
"""
"""A clock that is found before the real one, once the search path says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where it happens."""

    urls: DatabaseUrls
    settings: Settings
    """With a copy outside."""
    postgres: EmbeddedPostgres | None = None
    """The server, where it may be killed."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of it."""

    kills: int = 0
    by_kind: dict[str, int] = field(default_factory=dict[str, int])
    steps_died_at: int = 0
    """Different ones."""
    database_kills: int = 0
    entries: int = 0
    sizes_seen: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list[str])


async def campaign(site: Site, *, kills: int, draw: random.Random) -> Report:
    """Kill so many, then judge."""
    began, report = time.monotonic(), Report()
    opened = open_context(site.settings)
    context, brought = opened.context, Brought()
    owner = Database(site.urls.owner)
    database = str(make_url(site.urls.owner).database)
    seen = Seen(before=await ids_there(context))
    async with owner.writing() as connection:
        for statement in _BEHIND.split(";"):
            await connection.execute(text(statement))
    died_at: set[int] = set()
    nursery_ = nursery(__name__)
    async with beside(keep_bringing(context, brought), keep_reading(context, seen)):
        await _killed_once_seen(nursery_, site.settings, seen)
        report.kills = 1
        for number in range(kills):
            await _set_clock(owner, database, is_behind=draw.random() < _BEHIND_OFTEN)
            if site.postgres is not None and number % _DATABASE_EVERY == _DATABASE_EVERY - 1:
                await _database_killed(site.postgres, nursery_, site.settings)
                report.database_kills += 1
            step = number % _STEPS + 1
            kind, killed, at = await _round(nursery_, site.settings, step, draw)
            report.kills += killed
            report.by_kind[kind] = report.by_kind.get(kind, 0) + killed
            died_at |= at
            if (number + 1) % 100 == 0:
                _say(f"{number + 1} rounds, {len(seen.roots)} sizes seen")
    await _set_clock(owner, database, is_behind=False)
    report.steps_died_at = len(died_at)
    sequencer = await open_sequencer(context)  # somebody goes on to the end, unkilled
    while await sequencer.sequence():
        pass
    report.sizes_seen, report.entries = len(seen.roots), sequencer.size
    report.violations += await faults(context, seen, brought)
    await owner.close()
    await opened.close()
    report.seconds = round(time.monotonic() - began, 1)
    return report


async def _killed_once_seen(nursery_: ForkServerContext, settings: Settings, seen: Seen) -> None:
    """The first lives until a size was read from outside: there is something to be kept."""
    process = begin(nursery_, Life(settings=settings))
    async with asyncio.timeout(_PATIENCE_S):
        await seen.any.wait()
    process.kill()
    await asyncio.to_thread(process.join)


async def _round(
    nursery_: ForkServerContext, settings: Settings, step: int, draw: random.Random
) -> tuple[str, int, set[int]]:
    """How one was killed, how many were, and at which steps by themselves."""
    kind = draw.choices(("step", "moment", "takeover", "two at once"), (50, 25, 10, 15))[0]
    dying = Life(settings=settings, dies_at=step)
    match kind:
        case "step":
            lives = [dying]
        case "moment":
            lives = [Life(settings=settings)]
        case "takeover":
            lives = [dying, Life(settings=settings)]
        case _:
            lives = [
                Life(settings=settings, dies_at=step, takes_turns=False),
                Life(settings=settings, takes_turns=False),
            ]
    processes = [begin(nursery_, life) for life in lives]
    at = set[int]()
    if lives[0].dies_at is not None:
        await asyncio.to_thread(processes[0].join, _PATIENCE_S)
        at |= {step} if processes[0].exitcode == -signal.SIGKILL else set()
    for process in processes:
        if process.is_alive():
            await asyncio.sleep(draw.uniform(0, _MOMENT_S))
            process.kill()
        await asyncio.to_thread(process.join)
    for process in processes:
        assert process.exitcode == -signal.SIGKILL, process.exitcode
    return kind, len(processes), at


async def _database_killed(
    postgres: EmbeddedPostgres, nursery_: ForkServerContext, settings: Settings
) -> None:
    """All of its processes at once, while somebody sequences: what it had not synced is gone."""
    process = begin(nursery_, Life(settings=settings))
    await asyncio.sleep(2 * _MOMENT_S)
    for pid in (postgres.pid, *children_of(postgres.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(postgres.stop)
    await asyncio.to_thread(postgres.start)
    process.kill()
    await asyncio.to_thread(process.join)


async def _set_clock(owner: Database, database: str, *, is_behind: bool) -> None:
    """Who connects from now on has a database whose clock is three days behind."""
    path = "behind, pg_catalog, public" if is_behind else "DEFAULT"
    async with owner.writing() as connection:
        await connection.execute(text(f"ALTER DATABASE {database} SET search_path = {path}"))


@contextlib.asynccontextmanager
async def beside(*endless: Coroutine[None, None, None]) -> AsyncGenerator[None]:
    """While these are done."""
    tasks = [asyncio.create_task(each) for each in endless]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _say(told: str) -> None:
    print(told, file=sys.stderr, flush=True)  # noqa: T201 a command speaks by printing
