"""The ledger's sequencer: of all workers one, the others wait until it is gone.

Whoever holds the lock holds it with a connection of its own, and asks on that very connection
whether something waits: where the lock is lost, so is the connection.  Should two go on all the
same, the database refuses a log that grows twice from one size.
"""

import asyncio
import logging
import time
from typing import Final

from consentid.flows.context import Context
from consentid.flows.open_log import LedgerHaltedError
from consentid.flows.sequence_ledger import BATCH, Sequencer, open_sequencer
from consentid.kit.errors import ConsentidError
from consentid.store.sequencing import Turn, turn
from consentid.telemetry.tracing import span
from consentid.worker.metrics import Rounds

ROLE: Final = "ledger sequencer"
PACE_S: Final = 0.1
_TAKE_OVER_S: Final = 0.5
_AGAIN_S: Final = 1.0
_HALTED_S: Final = 15.0
_log: Final = logging.getLogger("consentid.worker")


async def run_sequencer(context: Context, stopped: asyncio.Event, rounds: Rounds) -> None:
    """Sequence, or wait to, until ``stopped`` is set."""
    while not stopped.is_set():
        pause_s = _AGAIN_S
        begun_s = time.perf_counter()
        try:
            async with turn(context.database) as ours:
                await _serve(context, ours, stopped, rounds)
        except LedgerHaltedError as error:
            rounds.halted[ROLE] = 1
            pause_s = _HALTED_S
            _log.critical("%s: HALTED, nothing is signed: %s", ROLE, error.message)
        except ConsentidError as error:
            _log.warning("%s: %s (%s)", ROLE, error.message, error.code)
        except Exception:  # noqa: BLE001 the role goes on: it starts again from the database
            _log.exception("%s: unforeseen error", ROLE)
        else:
            return
        rounds.note(ROLE, done=None, took_s=time.perf_counter() - begun_s)
        await _wait(stopped, pause_s)


async def _serve(context: Context, ours: Turn, stopped: asyncio.Event, rounds: Rounds) -> None:
    while not await ours.take():
        if await _wait(stopped, _TAKE_OVER_S):
            return
    sequencer = await open_sequencer(context)
    rounds.halted[ROLE] = 0
    await _round(sequencer, rounds)  # what was integrated and not published is published now
    while not stopped.is_set():
        is_waiting = await ours.is_anything_waiting()
        done = await _round(sequencer, rounds) if is_waiting else 0
        if done < BATCH:
            await _wait(stopped, PACE_S)


async def _round(sequencer: Sequencer, rounds: Rounds) -> int:
    begun_s = time.perf_counter()
    with span(ROLE):
        done = await sequencer.sequence()
    rounds.note(ROLE, done=done, took_s=time.perf_counter() - begun_s)
    return done


async def _wait(stopped: asyncio.Event, seconds: float) -> bool:
    """Whether to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        return False
    return True
