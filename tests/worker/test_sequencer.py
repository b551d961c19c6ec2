import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.flows.town import halcyon
from tests.worker.test_roles import until

from consentid.brandbook.folder import load
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.opening import Opened, open_context
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.settings import Settings
from consentid.store.engine import Database
from consentid.worker.metrics import Rounds, WorkerMetrics
from consentid.worker.sequencer import ROLE, run_sequencer

STAGE = """
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
SELECT gen_random_uuid(), 'decision', convert_to('leaf ' || n, 'UTF8'), now()
FROM generate_series(1, 700) n
"""
HOLDERS = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
AND objid = hashtext('consentid.ledger')::bigint & 4294967295
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
async def opened(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Opened]:
    generate(tmp_path / "keys", now=from_seconds(1), randomness=secrets.token_bytes)
    owner = Database(database_urls.owner)
    brands = halcyon(tmp_path / "brands", "http://id.localhost:7600")
    await publish_catalogue(owner, load(brands), randomness=secrets.token_bytes)
    await owner.close()
    opened = open_context(Settings(database_url=database_urls.serving, keys_dir=tmp_path / "keys"))
    yield opened
    await opened.close()


async def test_of_two_one_sequences_and_the_other_takes_over(
    opened: Opened, owner_engine: AsyncEngine
) -> None:
    stopped = [asyncio.Event(), asyncio.Event()]
    rounds = [Rounds(), Rounds()]
    first, second = (
        asyncio.create_task(run_sequencer(opened.context, *each))
        for each in zip(stopped, rounds, strict=True)
    )
    await until(owner_engine, "SELECT max(size) FROM ledger_checkpoints", 2)
    async with asyncio.timeout(30):
        while not any(ROLE in each.succeeded_at_s for each in rounds):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.02)
    sequencing = 0 if ROLE in rounds[0].succeeded_at_s else 1
    assert await held(owner_engine) == 1
    assert ROLE not in rounds[1 - sequencing].succeeded_at_s
    stopped[sequencing].set()
    await (first, second)[sequencing]
    async with owner_engine.begin() as connection:
        await connection.execute(text(STAGE))
    await until(owner_engine, "SELECT max(size) FROM ledger_checkpoints", 702)
    assert ROLE in rounds[1 - sequencing].succeeded_at_s
    stopped[1 - sequencing].set()
    await (first, second)[1 - sequencing]
    await until(owner_engine, HOLDERS, 0)
    assert await count(owner_engine, "SELECT count(*) FROM ledger_trees") == 5


async def test_a_log_that_is_not_what_it_was_halts_the_role_loudly(
    opened: Opened, owner_engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    stopped, rounds = asyncio.Event(), Rounds()
    working = asyncio.create_task(run_sequencer(opened.context, stopped, rounds))
    await until(owner_engine, "SELECT max(size) FROM ledger_checkpoints", 2)
    async with owner_engine.begin() as connection:
        await connection.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER USER"))
        await connection.execute(text("UPDATE ledger_entries SET leaf = 'another'"))
    async with opened.context.database.writing() as connection:
        # Its session gone, the lock is anybody's, and the log is looked at anew.
        await connection.execute(text(HOLDERS.replace("count(*)", "pg_terminate_backend(pid)")))
    async with asyncio.timeout(30):
        while rounds.halted.get(ROLE) != 1:  # noqa: ASYNC110 - nobody tells of it but the metric
            await asyncio.sleep(0.02)
    async with owner_engine.begin() as connection:
        await connection.execute(text(STAGE))
    alert, *_ = [each for each in caplog.records if each.levelno == logging.CRITICAL]
    assert "unforeseen" not in caplog.text
    assert "HALTED, nothing is signed" in alert.getMessage()
    families = {family.name: family for family in WorkerMetrics(rounds)()}
    assert [sample.value for sample in families["consentid_worker_halted"].samples] == [1.0]
    assert await count(owner_engine, "SELECT count(*) FROM staged_entries") == 700
    assert await count(owner_engine, "SELECT max(size) FROM ledger_checkpoints") == 2
    stopped.set()
    await working


async def held(engine: AsyncEngine) -> int:
    return await count(engine, HOLDERS)


async def count(engine: AsyncEngine, statement: str) -> int:
    async with engine.connect() as connection:
        return (await connection.execute(text(statement))).scalar_one()
