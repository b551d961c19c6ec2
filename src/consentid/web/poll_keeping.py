"""The task that keeps the memory of polls in step with the database."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar

from consentid.flows.watch_polls import PollWatch


def keeping_polls(watch: PollWatch) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """What runs beside the application.  It has to end before the database is closed."""

    @asynccontextmanager
    async def beside(_: Litestar) -> AsyncGenerator[None]:
        following = asyncio.create_task(watch.follow())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    return beside
