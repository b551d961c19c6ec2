"""An answer that leaves as one piece is the one that the server would have put together."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from consentid.web.joining import JoiningProtocol
from consentid.web.prepared import Prepared, withdraw_whole

ANSWER = Prepared(HTTPStatus.OK, [(b"content-type", b"text/plain"), (b"vary", b"origin")])
NOTHING = Prepared(HTTPStatus.NO_CONTENT, [(b"cache-control", b"no-store")])
NEXT = "GET {} HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def answering(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/gone":
        assert (await receive())["type"] == "http.disconnect"
    if scope["path"] == "/heard":
        withdraw_whole(scope)
    if scope["path"] == "/nothing":
        await NOTHING.send(scope, send)
    else:
        await ANSWER.send(scope, send, scope["path"].encode(), extra=[(b"x-own", b"1")])


@asynccontextmanager
async def serving(protocol: type[HttpToolsProtocol]) -> AsyncGenerator[int]:
    config = uvicorn.Config(answering, date_header=False, server_header=False)
    config.load()
    state = ServerState()
    state.default_headers = [(b"server", b"x")]
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


async def told(protocol: type[HttpToolsProtocol], sent: str) -> bytes:
    async with serving(protocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent.encode())
        async with asyncio.timeout(60):  # ends a hang only
            answer = await reader.read()
        writer.close()
        return answer


def parted(answers: bytes) -> list[tuple[bytes, list[bytes], bytes]]:
    """Status line, sorted fields and body of answers to ``/…`` that follow each other."""
    found: list[tuple[bytes, list[bytes], bytes]] = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        lengths = [int(each[16:]) for each in fields if each.startswith(b"content-length")]
        length = lengths[0] if lengths else 0
        found.append((line, sorted(fields), rest[:length]))
        answers = rest[length:]
    return found


@pytest.mark.parametrize(
    "sent",
    [
        LAST.format("/a"),
        LAST.format("/nothing"),
        LAST.format("/heard"),
        LAST.replace("GET", "HEAD").format("/a"),
        "GET /a HTTP/1.0\r\n\r\n",
        NEXT.format("/c") + NEXT.format("/a") + NEXT.format("/nothing") + LAST.format("/b"),
    ],
    ids=["one", "no body", "overheard", "a head alone", "HTTP/1.0", "four in one piece"],
)
async def test_a_prepared_answer_is_what_the_server_makes_of_it(sent: str) -> None:
    whole = await told(JoiningProtocol, sent)
    if sent.startswith("HEAD"):
        assert whole.endswith(b"\r\n\r\n")
        whole, usual = whole + b"/a", await told(HttpToolsProtocol, sent) + b"/a"
    else:
        usual = await told(HttpToolsProtocol, sent)
    assert parted(whole) == parted(usual)


async def test_who_has_gone_is_told_nothing() -> None:
    """Whoever hangs up while the answer is made breaks nothing for who comes next."""
    async with serving(JoiningProtocol) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(NEXT.format("/gone").encode())
        await writer.drain()
        writer.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LAST.format("/a").encode())
        assert (await reader.read()).endswith(b"/a")
        writer.close()
