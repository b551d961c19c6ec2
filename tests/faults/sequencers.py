"""``python -m tests.faults.sequencers``: whoever sequences is killed, and the log is one log.

Leaves come in without a pause.  A sequencer is started, and gets SIGKILL: between two of its steps,
each of them in turn, or at a moment of chance; alone, beside one that waits for its turn, or beside
one that does not.  Now and then the database's clock is days behind, or the database itself is
killed.  All the while somebody reads what is published, and the copy outside.  In the end: no size
had two roots, nothing is missing or there twice, and the audit finds nothing.
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
from dataclasses import asdict
from pathlib import Path
from typing import Final

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
    parser.add_argument("--seed", type=int, default=0, help="of all that is left to chance")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    given = parser.parse_args()
    folder = scratch_folder()
    try:
        with EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres:
            report = asyncio.run(_on(postgres, folder, int(given.kills), int(given.seed)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = {**asdict(report), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    if given.json:
        print(json.dumps(told, indent=2))  # noqa: T201 a command speaks by printing
    else:
        for name, figure in told.items():
            print(f"{name.replace('_', ' '):<16} {figure}")  # noqa: T201 as above
    return 1 if report.violations or report.kills < int(given.kills) else 0


async def _on(postgres: EmbeddedPostgres, folder: Path, kills: int, seed: int) -> Report:
    urls = await postgres.create_database("sequencers")
    await upgrade(urls.owner, serving_role=SERVING)
    keys = folder / "keys"
    generate(keys, now=from_seconds(int(time.time())), randomness=secrets.token_bytes)
    owner = Database(urls.owner)
    await publish_catalogue(owner, load(_BRANDS), randomness=secrets.token_bytes)
    await owner.close()
    (folder / "outside").mkdir()
    settings = Settings(
        database_url=urls.serving, keys_dir=keys, ledger_copy=folder / "outside" / "checkpoint"
    )
    return await campaign(
        Site(urls=urls, settings=settings, postgres=postgres),
        kills=kills,
        draw=random.Random(seed),  # noqa: S311 a test's dice
    )


if __name__ == "__main__":
    sys.exit(main())
