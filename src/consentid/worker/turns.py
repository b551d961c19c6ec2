"""Duties that one worker has at a time: of all workers one, the others wait until it is gone.

Whoever holds the lock holds it with a connection of its own, and asks on that very connection
whether something waits: where the lock is lost, so is the connection.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from consentid.flows.context import Context
from consentid.flows.open_log import LedgerHaltedError
from consentid.kit.errors import ConsentidError
from consentid.store.turns import Duty, Turn, turn
from consentid.telemetry.tracing import span
from consentid.worker.metrics import Rounds

PACE_S: Final = 0.1
_TAKE_OVER_S: Final = 0.5
_AGAIN_S: Final = 1.0
_HALTED_S: Final = 15.0
_log: Final = logging.getLogger("consentid.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A duty, and who does it."""

    role: str
    duty: Duty
    batch: int
    """A round that did so many is followed by the next at once; 0: every round is."""
    beginning: Callable[[Context], AbstractAsyncContextManager[Callable[[], Awaitable[int]]]]
    """Entered when it is our turn; what it gives does a round, and says how much it did."""


async def run_in_turn(
    worked: Worked, context: Context, stopped: asyncio.Event, rounds: Rounds
) -> None:
    """Do a duty, or wait to, until ``stopped`` is set."""
    role = worked.role
    while not stopped.is_set():
        pause_s = _AGAIN_S
        begun_s = time.perf_counter()
        try:
            async with turn(context.database, worked.duty) as ours:
                await _serve(worked, context, ours, stopped, rounds)
        except LedgerHaltedError as error:
            rounds.halted[role] = 1
            pause_s = _HALTED_S
            _log.critical("%s: HALTED, nothing is signed: %s", role, error.message)
        except ConsentidError as error:
            _log.warning("%s: %s (%s)", role, error.message, error.code)
        except Exception:  # noqa: BLE001 the role goes on: it starts again from the database
            _log.exception("%s: unforeseen error", role)
        else:
            return
        rounds.note(role, done=None, took_s=time.perf_counter() - begun_s)
        await wait(stopped, pause_s)


async def _serve(
    worked: Worked, context: Context, ours: Turn, stopped: asyncio.Event, rounds: Rounds
) -> None:
    while not await ours.take():
        if await wait(stopped, _TAKE_OVER_S):
            return
    async with worked.beginning(context) as work:
        rounds.halted[worked.role] = 0
        await _round(worked, work, rounds)  # what a predecessor left half done is done now
        while not stopped.is_set():
            is_waiting = await ours.is_anything_waiting()
            done = await _round(worked, work, rounds) if is_waiting else 0
            if not is_waiting or done < worked.batch:
                await wait(stopped, PACE_S)


async def _round(worked: Worked, work: Callable[[], Awaitable[int]], rounds: Rounds) -> int:
    begun_s = time.perf_counter()
    with span(worked.role):
        done = await work()
    rounds.note(worked.role, done=done, took_s=time.perf_counter() - begun_s)
    return done


async def wait(stopped: asyncio.Event, seconds: float) -> bool:
    """Whether to stop; asked for so long."""
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        return False
    return True
