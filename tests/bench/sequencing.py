"""``python -m tests.bench.sequencing``: how fast a backlog drains into the log; proofs out of it.

The sequencer runs alone, as a worker runs it, on a server that flushes to the disk; staged are
leaves as decisions leave them.  Then single proofs, each a snapshot of its own, and a walk over all
of it as ``consentid ledger verify --log`` does (without the decisions behind the leaves).  At last
leaves come in at a rate, in turn without a worker, beside one of all roles while the sequencers'
turn is ours, so that it does everything but sequencing, and while it is its own: what sequencing
costs those who commit.  At last somebody looks every few milliseconds what was published: how long
after its commit a leaf is in there.  What it costs whole decisions: ``tests.bench.deciding``.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import secrets
import shutil
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from tests.bench.serving import working

from consentid.brandbook.folder import load
from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.flows.context import Context
from consentid.flows.opening import open_context
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.sequence_ledger import open_sequencer
from consentid.flows.show_ledger import prove_inclusion, show_checkpoint
from consentid.flows.verify_ledger import verify_ledger
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.settings import Settings
from consentid.store import inspection, ledger, sequencing
from consentid.store.engine import Database
from consentid.store.migrating import upgrade
from consentid.store.turns import DRAINING, SEQUENCING, turn

_BRANDS = Path(__file__).parents[2] / "brands"
_STAGE = """
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
SELECT id, 'decision', convert_to(format(
  '{"commitment"\\:"%s","id"\\:"%s","kind"\\:"decision","origin"\\:"%s","time"\\:%s,"v"\\:1}',
  encode(sha256(convert_to(CAST(id AS text), 'UTF8')), 'hex'), id,
  'consent.localhost:7600/ledger', n), 'UTF8'), now()
FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, :many) n) AS given
"""
_AT_ONCE = 10
"""Leaves in one transaction, as decisions that come together share one."""
_STAGED_AT_ONCE = 50_000
"""Of the backlog: no statement may take long."""
_LOOK_S = 0.005
_TURN_S = 2.5
_WARM_UP_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Commit:
    """A transaction that staged leaves."""

    took_s: float
    over_s: float


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sequencing")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--entries", type=int, default=40_000)
    parser.add_argument("--proofs", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each: how long")
    parser.add_argument("--rate", type=int, default=500, help="leaves a second")
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
        print(f"{name.replace('_', ' '):<36} {figure}")  # noqa: T201 a command speaks by printing
    return 0


async def _measure(
    postgres: EmbeddedPostgres, folder: Path, given: argparse.Namespace
) -> dict[str, Any]:
    entries, proofs = int(given.entries), int(given.proofs)
    urls = await published_group(postgres, folder)
    keys = folder / "keys"
    owner = Database(urls.owner)
    for first in range(0, entries, _STAGED_AT_ONCE):
        async with owner.writing() as connection:
            many = min(_STAGED_AT_ONCE, entries - first)
            await connection.execute(text(_STAGE), {"many": many})
    opened = open_context(Settings(database_url=urls.serving, keys_dir=keys))
    sequencer = await open_sequencer(opened.context)
    began, began_cpu = time.perf_counter(), time.process_time()
    batches: list[float] = []
    while True:
        batch = time.perf_counter()
        if not await sequencer.sequence():
            break
        batches.append(time.perf_counter() - batch)
    drained_s = time.perf_counter() - began
    drained_cpu_s = time.process_time() - began_cpu

    size = int((await show_checkpoint(opened.context)).split("\n")[1])
    draw = random.Random(1)  # noqa: S311 - any entries will do
    took: list[float] = []
    began_cpu = time.process_time()
    for _ in range(proofs):
        began = time.perf_counter()
        await prove_inclusion(opened.context, index=draw.randrange(size), size=size)
        took.append(time.perf_counter() - began)
    proofs_cpu_s = time.process_time() - began_cpu

    began, began_cpu = time.perf_counter(), time.process_time()
    walked = sum([each.entries async for each in verify_ledger(opened.context)])
    walked_s = time.perf_counter() - began
    walked_cpu_s = time.process_time() - began_cpu
    coming = await _coming_in(opened.context, owner, urls, folder, given)
    await opened.close()
    await owner.close()
    return {
        "entries": size,
        "drained_per_second": round(size / drained_s),
        "batch_ms_median": round(1_000 * statistics.median(batches), 2),
        "drained_cpu_us_an_entry": round(1e6 * drained_cpu_s / size, 1),
        "proof_ms_median": round(1_000 * statistics.median(took), 2),
        "proof_ms_p99": round(1_000 * p99(took), 2),
        "proof_cpu_ms": round(1_000 * proofs_cpu_s / proofs, 2),
        "verified_per_second": round(walked / walked_s),
        "verified_cpu_us_an_entry": round(1e6 * walked_cpu_s / walked, 1),
        **coming,
    }


async def published_group(postgres: EmbeddedPostgres, folder: Path) -> DatabaseUrls:
    """A database with the group's files in force, and its keys."""
    urls = await postgres.create_database("sequencing")
    await upgrade(urls.owner, serving_role=SERVING)
    generate(folder / "keys", now=from_seconds(int(time.time())), randomness=secrets.token_bytes)
    owner = Database(urls.owner)
    await publish_catalogue(owner, load(_BRANDS), randomness=secrets.token_bytes)
    await owner.close()
    return urls


