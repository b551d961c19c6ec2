"""Requests that wait for something to happen, and the process that has to end in spite of them.

Spec: RFC 7240 section 4.3 (``Prefer: wait``).
"""

import asyncio
import re
import signal
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from types import FrameType
from typing import Any, Final

from litestar import Litestar, Request

from consentid.flows.change_watch import ChangeWatch
from consentid.flows.event_watch import EventWatch
from consentid.flows.revocation_stream import RevocationStream

MOST_S: Final = 30
"""Shorter than what proxies allow a request."""
_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*([0-9]{1,4})\s*(?=$|[,;])", re.IGNORECASE)


def wanted_wait_s(unverified_prefer: str | None) -> int:
    """How long a caller wants to wait, 30 seconds at most; 0 where it does not say."""
    found = None if unverified_prefer is None else _WAIT.search(unverified_prefer)
    return 0 if found is None else min(int(found[1]), MOST_S)


@contextmanager
def listening(request: Request[Any, Any, Any]) -> Generator[asyncio.Future[None]]:
    """A future that is done when nobody listens any more."""
    gone = asyncio.ensure_future(_until_gone(request))
    try:
        yield gone
    finally:
        gone.cancel()


async def _until_gone(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def waking(
    watch: ChangeWatch, events: EventWatch, stream: RevocationStream
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """What runs beside the application: the pollers, and the signal that ends every wait.

    The server drains before it tells the application, so who waits is told by the signal itself.
    """

    def stop() -> None:
        watch.stop()
        events.stop()
        stream.stop()

    @asynccontextmanager
    async def beside(_: Litestar) -> AsyncGenerator[None]:
        following = [asyncio.create_task(each.follow()) for each in (watch, events)]
        restore = _at_end(asyncio.get_running_loop(), stop)
        try:
            yield
        finally:
            restore()
            stop()
            for each in following:
                each.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    return beside


def _at_end(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> Callable[[], None]:
    """Act at SIGTERM and SIGINT before whoever listened until now; returns how to stop that."""
    before: dict[signal.Signals, Any] = {}

    def end(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        earlier = before[signal.Signals(number)]
        if callable(earlier):
            earlier(number, frame)

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, end)
    except ValueError:
        return lambda: None  # no main thread: somebody else's process, and theirs to end

    def restore() -> None:
        for number, earlier in before.items():
            if signal.getsignal(number) is end:
                signal.signal(number, earlier)

    return restore
