"""The task that writes down, every second and at the end, who read what, and how far."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from litestar import Litestar

from consentid.flows.context import Context
from consentid.flows.note_position import write_positions
from consentid.flows.note_read import write_reads
from consentid.kit.errors import ConsentidError

_PACE_S: Final = 1.0
_log: Final = logging.getLogger("consentid.web")


def keeping_reads(context: Context) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """What runs beside the application.  It has to end before the database is closed."""

    @asynccontextmanager
    async def beside(_: Litestar) -> AsyncGenerator[None]:
        stopped = asyncio.Event()
        writing = asyncio.create_task(_write(context, stopped))
        try:
            yield
        finally:
            stopped.set()
            await writing

    return beside


async def _write(context: Context, stopped: asyncio.Event) -> None:
    told = 0
    while not stopped.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PACE_S):
                await stopped.wait()
        # Once more also after the end was asked for: nothing that was answered goes unsaid.
        try:
            await write_reads(context)
            await write_positions(context)
        except ConsentidError as error:
            _log.warning("reads are kept in memory for now: %s (%s)", error.message, error.code)
        except Exception:  # noqa: BLE001 the task goes on: what was not written is still kept
            _log.exception("reads: unforeseen error")
        if context.reads.lost > told:
            _log.error("%d reads went unsaid, for want of room", context.reads.lost - told)
            told = context.reads.lost
