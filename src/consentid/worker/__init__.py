"""What goes on behind the web processes; each role by one worker at a time.

Here so far: the ledger's sequencer, the outbox pump, the webhook sender, the publisher of
status lists, the follower of catalogues, the teller of logouts, the watcher of arrivals, the
reaper, the eraser, the noter of keys.
"""

import asyncio
import contextlib
import logging
import signal
from typing import Final

from consentid.flows.opening import open_context
from consentid.settings import Settings
from consentid.telemetry.tracing import tracing
from consentid.worker.metrics import Rounds, exposing_metrics
from consentid.worker.roles import run_roles

__all__ = ["run"]

_log: Final = logging.getLogger("consentid.worker")


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    opened = open_context(settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    _log.info("worker started")
    try:
        rounds = Rounds()
        async with contextlib.AsyncExitStack() as beside:
            await beside.enter_async_context(exposing_metrics(opened.context, rounds))
            if settings.traces:
                await beside.enter_async_context(tracing(role="worker"))
            await run_roles(opened.context, stopped, rounds)
    finally:
        await opened.close()
    _log.info("worker stopped")
