"""Wake who waits for the next event of a stream: one poller per process.

Places are compared, not counted signals: whoever waits says how far it has read, so nothing that
came before, meanwhile or late is missed.  While nobody waits nothing is asked.
"""

import asyncio
import contextlib
import logging
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, final

from consentid.kit.errors import ConsentidError
from consentid.store.engine import Database
from consentid.store.heads import Heads, asking_heads

PACE_S: Final = 0.1
_RETRY_S: Final = 1.0

_log: Final = logging.getLogger("consentid.flows")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reader:
    """Somebody who has read a stream up to a place."""

    stream_no: int
    seq: int
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, *, left_s: float, gone: "asyncio.Future[None] | None") -> bool:
        """Whether it was woken before the time was over, or nobody listened any more."""
        woken = asyncio.ensure_future(self.woken.wait())
        try:
            await asyncio.wait(
                {woken} if gone is None else {woken, gone},
                timeout=left_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return woken.done()
        finally:
            woken.cancel()


@final
class EventWatch:
    """Who waits in this process.  ``follow`` wakes them; ``stop`` does so for good."""

    def __init__(self, database: Database, *, most: int) -> None:
        """``most`` may wait at once."""
        self._database: Final = database
        self._most: Final = most
        self._waiting: Final[set[Reader]] = set()
        self._somebody: Final = asyncio.Event()
        self.is_stopped: bool = False

    def __len__(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    @contextlib.contextmanager
    def waiting(self, stream_no: int, *, seq: int) -> Generator[Reader | None]:
        """Wait for what comes after a place; None where there is no room."""
        if len(self._waiting) >= self._most or self.is_stopped:
            yield None
            return
        reader = Reader(stream_no=stream_no, seq=seq)
        self._waiting.add(reader)
        self._somebody.set()
        try:
            yield reader
        finally:
            self._waiting.discard(reader)

    async def follow(self) -> None:
        """Ask, compare and wake, until cancelled."""
        while True:
            while not self._waiting:
                self._somebody.clear()
                await self._somebody.wait()
            try:
                async with asking_heads(self._database) as heads:
                    while self._waiting:
                        await self._compare(heads)
                        await asyncio.sleep(PACE_S)
            except ConsentidError as error:
                # Who waits asks for itself in the end, and is told what is wrong.
                _log.warning("no reader is woken for now: %s (%s)", error.message, error.code)
                await asyncio.sleep(_RETRY_S)

    def stop(self) -> None:
        """Let everybody go now, and let nobody wait any more.  Safe from a signal handler."""
        self.is_stopped = True
        for reader in tuple(self._waiting):
            reader.woken.set()

    async def _compare(self, heads: Heads) -> None:
        waiting = tuple(self._waiting)
        found = await heads.of({reader.stream_no for reader in waiting})
        for reader in waiting:
            if found.get(reader.stream_no, -1) != reader.seq:
                reader.woken.set()
