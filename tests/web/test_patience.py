"""Nobody keeps a connection by saying little, and nobody on the way is left unheard at the end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from consentid.web import patience
from consentid.web.patience import MAX_HEAD_BYTES, PatientProtocol

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
SHORT_S = 0.2
LATE = b"authorization"
LARGE = 8_000_000


@pytest.fixture(autouse=True)
def patience_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WHOLE_WITHIN_S", SHORT_S)
    monkeypatch.setattr(patience, "LEAVE_AFTER_S", SHORT_S)


async def answering(scope: Any, receive: Any, send: Any) -> None:
    """Reads all, takes as long as the path says, and says ``done``; or that headers came late."""
    headers = scope.pop("headers")
    while (message := await receive()).get("more_body"):
        continue
    if message["type"] == "http.disconnect":
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * SHORT_S)
    body = b"late" if LATE in dict(headers) else b"done"
    if scope["path"] == "/large":
        body *= LARGE
    size = str(len(body)).encode()
    head = [(b"content-length", size)]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[ServerState, int]]:
    config = uvicorn.Config(answering, timeout_keep_alive=75, date_header=False)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: PatientProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        yield state, server.sockets[0].getsockname()[1]
    for connection in tuple(state.connections):
        connection.transport.abort()


async def told(port: int, *pieces: bytes) -> bytes:
    """What is answered to pieces, until the connection is closed by the other side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    async with asyncio.timeout(120):  # ends a hang only
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("pieces", "begins"),
    [
        ([], b""),
        ([b"\r\n"], b""),
        ([b"GET"], b"HTTP/1.1 408 "),
        ([b"GET / HTTP/1.1\r\nX-A: ", b"b"], b"HTTP/1.1 408 "),
        ([b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", b"a"], b"HTTP/1.1 408 "),
        ([WHOLE, b"GET / HT"], b"HTTP/1.1 200 "),
    ],
    ids=["nothing", "an empty line", "a word", "half a head", "half a body", "a second one"],
)
async def test_what_is_never_whole_is_ended(pieces: list[bytes], begins: bytes) -> None:
    async with serving() as (_, port):
        answer = await told(port, *pieces)
    assert answer[: len(begins)] == begins
    assert bool(answer) == bool(begins)
    assert answer.count(b"408") == (begins.count(b"408") or pieces.count(WHOLE))


async def test_a_head_without_end_is_refused() -> None:
    async with serving() as (_, port):
        line = b"X-A: " + b"a" * 1_000 + b"\r\n"
        head = b"GET / HTTP/1.1\r\n" + line * (MAX_HEAD_BYTES // len(line) + 1)
        answer = await told(port, head[:MAX_HEAD_BYTES], head[MAX_HEAD_BYTES : MAX_HEAD_BYTES + 1])
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_nor_is_a_large_one_taken_that_came_in_one_piece() -> None:
    async with serving() as (_, port):
        giant = WHOLE.replace(b"Host", b"X-A: " + b"a" * MAX_HEAD_BYTES + b"\r\nHost")
        answer = await told(port, giant)
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"done" not in answer
        # Behind another it ends the connection, and is never taken for that one's answer.
        assert b"431" not in await told(port, WHOLE + giant)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
    ],
    ids=["none", "two", "the same twice", "none of old"],
)
async def test_a_request_names_one_host(head: bytes, status: bytes) -> None:
    """Two servers would else take it for one of different hosts.  Spec: RFC 9112 section 3.2."""
    async with serving() as (_, port):
        assert (await told(port, head)).startswith(b"HTTP/1.1 " + status)


async def test_what_follows_a_body_is_no_header() -> None:
    """Who judged the head, a proxy above all, did not see it."""
    async with serving() as (_, port):
        later = b"0\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"
        for pieces in ([CHUNKED + later], [CHUNKED, later]):
            answer = await told(port, *pieces)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b"done")


async def send_on(writer: asyncio.StreamWriter, piece: bytes) -> None:
    while True:
        writer.write(piece)
        await writer.drain()


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"0\r\n", b"X-A: b\r\n" * 1_000),
        (b"0\r\nX-A: ", b"b" * 8_000),
        (b"1;", b"a" * 8_000),
    ],
    ids=["many trailers", "a large one", "an extension of a chunk"],
)
async def test_framing_without_end_is_refused(
    begin: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "WHOLE_WITHIN_S", 600.0)  # it is not the time that ends it
    async with serving() as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CHUNKED + begin)
        with pytest.raises(ConnectionError):
            await send_on(writer, more)


async def test_a_body_of_small_chunks_is_taken() -> None:
    async with serving() as (_, port):
        chunks = b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n"
        pieces = [chunks[place : place + 20_000] for place in range(0, len(chunks), 20_000)]
        assert (await told(port, CHUNKED, *pieces)).endswith(b"done")


async def test_an_answer_that_nobody_takes_is_ended() -> None:
    async with serving() as (state, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(WHOLE.replace(b"GET /", b"GET /large"))
        assert await reader.read(1)
        (connection,) = state.connections
        async with asyncio.timeout(60):  # ends a hang only
            while connection in state.connections:  # noqa: ASYNC110 nothing tells of it
                await asyncio.sleep(SHORT_S / 10)
        writer.transport.abort()


async def test_an_answer_that_is_taken_slowly_is_not() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        whole = WHOLE.replace(b"Host", b"Connection: close\r\nHost")
        writer.write(whole.replace(b"GET /", b"GET /large"))
        got = 0
        while piece := await reader.read(1_000_000):
            got += len(piece)
        assert got > 4 * LARGE
        writer.close()


async def test_an_answer_may_take_its_time() -> None:
    async with serving() as (_, port):
        slow = WHOLE.replace(b"GET /", b"GET /slow").replace(b"Host", b"Connection: close\r\nHost")
        assert (await told(port, slow)).endswith(b"done")


async def test_who_rests_when_the_process_ends_is_heard_once_more() -> None:
    async with serving() as (state, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        assert b"200" in await reader.readuntil(b"done")
        for connection in tuple(state.connections):
            connection.shutdown()
        writer.write(WHOLE)
        answer = await reader.read()
        assert b"connection: close\r\n" in answer
        assert answer.endswith(b"done")
        writer.close()
        assert b"connection: close\r\n" in await told(port, WHOLE)  # let in a moment too late


async def test_who_rests_and_says_nothing_is_let_go() -> None:
    async with serving() as (state, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        await reader.readuntil(b"done")
        for connection in tuple(state.connections):
            connection.shutdown()
        assert await reader.read() == b""
        writer.close()
