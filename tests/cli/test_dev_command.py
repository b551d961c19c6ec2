import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.cli.running import BRANDS, run_process, until, without_ours
from tests.ports import free_port

from consentid.embedded.liveness import is_alive

SECRET = "told-by-the-portal"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A developer's own folder."""
    shutil.copytree(BRANDS, tmp_path / "brands")
    return tmp_path


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def dev(folder: Path, server_folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    data = server_folder / f"dev-{port}"
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(  # noqa: S603  our own program
            [
                *(sys.executable, "-m", "consentid", "dev"),
                *("--port", str(port), "--data", str(data)),
            ],
            cwd=folder,
            env={**without_ours(), "CONSENTID_PORTAL_CLIENT_SECRET": SECRET},
            stderr=log,
        )
    yield running
    running.send_signal(signal.SIGTERM)
    running.wait(300)


async def catalogue(client: httpx2.AsyncClient) -> int:
    """The version that is served; 0 while nothing is."""
    try:
        answer = await client.get("/v1/catalogue", params={"brand": "news"})
    except httpx2.TransportError:
        return 0
    return answer.json()["catalogue"] if answer.is_success else 0


async def until_served(client: httpx2.AsyncClient, version: int) -> None:
    async def is_served() -> bool:
        return await catalogue(client) == version

    await until(is_served)


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "brands" / "news.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def log_of(folder: Path) -> str:
    return (folder / "log").read_text()


async def the_portals_secret_is_known_and_written_nowhere(
    client: httpx2.AsyncClient, folder: Path
) -> None:
    asked = {
        "client_id": "news-web",
        "redirect_uri": "http://news.localhost:7600/callback",
        "response_type": "code",
        "scope": "openid",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
        "prompt": "login",
    }
    answer = await client.get("/authorize", params=asked, headers={"Accept": "text/html"})
    assert answer.status_code in {303, 503}  # the portal is there, or is not
    assert "portal_secret_missing" not in answer.text
    assert SECRET not in (folder / ".consentid" / "dev.toml").read_text()


async def test_dev_serves_ones_own_brands_and_applies_each_change(
    dev: "subprocess.Popen[bytes]", folder: Path, port: int
) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        await until_served(client, 1)
        await the_portals_secret_is_known_and_written_nowhere(client, folder)
        edit(folder, "validity_days = 184", "validity_days = 90")
        await until_served(client, 2)
        edit(folder, "domains =", "domain =")

        async def is_told() -> bool:
            return "not applied" in log_of(folder)

        await until(is_told)
        assert await catalogue(client) == 2
    config = {"CONSENTID_CONFIG": str(folder / ".consentid" / "dev.toml")}
    listed = run_process("clients", "list", "--json", environ=config)
    assert {client["party"] for client in listed.json["clients"]} >= {"brand/news"}
    dev.send_signal(signal.SIGTERM)
    assert dev.wait(300) == 0
    assert "news.toml:4: domain: unknown key" in log_of(folder)
    assert f"this hub listens on {port}:\n  start it with --port 7600" in log_of(folder)


async def test_killed_by_force_dev_leaves_nothing_running(
    dev: "subprocess.Popen[bytes]", port: int, server_folder: Path
) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        await until_served(client, 1)
        postmaster = server_folder / f"dev-{port}" / "postgres" / "data" / "postmaster.pid"
        server = int(postmaster.read_text().split()[0])
        dev.kill()

        async def is_over() -> bool:
            return not await catalogue(client) and not is_alive(server)

        await until(is_over)
        await asyncio.to_thread(dev.wait)
