"""``python -m tests.bench.sequencing``: how fast a backlog drains into the log; proofs out of it.

The sequencer runs alone, as a worker runs it, on a server that flushes to the disk; staged are
leaves as decisions leave them.  Then single proofs, each a snapshot of its own, and a walk over all
of it as ``consentid ledger verify --log`` does (without the decisions behind the leaves).  At last
leaves come in at a rate, in turn while nobody takes them and while a worker does: what that costs
those who commit them, and how long after its commit a leaf is in a published checkpoint, as
somebody sees who looks every few milliseconds.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import secrets
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text
from tests.bench.serving import working

from consentid.brandbook.folder import load
from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import SERVING, EmbeddedPostgres
from consentid.flows.context import Context
from consentid.flows.opening import open_context
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.sequence_ledger import open_sequencer
from consentid.flows.show_ledger import prove_inclusion, show_checkpoint
from consentid.flows.verify_ledger import verify_ledger
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.settings import Settings
from consentid.store import ledger
from consentid.store.engine import Database
from consentid.store.migrating import upgrade

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
_LOOK_S = 0.005
_TURNS = 4
_WARM_UP_S = 1
_UNSETTLED = 10
"""The first transactions of a turn, whose connection is new."""


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sequencing")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--entries", type=int, default=40_000)
    parser.add_argument("--proofs", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long leaves come in")
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
        print(f"{name.replace('_', ' '):<28} {figure}")  # noqa: T201 a command speaks by printing
    return 0


async def _measure(
    postgres: EmbeddedPostgres, folder: Path, given: argparse.Namespace
) -> dict[str, Any]:
    entries, proofs = int(given.entries), int(given.proofs)
    urls = await postgres.create_database("sequencing")
    await upgrade(urls.owner, serving_role=SERVING)
    keys = folder / "keys"
    generate(keys, now=from_seconds(int(time.time())), randomness=secrets.token_bytes)
    owner = Database(urls.owner)
    await publish_catalogue(owner, load(_BRANDS), randomness=secrets.token_bytes)
    async with owner.writing() as connection:
        await connection.execute(text(_STAGE), {"many": entries})
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
    rate, seconds = int(given.rate), float(given.seconds) / _TURNS
    start = size
    alone: list[float] = []
    beside: list[float] = []
    included: list[float] = []
    for _ in range(_TURNS):
        alone += (await _stage(owner, [], rate=rate, seconds=seconds))[_UNSETTLED:]
        with working(urls, folder):
            await _stage(owner, [], rate=rate, seconds=_WARM_UP_S)
            start += round(rate * (seconds + _WARM_UP_S))
            start = await _caught_up(opened.context, start)
            took_s, reached_s = await _included(
                opened.context, owner, start, rate=rate, seconds=seconds
            )
            start += len(took_s) * _AT_ONCE
        beside, included = beside + took_s[_UNSETTLED:], included + reached_s
    await opened.close()
    await owner.close()
    return {
        "entries": size,
        "drained_per_second": round(size / drained_s),
        "batch_ms_median": round(1_000 * statistics.median(batches), 2),
        "drained_cpu_us_an_entry": round(1e6 * drained_cpu_s / size, 1),
        "proof_ms_median": round(1_000 * statistics.median(took), 2),
        "proof_ms_p99": round(1_000 * statistics.quantiles(took, n=100)[98], 2),
        "proof_cpu_ms": round(1_000 * proofs_cpu_s / proofs, 2),
        "verified_per_second": round(walked / walked_s),
        "verified_cpu_us_an_entry": round(1e6 * walked_cpu_s / walked, 1),
        "staged_per_second": round(len(included) * _AT_ONCE / float(given.seconds)),
        "commit_ms_median_alone": round(1_000 * statistics.median(alone), 2),
        "commit_ms_median_beside": round(1_000 * statistics.median(beside), 2),
        "commit_ms_p99_alone": round(1_000 * statistics.quantiles(alone, n=100)[98], 2),
        "commit_ms_p99_beside": round(1_000 * statistics.quantiles(beside, n=100)[98], 2),
        "included_ms_median": round(1_000 * statistics.median(included)),
        "included_ms_p99": round(1_000 * statistics.quantiles(included, n=100)[98]),
    }


async def _stage(
    owner: Database, committed: list[float], *, rate: int, seconds: float
) -> list[float]:
    """Seconds that each transaction took; ``committed`` gets when it was over."""
    began = time.perf_counter()
    took: list[float] = []
    for turn in range(round(seconds * rate / _AT_ONCE)):
        await asyncio.sleep(began + turn * _AT_ONCE / rate - time.perf_counter())
        begun = time.perf_counter()
        async with owner.writing() as connection:
            await connection.execute(text(_STAGE), {"many": _AT_ONCE})
        committed.append(time.perf_counter())
        took.append(committed[-1] - begun)
    return took


async def _caught_up(context: Context, size: int) -> int:
    """The size of the log once so much is published: the worker is there now."""
    while True:
        await asyncio.sleep(_LOOK_S)
        published = int((await show_checkpoint(context)).split("\n")[1])
        if published >= size:
            return published


async def _included(
    context: Context, owner: Database, size: int, *, rate: int, seconds: float
) -> tuple[list[float], list[float]]:
    """What each transaction took; from its commit to a published checkpoint that covers it."""
    committed: list[float] = []
    included: list[float] = []
    staging = asyncio.create_task(_stage(owner, committed, rate=rate, seconds=seconds))
    while not staging.done() or len(included) < len(committed):
        await asyncio.sleep(_LOOK_S)
        async with context.database.glancing() as connection:
            found = await ledger.newest_published(connection)
        seen = time.perf_counter()
        covered = 0 if found is None else (found[1].size - size) // _AT_ONCE
        included += [seen - each for each in committed[len(included) : covered]]
    return await staging, included


if __name__ == "__main__":
    sys.exit(main())
