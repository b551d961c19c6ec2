"""The ledger's sequencer, one at a time.

Should two go on all the same, the database refuses a log that grows twice from one size.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from consentid.flows.context import Context
from consentid.flows.sequence_ledger import BATCH, open_sequencer
from consentid.store.turns import SEQUENCING
from consentid.worker.metrics import Rounds
from consentid.worker.turns import Worked, run_in_turn

ROLE: Final = "ledger sequencer"


async def run_sequencer(context: Context, stopped: asyncio.Event, rounds: Rounds) -> None:
    """Sequence, or wait to, until ``stopped`` is set."""
    await run_in_turn(_SEQUENCING, context, stopped, rounds)


@asynccontextmanager
async def _beginning(context: Context) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
    yield (await open_sequencer(context)).sequence


_SEQUENCING: Final = Worked(role=ROLE, duty=SEQUENCING, batch=BATCH, beginning=_beginning)
