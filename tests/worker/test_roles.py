import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.flows.town import halcyon

from consentid.brandbook.folder import load
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.opening import Opened, open_context
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.settings import Settings
from consentid.store.engine import Database
from consentid.worker.roles import run_roles


@pytest.fixture
async def opened(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Opened]:
    generate(tmp_path / "keys", now=from_seconds(1), randomness=secrets.token_bytes)
    settings = Settings(
        database_url=database_urls.serving,
        keys_dir=tmp_path / "keys",
        status_list_window_s=1,
    )
    opened = open_context(settings)
    yield opened
    await opened.close()


async def until(engine: AsyncEngine, statement: str, wanted: object) -> None:
    """Wait until the database answers what is wanted."""
    async with asyncio.timeout(120):
        while True:
            async with engine.connect() as connection:
                if await connection.scalar(text(statement)) == wanted:
                    return
            await asyncio.sleep(0.02)


async def test_every_role_runs_until_it_is_told_to_stop(
    opened: Opened,
    owner_engine: AsyncEngine,
    database_urls: DatabaseUrls,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "consentid.worker")
    stopped = asyncio.Event()
    async with owner_engine.begin() as connection:
        # Before there is a configuration, publishing fails; it is told, and tried again.
        await connection.execute(
            text(
                "INSERT INTO status_lists (is_open, bits, created_at)"
                " VALUES (true, decode(repeat('00', 16384), 'hex'), now())"
            )
        )
        await connection.execute(text("INSERT INTO used_tokens VALUES ('\\x01', now())"))
    working = asyncio.create_task(run_roles(opened.context, stopped))
    await until(owner_engine, "SELECT count(*) FROM used_tokens", 0)
    owner = Database(database_urls.owner)
    brands = halcyon(tmp_path / "brands", "http://id.localhost:7600")
    await publish_catalogue(owner, load(brands), randomness=secrets.token_bytes)
    await owner.close()
    await until(owner_engine, "SELECT token IS NOT NULL FROM status_lists", wanted=True)
    stopped.set()
    await asyncio.wait_for(working, 120)
    assert "no_catalogue" in caplog.text
    assert "status list publisher: 1 done" in caplog.text
    assert "unforeseen" not in caplog.text


async def test_two_workers_at_once_do_the_work_once(
    opened: Opened, owner_engine: AsyncEngine
) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO used_tokens SELECT decode(to_hex(n), 'hex'), now()"
                " FROM generate_series(16, 200) n"
            )
        )
    stopped = asyncio.Event()
    working = [asyncio.create_task(run_roles(opened.context, stopped)) for _ in range(2)]
    await until(owner_engine, "SELECT count(*) FROM used_tokens", 0)
    stopped.set()
    await asyncio.gather(*working)
