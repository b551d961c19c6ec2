"""A database that cannot be heard: every wait has its end, and nothing is pretended."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.faults.deployment import by_wire, socket_of
from tests.faults.wire import Wire

from consentid.embedded.postgres import DatabaseUrls
from consentid.kit.errors import UnavailableError
from consentid.store import engine, silence
from consentid.store.engine import Database

SHORT_S = 1.0
CONNECTIONS = 2


@pytest.fixture(autouse=True)
def patience_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "_ALIVE_WITHIN_S", SHORT_S)
    monkeypatch.setattr(engine, "_CONNECTED_WITHIN_S", SHORT_S)


@pytest.fixture
async def wire(database_urls: DatabaseUrls) -> AsyncIterator[Wire]:
    made = Wire(socket_of(database_urls))
    yield made
    await made.close()


@pytest.fixture
async def reached(wire: Wire, database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """This test's database, at the other end of the wire."""
    name = make_url(database_urls.serving).database
    assert name is not None
    opened = Database(
        by_wire(await wire.open(), name), connections=CONNECTIONS, answered_within_s=SHORT_S
    )
    async with opened.reading() as connection:  # over a wire that is slow at first
        await ask(connection)
    yield opened
    wire.mend()
    await opened.close()


async def ask(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT count(*) FROM used_tokens"))


async def mark(connection: AsyncConnection, number: int) -> None:
    await connection.execute(
        text("INSERT INTO used_tokens VALUES (:hash, now())"), {"hash": bytes([number])}
    )


async def marks(database: Database) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM used_tokens")) or 0)


async def test_who_is_in_the_middle_is_told_and_keeps_no_connection(
    wire: Wire, reached: Database
) -> None:
    async def go_on() -> None:
        async with reached.writing() as connection:
            await mark(connection, 1)
            wire.hold()
            await ask(connection)

    with pytest.raises(UnavailableError):
        await go_on()
    assert reached.in_use() == 0
    wire.mend()
    assert await marks(reached) == 0


async def test_a_commit_that_was_not_answered_is_not_acknowledged(
    wire: Wire, reached: Database
) -> None:
    done: list[int] = []

    async def write(number: int) -> None:
        async with reached.writing() as connection:
            reached.after_commit(connection, lambda: done.append(number))
            await connection.execute(
                text("INSERT INTO used_tokens VALUES (:hash, now()) ON CONFLICT DO NOTHING"),
                {"hash": bytes([number])},
            )
            if number not in tried:
                tried.add(number)
                wire.hold()

    tried: set[int] = set()
    with pytest.raises(UnavailableError):
        await write(1)
    assert done == []
    wire.mend()
    await write(1)
    assert done == [1]
    assert await marks(reached) == 1


async def test_all_who_rested_are_let_go_with_the_first_that_gives_no_sign_of_life(
    wire: Wire, reached: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "_RESTED_S", 0.0)
    together = asyncio.Barrier(CONNECTIONS)

    async def rest() -> None:
        async with reached.reading() as connection:
            await ask(connection)
            await together.wait()

    await asyncio.gather(*(rest() for _ in range(CONNECTIONS)))
    wire.hold()
    for _ in range(CONNECTIONS + 1):
        with pytest.raises(UnavailableError):
            await marks(reached)
    assert reached.in_use() == 0
    wire.mend()
    assert await marks(reached) == 0


async def test_the_system_ends_a_connection_whose_other_end_is_not_heard(
    reached: Database,
) -> None:
    async with reached.reading() as connection:
        raw: Any = await connection.get_raw_connection()
        ours = raw.driver_connection._transport.get_extra_info("socket")  # noqa: SLF001  its only name
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 5_000
