"""What is written within one round leaves as one piece, and nothing is held that should be sent."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import final

from typing_extensions import override

from consentid.web.joining import Joined

LARGE = b"x" * 4_000_000
"""More than any socket takes at once."""


@final
class Flow(asyncio.Protocol):
    """Whether the sender was asked to wait."""

    is_held_up = False

    @override
    def pause_writing(self) -> None:
        self.is_held_up = True


@asynccontextmanager
async def connected() -> AsyncGenerator[tuple[Joined, Flow, socket.socket]]:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport, flow = await loop.create_connection(Flow, sock=ours)
    with theirs:
        yield Joined(transport, loop), flow, theirs
        transport.abort()


def take(theirs: socket.socket) -> bytes | None:
    """What has arrived; None for nothing yet."""
    try:
        return theirs.recv(65_536)
    except BlockingIOError:
        return None


async def test_head_and_body_leave_together_at_the_end_of_the_round() -> None:
    async with connected() as (joined, _, theirs):
        joined.write(b"head ")
        joined.write(b"body")
        assert take(theirs) is None
        await asyncio.sleep(0)
        assert take(theirs) == b"head body"
        joined.write(b"next")
        await asyncio.sleep(0)
        assert take(theirs) == b"next"


async def test_what_is_held_leaves_before_the_connection_closes() -> None:
    async with connected() as (joined, _, theirs):
        joined.write(b"goodbye")
        joined.close()
        assert joined.is_closing()
        assert take(theirs) == b"goodbye"


async def test_what_is_aborted_is_not_sent() -> None:
    async with connected() as (joined, _, theirs):
        joined.write(b"never")
        joined.abort()
        await asyncio.sleep(0)
        assert await asyncio.get_running_loop().sock_recv(theirs, 1) == b""


async def test_whoever_sends_without_end_is_held_up_at_once() -> None:
    async with connected() as (joined, flow, theirs):
        joined.write(LARGE)
        assert flow.is_held_up
        assert take(theirs) is not None
