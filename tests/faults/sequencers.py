"""``python -m tests.faults.sequencers``: whoever sequences is killed, and the log is one log.

Leaves come in without a pause.  A sequencer is started, and gets SIGKILL: between two of its steps,
each of them in turn, or at a moment of chance; alone, beside one that waits for its turn, or beside
one that does not.  Now and then the database's clock is days behind, or the database itself is
killed.  All the while somebody reads what is published, and the copy outside.  In the end: no size
had two roots, nothing is missing or there twice, and the audit finds nothing.  Then the same while
the disks of the database and of the copy are filled and freed, where a disk can be mounted.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final, cast

from tests.faults.disks import small_disk
from tests.faults.filling import (
    SMALL_BYTES,
    TINY_BYTES,
    Disks,
    Filled,
    fill_campaign,
    small_server,
)
from tests.faults.killing import Report, Site, campaign

from consentid.brandbook.folder import load
from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import SERVING, EmbeddedPostgres
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.settings import Settings
from consentid.store.engine import Database
from consentid.store.migrating import upgrade

_BRANDS: Final = Path(__file__).parents[2] / "brands"


def main() -> int:
    """Kill, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.sequencers", description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--full-disks", type=int, default=40, help="how often disks are filled")
    parser.add_argument("--seed", type=int, default=0, help="of all that is left to chance")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    given = parser.parse_args()
    draw = random.Random(given.seed)  # noqa: S311 a test's dice
    kills, times = int(given.kills), int(given.full_disks)
    told: dict[str, object] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    is_kept = True
    if kills:
        killed = _kill(kills, draw)
        is_kept = not killed.violations and killed.kills >= kills
        told["kills"] = asdict(killed)
    if times:
        filled = fill_disks(times, draw)
        is_kept = is_kept and not (filled is not None and filled.violations)
        left_out = "left out: nothing can be mounted here"
        told["full disks"] = left_out if filled is None else asdict(filled)
    if given.json:
        print(json.dumps(told, indent=2))  # noqa: T201 a command speaks by printing
    else:
        _tell(told)
    return 0 if is_kept else 1


def _tell(told: Mapping[str, object], indent: str = "") -> None:
    for name, figure in told.items():
        if isinstance(figure, dict) and not indent:
            print(name)  # noqa: T201 a command speaks by printing
            _tell(cast("dict[str, object]", figure), "  ")
        else:
            print(f"{indent}{name.replace('_', ' '):<16} {figure}")  # noqa: T201 as above


def _kill(kills: int, draw: random.Random) -> Report:
    folder = scratch_folder()
    try:
        with EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres:
            return asyncio.run(_killed(postgres, folder, kills, draw))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _killed(
    postgres: EmbeddedPostgres, folder: Path, kills: int, draw: random.Random
) -> Report:
    (folder / "outside").mkdir()
    site = await _found(postgres, folder / "keys", folder / "outside" / "checkpoint")
    return await campaign(site, kills=kills, draw=draw)


def fill_disks(times: int, draw: random.Random) -> Filled | None:
    """On disks that are mounted for it; None where none can be."""
    with small_disk(SMALL_BYTES) as database, small_disk(TINY_BYTES) as copy:
        if database is None or copy is None:
            return None
        disks = Disks(copy=copy / "ballast", database=database / "ballast")
        with small_server(database / "postgres") as postgres:
            return asyncio.run(_filled(postgres, disks, times, draw))


async def _filled(
    postgres: EmbeddedPostgres, disks: Disks, times: int, draw: random.Random
) -> Filled:
    assert disks.database is not None
    keys, copy = disks.database.with_name("keys"), disks.copy.with_name("checkpoint")
    site = await _found(postgres, keys, copy)
    return await fill_campaign(site, disks, rounds=times, draw=draw)


async def _found(postgres: EmbeddedPostgres, keys: Path, copy: Path) -> Site:
    """A database with the Halcyon group's files in it, its keys, and where the copy is."""
    urls = await postgres.create_database("sequencers")
    await upgrade(urls.owner, serving_role=SERVING)
    generate(keys, now=from_seconds(int(time.time())), randomness=secrets.token_bytes)
    owner = Database(urls.owner)
    await publish_catalogue(owner, load(_BRANDS), randomness=secrets.token_bytes)
    await owner.close()
    settings = Settings(database_url=urls.serving, keys_dir=keys, ledger_copy=copy)
    return Site(urls=urls, settings=settings, postgres=postgres)


if __name__ == "__main__":
    sys.exit(main())
