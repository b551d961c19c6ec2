"""The webhook sender, one at a time.

Should two go on all the same, an event is sent twice with one id, and settled once.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from consentid.flows.context import Context
from consentid.flows.deliver_webhooks import Dispatcher
from consentid.store.turns import SENDING
from consentid.worker.metrics import Rounds
from consentid.worker.turns import PACE_S, Worked, run_in_turn

ROLE: Final = "webhook sender"


async def run_sender(context: Context, stopped: asyncio.Event, rounds: Rounds) -> None:
    """Deliver webhooks, or wait to, until ``stopped`` is set."""
    await run_in_turn(_SENDING, context, stopped, rounds)


@asynccontextmanager
async def _beginning(context: Context) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
    dispatcher = Dispatcher(context)

    async def work() -> int:
        done = await dispatcher.round()
        try:
            async with asyncio.timeout(PACE_S):
                await dispatcher.woken.wait()
        except TimeoutError:
            pass
        return done

    try:
        yield work
    finally:
        await dispatcher.close()


_SENDING: Final = Worked(role=ROLE, duty=SENDING, batch=0, beginning=_beginning)
