"""The outbox pump, one at a time.

Should two go on all the same, one waits for the other's streams and finds its rows gone.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from consentid.flows.context import Context
from consentid.flows.drain_outbox import BATCH, drain_outbox
from consentid.store.turns import DRAINING
from consentid.worker.metrics import Rounds
from consentid.worker.turns import Worked, run_in_turn

ROLE: Final = "outbox pump"


async def run_pump(context: Context, stopped: asyncio.Event, rounds: Rounds) -> None:
    """Carry on what lies in the outbox, or wait to, until ``stopped`` is set."""
    await run_in_turn(_DRAINING, context, stopped, rounds)


@asynccontextmanager
async def _beginning(context: Context) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
    yield partial(drain_outbox, context)


_DRAINING: Final = Worked(role=ROLE, duty=DRAINING, batch=BATCH, beginning=_beginning)
