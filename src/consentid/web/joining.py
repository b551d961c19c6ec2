"""A server's protocol that sends the head of an answer and its body in one go.

The server hands them over one after the other, and each would be a call to the system of its own,
which costs more than most answers do.  What is written within one round of the event loop leaves at
its end, as one piece; what is large leaves at once, so that whoever sends without end is held up.
"""

import asyncio
from typing import Any, Final, final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from consentid.web.prepared import offer_whole

_LARGE_BYTES: Final = 65_536


@final
class Joined(asyncio.Transport):
    """A transport that writes at the end of the round."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport: Final = transport
        self._loop: Final = loop
        self._held: Final[list[bytes]] = []
        self._held_bytes = 0

    @override
    def write(self, data: Any) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= _LARGE_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._held and not self._transport.is_closing():
            self._transport.write(b"".join(self._held))
        self._held.clear()
        self._held_bytes = 0

    @override
    def close(self) -> None:
        self._flush()
        self._transport.close()

    @override
    def abort(self) -> None:
        self._held.clear()
        self._transport.abort()

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    @override
    def pause_reading(self) -> None:
        self._transport.pause_reading()

    @override
    def resume_reading(self) -> None:
        self._transport.resume_reading()


class JoiningProtocol(HttpToolsProtocol):
    """uvicorn's, over such a transport; what is prepared as one piece is taken as one."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(Joined(transport, self.loop))

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        # Whoever answers begins in a later round of the loop.
        offer_whole(self.cycle)
