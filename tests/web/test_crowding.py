"""More requests than a process works on at once are refused at once, each in its own words."""

import asyncio
from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

from consentid.web.crowding import Crowding


async def ask(
    app: Crowding, path: str, *headers: tuple[bytes, bytes]
) -> tuple[int, dict[bytes, bytes], Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "method": "POST", "path": path, "headers": headers}
    await app(scope, receive, send)
    start, body = sent
    return start["status"], dict(start["headers"]), msgspec.json.decode(body["body"])


async def test_one_request_too_many_is_told_when_to_come_back() -> None:
    let_go, begun = asyncio.Event(), asyncio.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        begun.set()
        await let_go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})

    app = Crowding(slow, most=1)
    first = asyncio.create_task(ask(app, "/v1/state"))
    await begun.wait()
    status, headers, body = await ask(app, "/v1/state")
    assert (status, headers[b"retry-after"], body["code"]) == (503, b"1", "too_busy")
    status, headers, body = await ask(app, "/token")
    assert (status, body["error"]) == (503, "temporarily_unavailable")
    assert headers[b"x-frame-options"] == b"DENY"
    for head, is_closed in (
        ((b"content-length", b"300"), False),
        ((b"content-length", b"300000"), True),
        ((b"transfer-encoding", b"chunked"), True),
    ):
        status, headers, _ = await ask(app, "/token", head)
        assert (status, b"connection" in headers) == (503, is_closed)
    let_go.set()
    assert (await first)[0] == 200
    assert (await ask(app, "/v1/state"))[0] == 200
