import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import httpx2
import pytest
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler

from consentid.demo.host_dispatch import Application, HostDispatch, Message, Receive, Send


@get("/")
async def one() -> str:
    return "one"


@get("/")
async def two() -> str:
    return "two"


def app(handler: HTTPRouteHandler, lived: list[str] | None = None) -> Application:
    @asynccontextmanager
    async def live(_app: Litestar) -> AsyncGenerator[None]:
        if lived is not None:
            lived.append("started")
        yield
        if lived is not None:
            lived.append("stopped")

    return cast("Application", Litestar([handler], lifespan=[live], openapi_config=None))


def client(dispatch: HostDispatch) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=dispatch))


async def live_with(dispatch: HostDispatch) -> list[str]:
    asked: Iterator[Message] = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    said: list[str] = []

    async def receive() -> Message:
        return next(asked)

    async def send(message: Message) -> None:
        said.append(message["type"])

    await asyncio.wait_for(dispatch({"type": "lifespan"}, receive, send), 120)
    return said


async def test_each_host_has_its_application() -> None:
    dispatch = HostDispatch({"a.localhost": app(one), "b.localhost": app(two)})
    async with client(dispatch) as http:
        assert (await http.get("http://a.localhost:7600/")).text == "one"
        assert (await http.get("http://B.LOCALHOST/")).text == "two"


@pytest.mark.parametrize("host", ["c.localhost", "localhost", "evil.example"])
async def test_an_unknown_host_is_misdirected(host: str) -> None:
    async with client(HostDispatch({"a.localhost": app(one)})) as http:
        answer = await http.get(f"http://{host}/")
    assert answer.status_code == 421
    assert "a.localhost" in answer.text


async def test_every_application_lives_from_startup_to_shutdown() -> None:
    lived: list[str] = []
    dispatch = HostDispatch({"a.localhost": app(one, lived), "b.localhost": app(two, lived)})
    assert await live_with(dispatch) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert lived == ["started", "started", "stopped", "stopped"]


async def test_one_that_cannot_start_fails_the_whole_start() -> None:
    async def broken(_scope: Message, _receive: Receive, send: Send) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    lived: list[str] = []
    dispatch = HostDispatch({"a.localhost": app(one, lived), "b.localhost": broken})
    assert await live_with(dispatch) == ["lifespan.startup.failed"]
    assert lived == ["started", "stopped"]
