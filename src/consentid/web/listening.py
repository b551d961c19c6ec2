"""An event loop that takes on many new connections in one round, not one.

libuv accepts one connection for each listener and round.  Where thousands of kept connections are
busy a round is long, and whoever connects then waits for seconds while all others are answered.
So each listening socket is listened to several times.
"""

import asyncio
import functools
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, cast, final

import uvloop
from typing_extensions import override

_AT_ONCE: Final = 16
"""New connections in one round; each more costs a fruitless call whenever somebody connects."""


@final
class _Listeners(asyncio.AbstractServer):
    """Several servers of one socket, as one."""

    def __init__(self, servers: Sequence[asyncio.AbstractServer]) -> None:
        self._servers: Final = servers

    @property
    def sockets(self) -> tuple[Any, ...]:
        """What is listened to, each once."""
        return _sockets(self._servers[0])

    @override
    def close(self) -> None:
        for server in self._servers:
            server.close()

    @override
    async def wait_closed(self) -> None:
        for server in self._servers:
            await server.wait_closed()

    @override
    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._servers[0].get_loop()

    @override
    def is_serving(self) -> bool:
        return self._servers[0].is_serving()


@final
class Loop(uvloop.Loop):
    """As uvloop's, but for how many it lets in at once."""

    @override
    async def create_server(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:
        server = await super().create_server(protocol_factory, *args, **options)
        if isinstance(server, _Listeners):  # of a Unix socket, which it hands to the other
            return server
        listen = functools.partial(super().create_server, protocol_factory)
        return await _listen_more(server, listen, options)

    @override
    async def create_unix_server(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:
        server = await super().create_unix_server(protocol_factory, *args, **options)
        listen = functools.partial(super().create_unix_server, protocol_factory)
        return await _listen_more(server, listen, options)


async def _listen_more(
    server: asyncio.AbstractServer,
    listen: Callable[..., Awaitable[asyncio.AbstractServer]],
    options: Mapping[str, Any],
) -> _Listeners:
    kept = {name: options[name] for name in ("backlog", "ssl") if name in options}
    more = [
        # Of the family that it was taken for: an inherited one is not always what it is.
        await listen(
            sock=socket.socket(each.family, each.type, fileno=os.dup(each.fileno())), **kept
        )
        for each in _sockets(server)
        for _ in range(_AT_ONCE - 1)
    ]
    return _Listeners([server, *more])


def _sockets(server: asyncio.AbstractServer) -> tuple[Any, ...]:
    return tuple(cast("asyncio.Server", server).sockets)