async def _coming_in(
    context: Context, owner: Database, urls: DatabaseUrls, folder: Path, given: argparse.Namespace
) -> dict[str, Any]:
    """What commits take in the three cases, turn by turn, and how soon leaves are included."""
    rate = int(given.rate)
    unworked: list[float] = []
    alone: list[float] = []
    beside: list[float] = []
    included: list[float] = []
    for _ in range(max(1, round(float(given.seconds) / _TURN_S))):
        await _stage(owner, rate=rate, seconds=_WARM_UP_S)
        unworked += _took(await _stage(owner, rate=rate, seconds=_TURN_S))
        async with contextlib.AsyncExitStack() as ours:
            await ours.enter_async_context(nobody_sequencing(context))
            with working(urls, folder):
                await at_work(context)
                await _stage(owner, rate=rate, seconds=_WARM_UP_S)
                alone += _took(await _stage(owner, rate=rate, seconds=_TURN_S))
                await ours.aclose()
                await caught_up(context)
                await _stage(owner, rate=rate, seconds=_WARM_UP_S)
                beside += _took(await _stage(owner, rate=rate, seconds=_TURN_S))
                included += await _included(context, owner, rate=rate)
    return {
        "staged_per_second": rate,
        "commits_each": len(beside),
        "commit_ms_median_no_worker": round(1_000 * statistics.median(unworked), 2),
        "commit_ms_median_not_sequencing": round(1_000 * statistics.median(alone), 2),
        "commit_ms_median_sequencing": round(1_000 * statistics.median(beside), 2),
        "commit_ms_p99_no_worker": round(1_000 * p99(unworked), 2),
        "commit_ms_p99_not_sequencing": round(1_000 * p99(alone), 2),
        "commit_ms_p99_sequencing": round(1_000 * p99(beside), 2),
        "commit_p99_raised_percent": round(100 * (p99(beside) / p99(alone) - 1)),
        "included_ms_median": round(1_000 * statistics.median(included)),
        "included_ms_p99": round(1_000 * p99(included)),
    }


async def _stage(
    owner: Database, *, rate: int, seconds: float, done: list[_Commit] | None = None
) -> list[_Commit]:
    """Stage leaves; the transactions that did, as each ends."""
    commits = [] if done is None else done
    began = time.perf_counter()
    for turn_ in range(round(seconds * rate / _AT_ONCE)):
        await asyncio.sleep(began + turn_ * _AT_ONCE / rate - time.perf_counter())
        begun = time.perf_counter()
        async with owner.writing() as connection:
            await connection.execute(text(_STAGE), {"many": _AT_ONCE})
        over = time.perf_counter()
        commits.append(_Commit(took_s=over - begun, over_s=over))
    return commits


def _took(commits: list[_Commit]) -> list[float]:
    return [each.took_s for each in commits]


def p99(figures: list[float]) -> float:
    return statistics.quantiles(figures, n=100)[98]


@contextlib.asynccontextmanager
async def nobody_sequencing(context: Context) -> AsyncGenerator[None]:
    """While the sequencers' turn is ours, and nothing is done with it."""
    async with turn(context.database, SEQUENCING) as ours:
        while not await ours.take():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(_LOOK_S)
        yield


async def at_work(context: Context) -> None:
    """Wait until the worker has begun: somebody drains the outbox."""
    while True:
        async with context.database.reading() as connection:
            if await inspection.is_done_by_somebody(connection, DRAINING):
                return
        await asyncio.sleep(_LOOK_S)


async def _published(context: Context) -> int:
    async with context.database.glancing() as connection:
        found = await ledger.newest_published(connection)
    return 0 if found is None else found[1].size


async def caught_up(context: Context) -> int:
    """The size of the log once nothing waits, and all of it is published."""
    while True:
        async with context.database.reading() as connection:
            waiting = await sequencing.waiting(connection, limit=1)
            tree = await ledger.newest_tree(connection, 1)
        published = await _published(context)
        if not waiting.places and tree is not None and published == tree.size:
            return published
        await asyncio.sleep(_LOOK_S)


async def _included(context: Context, owner: Database, *, rate: int) -> list[float]:
    """From each transaction's commit to a published checkpoint that covers it, in seconds."""
    size = await caught_up(context)
    commits: list[_Commit] = []
    included: list[float] = []
    staging = asyncio.create_task(_stage(owner, rate=rate, seconds=_TURN_S, done=commits))
    while not staging.done() or len(included) < len(commits):
        await asyncio.sleep(_LOOK_S)
        covered = (await _published(context) - size) // _AT_ONCE
        seen = time.perf_counter()
        included += [seen - each.over_s for each in commits[len(included) : covered]]
    await staging
    return included


if __name__ == "__main__":
    sys.exit(main())
