"""What can go wrong: each does its harm once, when chance says, mends it, and tells what it did."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Final

import httpx2
from tests.faults.deployment import TRUE_TIME, Deployment, Node
from tests.faults.disks import fill
from tests.web.hub import forget, process_of

from consentid.embedded.errors import EmbeddedServerError
from consentid.embedded.postgres import EmbeddedPostgres

_ASKED_AT_ONCE: Final = 12
"""More than a node has connections."""
_TOLD_WITHIN_S: Final = 30.0
Fault = Callable[[Deployment, random.Random], Awaitable[str]]

_STARTS: Final = 5
_JUMPS: Final = ("+1d", "-1d", "+30d", "@2038-01-19 03:14:05")
"""As libfaketime reads them; the last one is three seconds before 32 bits are full."""


async def web_killed(deployment: Deployment, draw: random.Random) -> str:
    """A web process gets SIGKILL."""
    node = draw.choice(deployment.nodes)
    await node.end(signal.SIGKILL)
    await node.start()
    return "SIGKILL"


async def web_drained(deployment: Deployment, draw: random.Random) -> str:
    """A web process gets SIGTERM once another is there, and ends in its own time."""
    node = draw.choice(deployment.nodes)
    assert await node.replace() == 0, node.log.read_text()
    return "SIGTERM"


async def worker_killed(deployment: Deployment, draw: random.Random) -> str:
    """The worker gets SIGKILL."""
    del draw
    assert deployment.worker is not None
    deployment.worker.kill()
    await asyncio.to_thread(deployment.worker.wait)
    deployment.start_worker()
    return "SIGKILL"


async def postgres_killed(deployment: Deployment, draw: random.Random) -> str:
    """PostgreSQL gets SIGKILL in the middle of it: all of its processes, or the first, or one."""
    server = deployment.postgres
    how = draw.choice(("all", "first", "one"))
    processes = [server.pid, *children_of(server.pid)]
    match how:
        case "one":  # it starts anew by itself
            _kill(draw.choice(processes[1:]), signal.SIGKILL)
        case "first":
            _kill(processes[0], signal.SIGKILL)
        case _:
            for pid in processes:
                _kill(pid, signal.SIGKILL)
    if how != "one":
        await started_again(deployment.postgres)
    return f"SIGKILL, {how}"


async def postgres_quit(deployment: Deployment, draw: random.Random) -> str:
    """PostgreSQL is told to end without a checkpoint, and recovers when it starts."""
    del draw
    _kill(deployment.postgres.pid, signal.SIGQUIT)
    await started_again(deployment.postgres)
    return "SIGQUIT"


async def valkey_killed(deployment: Deployment, draw: random.Random) -> str:
    """Valkey gets SIGKILL, and comes back with nothing in it."""
    del draw
    _kill(await asyncio.to_thread(process_of, deployment.valkey.url), signal.SIGKILL)
    await asyncio.to_thread(deployment.valkey.stop)
    await asyncio.to_thread(deployment.valkey.start)
    return "SIGKILL"


async def valkey_frozen(deployment: Deployment, draw: random.Random) -> str:
    """Valkey takes connections and answers nothing."""
    pid = await asyncio.to_thread(process_of, deployment.valkey.url)
    _kill(pid, signal.SIGSTOP)
    try:
        await _meanwhile(draw)
    finally:
        _kill(pid, signal.SIGCONT)
    return "SIGSTOP"


async def valkey_flushed(deployment: Deployment, draw: random.Random) -> str:
    """Valkey forgets everything."""
    del draw
    await asyncio.to_thread(forget, deployment.valkey.url, "*")
    return "emptied"


async def network_cut(deployment: Deployment, draw: random.Random) -> str:
    """One web process loses its connections to the database, and gets no new ones."""
    with _mended(draw.choice(deployment.nodes)) as node:
        node.wire.cut()
        await _meanwhile(draw)
    return "cut"


async def network_held(deployment: Deployment, draw: random.Random) -> str:
    """Between one web process and the database every packet is lost."""
    with _mended(draw.choice(deployment.nodes)) as node:
        node.wire.hold()
        await _meanwhile(draw)
    return "held"


async def network_silent(deployment: Deployment, draw: random.Random) -> str:
    """The same, until each of those who ask meanwhile was told that it cannot be said now."""
    with _mended(draw.choice(deployment.nodes)) as node:
        node.wire.hold()
        async with httpx2.AsyncClient(base_url=node.url, timeout=_TOLD_WITHIN_S) as http:
            asked = [_ask(http, deployment) for _ in range(_ASKED_AT_ONCE)]
            assert set(await asyncio.gather(*asked)) == {503}
    return "held, and told"


async def _ask(http: httpx2.AsyncClient, deployment: Deployment) -> int:
    form = {"grant_type": "client_credentials"}
    answer = await http.post("/token", data=form, auth=("news-web", deployment.secret))
    return answer.status_code


async def network_slowed(deployment: Deployment, draw: random.Random) -> str:
    """Between one web process and the database everything takes up to a second longer."""
    with _mended(draw.choice(deployment.nodes)) as node:
        delay_s = draw.choice((0.02, 0.2, 1.0))
        node.wire.slow(delay_s)
        await _meanwhile(draw)
    return f"{delay_s} s"


async def delivery_disordered(deployment: Deployment, draw: random.Random) -> str:
    """Nothing breaks, but copies of writes are on their way: see ``Client.copied``."""
    del deployment
    await _meanwhile(draw)
    return "copies under way"


async def clock_jumped(deployment: Deployment, draw: random.Random) -> str:
    """The clock of one web process is wrong by a day, a month, or years, and then right."""
    return await _jump(draw.choice(deployment.nodes).clock, draw)


async def worker_clock_jumped(deployment: Deployment, draw: random.Random) -> str:
    """The same of the worker."""
    return await _jump(deployment.worker_clock, draw)


async def postgres_clock_jumped(deployment: Deployment, draw: random.Random) -> str:
    """The same of PostgreSQL, whose clock acts are timed by."""
    return await _jump(deployment.postgres_clock, draw)


async def _jump(clock: Path | None, draw: random.Random) -> str:
    jump = draw.choice(_JUMPS)
    with _wrong(clock, jump):
        await _meanwhile(draw)
    return jump


@contextlib.contextmanager
def _wrong(clock: Path | None, jump: str) -> Generator[None]:
    assert clock is not None
    clock.write_text(jump)
    try:
        yield
    finally:
        clock.write_text(TRUE_TIME)


async def disk_filled(deployment: Deployment, draw: random.Random) -> str:
    """The database's disk is full, and then has room."""
    assert deployment.ballast is not None
    fill(deployment.ballast)
    try:
        await _meanwhile(draw)
    finally:
        deployment.ballast.unlink()
    # Where not even the log could be written, PostgreSQL has ended itself.
    await started_again(deployment.postgres)
    return "filled"


async def _meanwhile(draw: random.Random) -> None:
    """As long as the fault lasts: shorter and longer than what may be stale."""
    await asyncio.sleep(draw.uniform(0.3, 4.0))


@contextlib.contextmanager
def _mended(node: Node) -> Generator[Node]:
    try:
        yield node
    finally:
        node.wire.mend()


async def started_again(server: EmbeddedPostgres) -> None:
    """Stop a server, whatever is left of it, and start it."""
    await asyncio.to_thread(server.stop)
    for _ in range(_STARTS):
        # Where the disk is busy, recovery may take longer than anybody waits for a server.
        with contextlib.suppress(EmbeddedServerError):
            await asyncio.to_thread(server.start)
            return
    await asyncio.to_thread(server.start)


def _kill(pid: int, how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.kill(pid, how)


def children_of(pid: int) -> list[int]:
    """The processes that one has started."""
    found: list[int] = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            stat = (process / "stat").read_text()
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found.append(int(process.name))
    return found
