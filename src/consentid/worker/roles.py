"""The roles of a worker, each a loop with its own pace.

A round that fails is logged and tried again at the next tick: the database is the truth, and a
round that did not commit did not happen.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from consentid.flows.context import Context
from consentid.flows.leave_status_lists import leave_status_lists
from consentid.flows.note_keys import note_keys
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.reap import reap
from consentid.flows.restate_after_catalogue import restate_after_catalogue
from consentid.flows.send_logout_notices import send_logout_notices
from consentid.flows.send_mails import send_mails
from consentid.flows.warn_of_late import warn_of_late
from consentid.kit.errors import ConsentidError
from consentid.telemetry.tracing import span
from consentid.worker.eraser import PACE_S as ERASER_PACE_S
from consentid.worker.eraser import ROLE as ERASER
from consentid.worker.eraser import erasing
from consentid.worker.forgetting import carefully
from consentid.worker.metrics import Rounds
from consentid.worker.pump import run_pump
from consentid.worker.sender import run_sender
from consentid.worker.sequencer import run_sequencer

_log: Final = logging.getLogger("consentid.worker")

_REAP_S: Final = 60
_TELL_S: Final = 1
_WARN_S: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Something done again and again."""

    name: str
    pace_s: int
    round: Callable[[Context], Awaitable[int]]


async def run_roles(context: Context, stopped: asyncio.Event, rounds: Rounds | None = None) -> None:
    """Run every role until ``stopped`` is set; ``rounds`` is told what each did."""
    noted = rounds or Rounds()
    roles = (
        Role(
            name="status list publisher",
            pace_s=context.settings.status_list_window_s,
            round=publish_status_lists,
        ),
        Role(
            name="catalogue follower",
            pace_s=context.settings.status_list_window_s,
            round=restate_after_catalogue,
        ),
        Role(name="logout teller", pace_s=_TELL_S, round=send_logout_notices),
        Role(name="mail sender", pace_s=_TELL_S, round=send_mails),
        Role(name="arrival watch", pace_s=_WARN_S, round=warn_of_late),
        Role(name="reaper", pace_s=_REAP_S, round=carefully(reap)),
        Role(name="key noter", pace_s=_REAP_S, round=note_keys),
        Role(name="status list retirement", pace_s=_REAP_S, round=carefully(leave_status_lists)),
    )
    async with erasing(context) as erase, asyncio.TaskGroup() as tasks:
        for role in (*roles, Role(name=ERASER, pace_s=ERASER_PACE_S, round=erase)):
            tasks.create_task(_run(role, context, stopped, noted))
        tasks.create_task(run_sequencer(context, stopped, noted))
        tasks.create_task(run_pump(context, stopped, noted))
        tasks.create_task(run_sender(context, stopped, noted))


async def _run(role: Role, context: Context, stopped: asyncio.Event, rounds: Rounds) -> None:
    while not stopped.is_set():
        done: int | None = None
        begun_s = time.perf_counter()
        try:
            with span(role.name):
                done = await role.round(context)
        except ConsentidError as error:
            _log.warning("%s: %s (%s)", role.name, error.message, error.code)
        except Exception:  # noqa: BLE001 a role goes on: the next round starts from the database
            _log.exception("%s: unforeseen error", role.name)
        else:
            if done:
                _log.info("%s: %d done", role.name, done)
        rounds.note(role.name, done=done, took_s=time.perf_counter() - begun_s)
        try:
            async with asyncio.timeout(role.pace_s):
                await stopped.wait()
        except TimeoutError:
            continue
