"""``python -m tests.bench.deciding``: what sequencing costs those who decide, at a given rate.

Writers, each a process of its own, write all that decisions leave in the database, as the service
writes it: those that come while a transaction is under way are the next one, which locks, looks and
writes by the same functions of ``store``.  What they write was judged and sealed before, by the
service's own flow, one decision of each person; it is written again and again under new ids, so
that the interpreter is not the limit.  A decision is timed from when it was due.

The sequencer is a process of its own, and a worker beside it does everything else.  In turn the
sequencer is held (SIGSTOP) and goes on, and has caught up before its turn begins; every second
round is the other way round.  The first turn is not told: after it the database has its statistics,
as one in use has.  Turns are short, so that what else goes on falls on both alike; told are each
round's ratio, their median with the quarters about it, and the ratio of all turns together.  How
many cores are busy says how much room there is: where decisions alone leave none, whatever else is
done makes them wait.  After each of its turns it is told how long the sequencer took until the log
had everything.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from tests.bench.sequencing import at_work, caught_up, p99, published_group
from tests.bench.serving import working

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres
from consentid.flows.context import Context
from consentid.flows.opening import open_context
from consentid.settings import Settings
from consentid.store import inspection
from consentid.store.engine import Database
from consentid.store.turns import SEQUENCING

_WARM_UP_S: Final = 1.0
_LOOK_S: Final = 0.005
_STAT: Final = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class _Writers:
    processes: Sequence[asyncio.subprocess.Process]

    async def take(self, *, rate: float, seconds: float) -> list[float]:
        """A turn of all of them together."""
        share = json.dumps({"rate": rate / len(self.processes), "seconds": seconds})
        for each in self.processes:
            assert each.stdin is not None
            each.stdin.write(f"{share}\n".encode())
        told = [json.loads(await _line(each)) for each in self.processes]
        return [took for each in told for took in each]


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        sys.exit("a writer ended")
    return line


def _environ(urls: DatabaseUrls, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "CONSENTID_DATABASE_URL": urls.serving,
        "CONSENTID_KEYS_DIR": str(folder / "keys"),
    }


@contextlib.asynccontextmanager
async def _writing(
    urls: DatabaseUrls, folder: Path, given: argparse.Namespace
) -> AsyncGenerator[_Writers]:
    command = [sys.executable, "-m", "tests.bench.deciders", "--people", str(given.people)]
    processes = [
        await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environ(urls, folder),
            limit=1 << 26,
        )
        for _ in range(int(given.writers))
    ]
    try:
        for each in processes:
            await _line(each)
        yield _Writers(processes)
    finally:
        for each in processes:
            assert each.stdin is not None
            each.stdin.close()
            await each.wait()


async def _measure(
    postgres: EmbeddedPostgres, folder: Path, given: argparse.Namespace
) -> dict[str, Any]:
    urls = await published_group(postgres, folder)
    opened = open_context(Settings(database_url=urls.serving, keys_dir=folder / "keys"))
    alone, beside, behind = list[list[float]](), list[list[float]](), list[float]()
    busy_alone, busy_beside = list[float](), list[float]()
    rate, seconds = float(given.rate), float(given.seconds)
    async with _writing(urls, folder, given) as writers, _sequencer(urls, folder) as sequencer:
        while not await _is_sequencing(opened.context):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(_LOOK_S)
        with working(urls, folder):
            await at_work(opened.context)
            await writers.take(rate=rate, seconds=seconds)
            await _analyse(urls)
            for number in range(int(given.rounds)):
                # Whoever comes second meets what the first left behind: in turn, to even it out.
                for is_on in (True, False) if number % 2 else (False, True):
                    sequencer.send_signal(signal.SIGCONT if is_on else signal.SIGSTOP)
                    if is_on:
                        await caught_up(opened.context)
                    await writers.take(rate=rate, seconds=_WARM_UP_S)
                    turns, busy = (beside, busy_beside) if is_on else (alone, busy_alone)
                    before = _jiffies()
                    turns.append(await writers.take(rate=rate, seconds=seconds))
                    ended = time.perf_counter()
                    busy.append(_busy_cores(before, _jiffies()))
                    if is_on:
                        await caught_up(opened.context)
                        behind.append(time.perf_counter() - ended)
    await opened.close()
    ratios = [p99(with_) / p99(without) for with_, without in zip(beside, alone, strict=True)]
    quarters = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    together = p99(list(itertools.chain(*beside))) / p99(list(itertools.chain(*alone)))
    return {
        "decisions_per_second": rate,
        "decisions_each": sum(map(len, beside)),
        **_told("not_sequencing", alone),
        **_told("sequencing", beside),
        "cores_busy_not_sequencing": round(statistics.median(busy_alone), 2),
        "cores_busy_sequencing": round(statistics.median(busy_beside), 2),
        "p99_raised_percent": round(100 * (statistics.median(ratios) - 1)),
        "p99_raised_percent_quarters": [round(100 * (each - 1)) for each in quarters],
        "p99_raised_percent_together": round(100 * (together - 1)),
        "p99_raised_percent_rounds": [round(100 * (each - 1)) for each in ratios],
        "log_behind_ms_at_the_end_median": round(1_000 * statistics.median(behind)),
    }


@contextlib.asynccontextmanager
async def _sequencer(
    urls: DatabaseUrls, folder: Path
) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.sequencer"), env=_environ(urls, folder)
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        await process.wait()


async def _is_sequencing(context: Context) -> bool:
    async with context.database.reading() as connection:
        return await inspection.is_done_by_somebody(connection, SEQUENCING)


async def _analyse(urls: DatabaseUrls) -> None:
    """What a database in use has done by itself within its first minutes: statistics."""
    owner = Database(urls.owner)
    async with owner.writing() as connection:
        await connection.execute(text("ANALYZE"))
    await owner.close()


def _jiffies() -> tuple[int, int]:
    """Of all cores since the machine began: busy, and all."""
    user, nice, system, idle, waiting, *others = map(int, _STAT.read_text().split()[1:9])
    busy = user + nice + system + sum(others)
    return busy, busy + idle + waiting


def _busy_cores(before: tuple[int, int], after: tuple[int, int]) -> float:
    return (os.cpu_count() or 1) * (after[0] - before[0]) / (after[1] - before[1])


def _told(name: str, rounds: Sequence[list[float]]) -> dict[str, Any]:
    every = [took for each in rounds for took in each]
    return {
        f"ms_median_{name}": round(1_000 * statistics.median(every), 2),
        f"ms_p99_{name}": round(1_000 * p99(every), 2),
        f"ms_p99_{name}_rounds": [round(1_000 * p99(each), 1) for each in rounds],
    }


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.deciding")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rate", type=int, default=1_000, help="decisions a second, of all")
    parser.add_argument("--writers", type=int, default=2, help="processes")
    parser.add_argument("--people", type=int, default=500, help="of each writer")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    given = parser.parse_args()
    folder = scratch_folder()
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            told = asyncio.run(_measure(postgres, folder, given))
    finally:
        shutil.rmtree(folder)
    told["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    if given.json:
        print(json.dumps(told))  # noqa: T201 a command speaks by printing
        return 0
    for name, figure in told.items():
        print(f"{name.replace('_', ' '):<36} {figure}")  # noqa: T201 as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
