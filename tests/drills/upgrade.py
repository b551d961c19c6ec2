"""``python -m tests.drills.upgrade --previous PATH``: an upgrade under load, and the way back.

PATH is a source tree of the release before, such as a worktree of an older commit.  Its code makes
the database, applies the brands and serves: two web processes and a worker.  While clients decide,
withdraw and verify without a pause, what the chart does is done: ``migrate`` and ``brands apply``
of this release run beside the old processes, which serve on for a while; then one process after the
other is replaced, each drained by SIGTERM.  Then the way back: the old code takes over again, on
the new step of the database; and forth.  No request may fail, and what clients were told has to be
what API, database and ledger say, as in ``tests.faults``; a receipt that is asked for again may say
the same in the words of the release that answers.
"""

import argparse
import asyncio
import json
import random
import secrets
import shutil
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.faults.deployment import Deployment, command, deployed
from tests.faults.runs import Report, Scenario, run

from consentid.embedded.places import scratch_folder
from consentid.store.migrating import current_step

Stage: TypeAlias = Callable[[Deployment], Coroutine[Any, Any, None]]
CLIENTS: Final = 4
NEXT_STEP: Final = (
    "SET lock_timeout = 2000",
    "ALTER TABLE decisions ADD COLUMN of_a_later_release text",
    "ALTER TABLE access_tokens ADD COLUMN of_a_later_release int NOT NULL DEFAULT 7",
    "ALTER TABLE audience_states ADD COLUMN of_a_later_release jsonb",
    "ALTER TABLE status_indices ADD COLUMN of_a_later_release bool NOT NULL DEFAULT false",
    "CREATE TABLE of_a_later_release (id uuid PRIMARY KEY, decision uuid NOT NULL)",
    "CREATE INDEX CONCURRENTLY of_a_later_release_ix ON decisions (client_id)",
    "UPDATE alembic_version SET version_num = '9999'",
)
"""Whatever a step may do that takes nothing away, and a number that this release does not know."""


async def expand(deployment: Deployment) -> None:
    """Bring the database to what a later release might make of it."""
    engine = create_async_engine(
        deployment.postgres.urls().owner, poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        for statement in NEXT_STEP:
            await connection.execute(text(statement))
    await engine.dispose()


async def migrate(deployment: Deployment) -> None:
    """What the chart's hook does."""
    urls = deployment.postgres.urls()
    told = {
        **deployment.environ,
        "CONSENTID_MIGRATION_DATABASE_URL": urls.owner,
        "CONSENTID_BRANDS_DIR": str(deployment.brands),
    }
    await command(told, "migrate")
    await command(told, "brands", "apply")


async def replace_all(deployment: Deployment) -> None:
    """One after the other, each drained once its successor serves."""
    for node in deployment.nodes:
        assert await node.replace() == 0, node.log.read_text()
    await deployment.end_worker()
    deployment.start_worker()


async def run_upgrade(
    deployment: Deployment,
    draw: random.Random,
    *stages: Stage,
    clients: int = CLIENTS,
) -> Report:
    """Go through the stages under load; each begins when every client was heard again."""
    turns = iter(stages)

    async def next_stage(deployment: Deployment, draw: random.Random) -> str:
        del draw
        stage = next(turns)
        await stage(deployment)
        return stage.__name__

    scenario = Scenario(fault=next_stage, may_fail=False, of_releases=True)
    return await run(
        deployment, "upgrade", scenario, rounds=len(stages), draw=draw, clients=clients
    )


def main() -> int:
    """Upgrade, go back, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.upgrade", description=__doc__)
    parser.add_argument("--previous", type=Path, required=True, metavar="PATH")
    given = parser.parse_args()
    previous: Path = given.previous.resolve()

    async def this(deployment: Deployment) -> None:
        deployment.be(None)
        await migrate(deployment)

    async def forth(deployment: Deployment) -> None:
        deployment.be(None)
        await replace_all(deployment)

    async def back(deployment: Deployment) -> None:
        deployment.be(previous)
        await replace_all(deployment)

    async def all_of_it(folder: Path) -> dict[str, object]:
        draw = random.Random(secrets.randbits(32))  # noqa: S311 a test's dice
        async with deployed(folder, release=previous) as deployment:
            owner = deployment.postgres.urls().owner
            before = await current_step(owner)
            report = await run_upgrade(deployment, draw, this, forth, back, forth)
            told = asdict(report) | {"violations": [str(each) for each in report.violations]}
            return {"from": before, "to": await current_step(owner), **told}

    folder = scratch_folder()
    try:
        told = asyncio.run(all_of_it(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(told, indent=2))  # noqa: T201 a command speaks
    return 1 if told["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
