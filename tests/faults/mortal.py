"""A sequencer that will be killed: by itself between two of its steps, or by whoever started it.

A step is a statement, a commit, a sync or a renaming of a file: each is counted before it is
taken, and once it was.  Started out of a server of forks, so that one of a thousand costs little.
"""

import asyncio
import contextlib
import functools
import itertools
import logging
import os
import signal
from collections.abc import Callable, Generator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Final, TypeVar

import pytest
from tests.flows.faults import watched, watched_commits

from consentid.flows.context import Context
from consentid.flows.opening import open_context
from consentid.flows.sequence_ledger import open_sequencer
from consentid.kit.errors import ConflictError, UnavailableError
from consentid.settings import Settings
from consentid.store.engine import Database
from consentid.worker.metrics import Rounds
from consentid.worker.sequencer import run_sequencer

_PAUSE_S: Final = 0.005
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What one does until it is killed."""

    settings: Settings
    dies_at: int | None = None
    """The step at which it kills itself, of all that it takes."""
    takes_turns: bool = True
    """Else it sequences whoever else does, as one who lost its turn and did not notice."""


def nursery(*modules: str) -> ForkServerContext:
    """Where they are started; each imports the main module anew, ``modules`` are there already."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, *modules])
    return context


def begin(nursery_: ForkServerContext, life: Life) -> ForkServerProcess:
    """Start one."""
    process = nursery_.Process(target=_live, args=(life,), daemon=True)
    process.start()
    return process


def _live(life: Life) -> None:
    logging.disable()  # what it comes upon is to be expected
    asyncio.run(_sequence(life))


async def _sequence(life: Life) -> None:
    opened = open_context(life.settings)
    with _dying(opened.context.database, life.dies_at):
        if life.takes_turns:
            await run_sequencer(opened.context, asyncio.Event(), Rounds())
        else:
            await _out_of_turn(opened.context)


async def _out_of_turn(context: Context) -> None:
    while True:
        with contextlib.suppress(ConflictError, UnavailableError):
            sequencer = await open_sequencer(context)
            while True:
                if not await sequencer.sequence():
                    await asyncio.sleep(_PAUSE_S)


@contextlib.contextmanager
def _dying(database: Database, dies_at: int | None) -> Generator[None]:
    steps = itertools.count(1)

    def step(*_: object) -> None:
        if next(steps) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepping(real: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(real)
        def taken(*given: object, **named: object) -> T:
            step()
            done = real(*given, **named)
            step()
            return done

        return taken

    with (
        watched(database, step, step),
        watched_commits(database, step, step),
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("fsync", "rename"):
            patch.setattr(os, name, stepping(getattr(os, name)))
        yield
