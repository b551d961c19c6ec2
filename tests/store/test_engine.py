import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.embedded.postgres import ERASING, SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.kit.errors import UnavailableError
from consentid.store import clock
from consentid.store.arrays import fetch
from consentid.store.engine import ANSWERED_WITHIN_S, Database
from consentid.store.migrating import upgrade


async def count(database: Database) -> int:
    async with database.reading() as connection:
        found = await connection.scalar(text("SELECT count(*) FROM used_tokens"))
        return int(found or 0)


async def mark(connection: AsyncConnection, number: int) -> None:
    await connection.execute(
        text("INSERT INTO used_tokens VALUES (:hash, now())"), {"hash": bytes([number])}
    )


async def test_a_transaction_is_there_when_its_block_has_ended(database: Database) -> None:
    async with database.writing() as connection:
        await mark(connection, 1)
        assert await count(database) == 0
    assert await count(database) == 1


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.writing() as connection:
            await mark(connection, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await count(database) == 0


async def test_a_cancelled_transaction_leaves_nothing(database: Database) -> None:
    begun = asyncio.Event()

    async def write() -> None:
        async with database.writing() as connection:
            await mark(connection, 1)
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(database) == 0


async def test_reading_sees_one_snapshot_and_never_writes(database: Database) -> None:
    async with database.reading() as connection:
        before = await connection.scalar(text("SELECT count(*) FROM used_tokens"))
        async with database.writing() as other:
            await mark(other, 1)
        assert await connection.scalar(text("SELECT count(*) FROM used_tokens")) == before
    with pytest.raises(DBAPIError) as refused:
        async with database.reading() as connection:
            await mark(connection, 2)
    assert getattr(refused.value.orig, "sqlstate", None) == "25006"
    async with database.writing() as connection:
        await mark(connection, 3)
    assert await count(database) == 2


async def set_read_only(urls: DatabaseUrls, on: str) -> None:
    """For sessions that begin from now on, as those with a server that stands by."""
    owner = Database(urls.owner)
    async with owner.writing() as connection:
        await connection.execute(text("SET TRANSACTION READ WRITE"))
        name = await connection.scalar(text("SELECT current_database()"))
        statement = f'ALTER DATABASE "{name}" SET default_transaction_read_only = {on}'
        await connection.execute(text(statement))
    await owner.close()


async def raw_mark(connection: AsyncConnection, number: int) -> None:
    await connection.execute(text("SELECT 1"))  # a transaction is open: the driver itself is asked
    await fetch(connection, "INSERT INTO used_tokens VALUES ($1, now())", bytes([number]))


@pytest.mark.parametrize("write", [mark, raw_mark])
async def test_a_server_that_takes_no_writes_is_unavailable_until_it_does(
    database_urls: DatabaseUrls, write: Callable[[AsyncConnection, int], Awaitable[None]]
) -> None:
    await set_read_only(database_urls, "on")
    database = Database(database_urls.serving, connections=1)
    for _ in range(2):
        with pytest.raises(UnavailableError) as refused:
            async with database.writing() as connection:
                await write(connection, 1)
        assert refused.value.code == "database_unavailable"
    assert await count(database) == 0  # reading goes on, on the pool's one connection

    await set_read_only(database_urls, "off")
    # That one has it from before that it may not write: it is given up for one that may.
    with pytest.raises(UnavailableError):
        async with database.writing() as connection:
            await write(connection, 1)
    async with database.writing() as connection:
        await write(connection, 1)
    assert await count(database) == 1
    await database.close()


async def test_a_migration_of_a_server_that_takes_no_writes_is_unavailable(
    database_urls: DatabaseUrls,
) -> None:
    await set_read_only(database_urls, "on")
    with pytest.raises(UnavailableError):
        await upgrade(database_urls.owner, serving_role=SERVING, erasing_role=ERASING)


async def test_commits_wait_for_the_disk(database: Database) -> None:
    async with database.reading() as connection:
        assert await connection.scalar(text("SHOW synchronous_commit")) == "on"
        assert await connection.scalar(text("SHOW fsync")) == "on"


async def test_the_clock_goes_on_within_a_transaction(database: Database) -> None:
    async with database.writing() as connection:
        assert await clock.now(connection) < await clock.now(connection)


async def test_a_deadlock_is_unavailable_for_one_and_done_for_the_other(
    database: Database,
) -> None:
    locked = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        statement = text("SELECT pg_advisory_xact_lock(:number)")
        async with database.writing() as connection:
            await connection.execute(statement, {"number": first})
            await locked.wait()
            await connection.execute(statement, {"number": second})

    ended = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert {type(each) for each in ended} == {type(None), UnavailableError}


async def test_a_mistake_of_ours_is_no_unavailability(database: Database) -> None:
    with pytest.raises(ProgrammingError):
        async with database.writing() as connection:
            await connection.execute(text("SELECT no_such_column FROM decisions"))


async def test_a_connection_cut_under_way_is_unavailable_and_the_next_one_works(
    database: Database,
) -> None:
    async def be_cut() -> None:
        async with database.writing() as connection:
            await mark(connection, 1)
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            async with database.writing() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            await mark(connection, 2)

    with pytest.raises(UnavailableError):
        await be_cut()
    assert await count(database) == 0
    await database.ping()


async def test_a_stopped_server_is_unavailable_until_it_is_back(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder / "stopped") as server:
        database = Database(server.urls().serving)
        await database.ping()
        async with database.reading() as connection:
            await asyncio.to_thread(server.stop)
            with pytest.raises((UnavailableError, DBAPIError)):
                await connection.execute(text("SELECT 1"))
            await connection.invalidate()
        with pytest.raises(UnavailableError):
            await database.ping()
        await asyncio.to_thread(server.start)
        await database.ping()
        await database.close()


async def test_a_statement_takes_no_longer_than_its_database_is_given(
    database_urls: DatabaseUrls,
) -> None:
    for given_s, ended_after in ((ANSWERED_WITHIN_S, "15s"), (3_400.0, "50min")):
        database = Database(database_urls.serving, answered_within_s=given_s)
        async with database.reading() as connection:
            assert await connection.scalar(text("SHOW statement_timeout")) == ended_after
        await database.close()
    hasty = Database(database_urls.serving, answered_within_s=0.5)
    with pytest.raises(UnavailableError):
        async with hasty.reading() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))
    await hasty.close()
