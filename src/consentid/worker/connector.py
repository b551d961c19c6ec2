"""A connector, one process at a time: what follows is carried to its broker as it comes.

A connection that broke is left, and the next asks the broker how far it is: whatever happened on
the way, the order holds.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from consentid.connectors.broker import Connecting
from consentid.flows.context import Context
from consentid.flows.publish_events import BATCH, Publisher, note_failure
from consentid.kit.errors import ConflictError, ConsentidError
from consentid.store.connectors import Connector
from consentid.store.turns import turn
from consentid.worker.metrics import Rounds
from consentid.worker.turns import Worked, run_in_turn

ROLE: Final = "connector"


async def run_connector(
    context: Context,
    connector: Connector,
    connecting: Connecting,
    stopped: asyncio.Event,
    rounds: Rounds,
    *,
    is_gap_taken: bool = False,
) -> None:
    """Carry on, or wait to, until ``stopped`` is set.  A gap is taken once, at the beginning.

    Raises:
        ConflictError: there is a gap, or the stream is somebody else's: no retry mends that.
    """
    takes_gap = is_gap_taken
    conflicts: list[ConflictError] = []

    @asynccontextmanager
    async def beginning(_: Context) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
        nonlocal takes_gap
        try:
            async with _publishing(context, connector, connecting) as publisher:
                await publisher.begin(is_gap_taken=takes_gap)
                takes_gap = False
                yield publisher.round
        except ConflictError as error:
            conflicts.append(error)
            stopped.set()
            raise

    worked = Worked(role=ROLE, duty=connector.duty, batch=BATCH, beginning=beginning)
    await run_in_turn(worked, context, stopped, rounds)
    if conflicts:
        raise conflicts[0]


async def carry_once(
    context: Context,
    connector: Connector,
    connecting: Connecting,
    tell: Callable[[int], None],
    *,
    is_gap_taken: bool = False,
) -> int:
    """Carry on all that there is now; how many events.  ``tell`` hears of it as it goes.

    Raises:
        ConflictError: another process does this already; or there is a gap.
        UnavailableError: the broker or the database cannot be reached.
    """
    done = 0
    async with turn(context.database, connector.duty) as ours:
        if not await ours.take():
            raise ConflictError("connector_busy", "Another process carries these events already.")
        async with _publishing(context, connector, connecting) as publisher:
            await publisher.begin(is_gap_taken=is_gap_taken)
            while taken := await publisher.round():
                done += taken
                tell(done)
    return done


@asynccontextmanager
async def _publishing(
    context: Context, connector: Connector, connecting: Connecting
) -> AsyncGenerator[Publisher]:
    try:
        async with connecting() as broker:
            yield Publisher(context, connector, broker)
    except ConsentidError as error:
        with suppress(ConsentidError):  # the database may be what fails
            await note_failure(context, connector, error)
        raise
