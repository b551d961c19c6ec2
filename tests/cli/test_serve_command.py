import asyncio
import contextlib
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from tests.cli.running import BRANDS, run_process, until, without_ours

from consentid.cli.logs import log_config
from consentid.cli.terminal import Exit
from consentid.embedded.postgres import DatabaseUrls
from consentid.settings import Settings


@pytest.fixture
def environ(database_urls: DatabaseUrls, tmp_path: Path) -> dict[str, str]:
    chosen = {
        "CONSENTID_DATABASE_URL": database_urls.serving,
        "CONSENTID_MIGRATION_DATABASE_URL": database_urls.owner,
        "CONSENTID_BRANDS_DIR": str(BRANDS),
        "CONSENTID_KEYS_DIR": str(tmp_path / "keys"),
        "CONSENTID_LOCALHOST_HOSTS": "true",
    }
    assert run_process("keys", "generate", environ=chosen).code == Exit.OK
    assert run_process("brands", "apply", environ=chosen).code == Exit.OK
    return chosen


@asynccontextmanager
async def running(*words: str, environ: dict[str, str]) -> AsyncGenerator["subprocess.Popen[str]"]:
    process = subprocess.Popen(  # noqa: ASYNC220, S603  our own program, which we outlive
        [sys.executable, "-m", "consentid", *words],
        env={**without_ours(), **environ},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_it_serves_on_a_socket_and_ends_cleanly_at_sigterm(
    environ: dict[str, str], tmp_path: Path
) -> None:
    uds = tmp_path / "web.sock"
    environ["CONSENTID_LOG_FORMAT"] = "json"
    async with running("serve", "--uds", str(uds), environ=environ) as web:
        transport = httpx2.AsyncHTTPTransport(uds=str(uds))
        async with httpx2.AsyncClient(transport=transport, base_url="http://web") as client:

            async def listens() -> bool:  # the file is there a moment before somebody listens
                with contextlib.suppress(httpx2.TransportError):
                    return (await client.get("/health/live")).is_success
                return False

            await until(listens)
            ready = await client.get("/health/ready")
        assert ready.status_code == 200
        assert "server" not in ready.headers
        web.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(web.communicate, timeout=300)
    assert web.returncode == Exit.OK
    assert all(line.startswith('{"time": ') for line in log.splitlines())


async def test_the_worker_ends_cleanly_at_sigterm(environ: dict[str, str]) -> None:
    async with running("worker", environ=environ) as worker:
        assert worker.stderr is not None
        line = await asyncio.to_thread(worker.stderr.readline)
        assert "worker started" in line
        worker.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait, 300)
    assert worker.returncode == Exit.OK


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_logging_takes_the_chosen_level(level: str) -> None:
    chosen = Settings(log_level=level)  # pyright: ignore[reportArgumentType]  one of the four
    made = log_config(chosen)
    assert made["loggers"]["consentid"]["level"] == logging.getLevelNamesMapping()[level.upper()]
    # Libraries tell of tokens there.
    assert made["root"]["level"] >= logging.INFO
