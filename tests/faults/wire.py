"""A wire between a web process and the database that can be cut, held up, slowed.

Whole bytes pass in their order or not at all, as on a network: only time and ends are touched.
"""

import asyncio
from pathlib import Path
from typing import Final, final

_AT_ONCE: Final = 65_536


@final
class Wire:
    """Listens on a port of its own and passes on to a Unix socket."""

    def __init__(self, target: Path) -> None:
        self._target: Final = target
        self._ends: Final[set[asyncio.StreamWriter]] = set()
        self._pumps: Final[set[asyncio.Task[None]]] = set()
        self._passing: Final = asyncio.Event()
        self._passing.set()
        self._is_cut = False
        self._delay_s = 0.0
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        self._passing.set()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection, and let none be made."""
        self._is_cut = True
        for end in self._ends:
            end.transport.abort()

    def hold(self) -> None:
        """Pass nothing on, and say nothing of it: packets are lost."""
        self._passing.clear()

    def slow(self, delay_s: float) -> None:
        """Pass each piece on so much later."""
        self._delay_s = delay_s

    def mend(self) -> None:
        """Be a wire again; what was held up arrives now."""
        self._is_cut, self._delay_s = False, 0.0
        self._passing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            onward_reader, onward = await asyncio.open_unix_connection(self._target)
        except OSError:  # the server is away, as a refused connection says
            writer.transport.abort()
            return
        ends = {writer, onward}
        self._ends.update(ends)
        pumps = {
            asyncio.create_task(self._pump(reader, onward)),
            asyncio.create_task(self._pump(onward_reader, writer)),
        }
        self._pumps.update(pumps)
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.transport.abort() if self._is_cut else end.close()
        await asyncio.wait(pumps)
        self._pumps.difference_update(pumps)
        self._ends.difference_update(ends)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(_AT_ONCE):
                await self._passing.wait()
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                writer.write(piece)
                await writer.drain()
        except OSError:
            return
