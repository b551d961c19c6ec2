"""Whoever connects while others are answered is let in soon."""

import asyncio
import socket
from pathlib import Path

import pytest
from typing_extensions import override

from consentid.web.listening import Loop

_COUNT = 32
_ROUNDS = 8
"""Far fewer than connections: libuv alone would take one in each."""


class _Counting(asyncio.Protocol):
    made: int = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).made += 1
        transport.close()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_many_who_connect_at_once_are_let_in_within_a_few_rounds(
    family: socket.AddressFamily, tmp_path: Path
) -> None:
    class Protocol(_Counting):
        pass

    async def connect() -> int:
        loop = asyncio.get_running_loop()
        path = str(tmp_path / "hub.sock")
        if family == socket.AF_UNIX:
            server = await loop.create_unix_server(Protocol, path, backlog=_COUNT)
        else:
            server = await loop.create_server(Protocol, "127.0.0.1", 0, backlog=_COUNT)
        (listening,) = server.sockets
        address = listening.getsockname()
        clients = [socket.socket(family) for _ in range(_COUNT)]
        for client in clients:
            client.connect(address)
        rounds = 0
        while Protocol.made < _COUNT:
            await asyncio.sleep(0)
            rounds += 1
        assert server.is_serving()
        server.close()
        await server.wait_closed()
        with socket.socket(family) as late, pytest.raises(OSError, match=r"refused|No such file"):
            late.connect(address)
        for client in clients:
            client.close()
        return rounds

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(connect()) <= _ROUNDS
