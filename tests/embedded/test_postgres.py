import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from consentid.embedded.errors import EmbeddedServerError
from consentid.embedded.liveness import is_alive
from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres

_HOLDER = """
import sys
from pathlib import Path
from consentid.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[AsyncConnection]:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


@pytest.fixture
def folder(server_folder: Path, request: pytest.FixtureRequest) -> Path:
    return server_folder / f"own-{abs(hash(request.node.name)) % 10**8}"


@pytest.fixture
def own(folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(folder) as server:
        yield server


def hold(folder: Path) -> tuple["subprocess.Popen[str]", int]:
    """Start the server in another process; that process and the server's id."""
    holder = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-c", _HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    return holder, int(holder.stdout.readline())


def end(holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.communicate()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def write(urls: DatabaseUrls) -> None:
    async with connected(urls.owner) as connection:
        await connection.execute(text("CREATE TABLE kept (value int)"))
        await connection.execute(text("INSERT INTO kept VALUES (42)"))


async def read(urls: DatabaseUrls) -> object:
    async with connected(urls.owner) as connection:
        return await connection.scalar(text("SELECT value FROM kept"))


async def test_it_is_postgresql_18_and_durable(postgres: EmbeddedPostgres) -> None:
    async with connected(postgres.urls().serving) as connection:
        assert await connection.scalar(text("SHOW server_version_num")) >= "180000"
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await connection.scalar(text(f"SHOW {setting}")) == "on"
        assert await connection.scalar(text("SHOW timezone")) == "UTC"
        assert await connection.scalar(text("SHOW server_encoding")) == "UTF8"


async def test_it_opens_no_port(postgres: EmbeddedPostgres) -> None:
    async with connected(postgres.urls().serving) as connection:
        assert await connection.scalar(text("SHOW listen_addresses")) == ""


async def test_the_serving_role_may_do_nothing_of_itself(postgres: EmbeddedPostgres) -> None:
    urls = await postgres.create_database("nothing_granted")
    for forbidden in (
        "CREATE TABLE t (a int)",
        "CREATE TEMPORARY TABLE t (a int)",
        "CREATE SCHEMA s",
        "CREATE ROLE r",
        "SET ROLE consentid_owner",
    ):
        async with connected(urls.serving) as connection:
            with pytest.raises(ProgrammingError, match="permission denied"):
                await connection.execute(text(forbidden))
            await connection.rollback()


async def test_the_owner_is_no_superuser(postgres: EmbeddedPostgres) -> None:
    async with connected(postgres.urls().owner) as connection:
        row = await connection.execute(
            text("SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = USER")
        )
        assert row.one() == (False, False, False)


async def test_a_database_can_be_copied_and_dropped(postgres: EmbeddedPostgres) -> None:
    first = await postgres.create_database("first_of_two")
    await write(first)
    second = await postgres.create_database("second_of_two", template="first_of_two")
    assert await read(second) == 42
    async with connected(second.owner):
        await postgres.drop_database("first_of_two")
    await postgres.drop_database("first_of_two")
    assert await read(second) == 42


@pytest.mark.parametrize("name", ["", "Upper", "1st", "a-b", 'a"; DROP ROLE x; --', "a" * 64])
async def test_a_name_that_would_need_quoting_is_refused(
    postgres: EmbeddedPostgres, name: str
) -> None:
    with pytest.raises(ValueError, match="database's name"):
        await postgres.create_database(name)
    with pytest.raises(ValueError, match="database's name"):
        await postgres.create_database("fine", template=name)
    with pytest.raises(ValueError, match="database's name"):
        await postgres.drop_database(name)


async def test_data_is_there_after_a_restart(own: EmbeddedPostgres) -> None:
    await write(own.urls())
    own.stop()
    assert await read(own.start()) == 42


async def test_data_is_there_after_the_server_was_killed(own: EmbeddedPostgres) -> None:
    await write(own.urls())
    os.kill(own.pid, signal.SIGKILL)
    own.stop()
    assert await read(own.start()) == 42


async def test_killed_by_force_we_leave_no_server_and_lose_no_data(folder: Path) -> None:
    holder, server = hold(folder)
    await write(EmbeddedPostgres(folder).urls())
    end(holder)
    with EmbeddedPostgres(folder) as successor:
        assert not is_alive(server)
        assert await read(successor.urls()) == 42


async def test_a_server_whose_guard_was_killed_too_is_ended_first(folder: Path) -> None:
    holder, server = hold(folder)
    guard = parent_of(server)
    await write(EmbeddedPostgres(folder).urls())
    for pid in (guard, holder.pid):
        os.kill(pid, signal.SIGKILL)
    holder.communicate()
    assert is_alive(server)
    with EmbeddedPostgres(folder) as successor:
        assert not is_alive(server)
        assert await read(successor.urls()) == 42


async def test_a_process_id_that_went_to_somebody_else_does_not_matter(
    own: EmbeddedPostgres, folder: Path
) -> None:
    await write(own.urls())
    pid_file = folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(own.pid, signal.SIGKILL)
    own.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert await read(own.start()) == 42


def test_a_second_process_is_told_who_holds_the_folder(folder: Path) -> None:
    holder, _ = hold(folder)
    with pytest.raises(EmbeddedServerError, match=f"in use by process {holder.pid}") as caught:
        EmbeddedPostgres(folder).start()
    assert caught.value.code == "embedded.in_use"
    end(holder)


def test_a_second_start_in_one_process_is_refused_too(own: EmbeddedPostgres, folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="in use"):
        EmbeddedPostgres(folder).start()
    assert own.pid


def test_a_path_too_long_for_a_socket_is_no_hindrance(server_folder: Path) -> None:
    long = server_folder / ("x" * 90)
    with EmbeddedPostgres(long) as server:
        socket = Path(server.urls().serving.partition("host=")[2])
        assert len(str(socket)) < 60
        assert socket.stat().st_mode & 0o777 == 0o700
        asyncio.run(write(server.urls()))
    assert not socket.exists()


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="invalid value for parameter"):
        EmbeddedPostgres(folder, settings={"max_connections": "none"}).start()
    with EmbeddedPostgres(folder) as server:
        assert server.pid


def test_stopping_twice_is_harmless(own: EmbeddedPostgres) -> None:
    own.stop()
    own.stop()
    with pytest.raises(EmbeddedServerError, match="does not run"):
        _ = own.pid
