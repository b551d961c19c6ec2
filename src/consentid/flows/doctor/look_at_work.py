"""What goes on behind the web processes: whether it goes on."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.doctor.finding import Finding, unsafe, warning
from consentid.store import inspection, queues
from consentid.store.queues import Depth
from consentid.store.turns import DRAINING, SENDING, SEQUENCING

_DUTIES: Final = {
    "ledger sequencer": (SEQUENCING, "decisions come into no log, and receipts prove nothing"),
    "outbox pump": (DRAINING, "no change comes into the feed"),
    "webhook sender": (SENDING, "no system is told of a change"),
}
_FOR_PEOPLE: Final = frozenset({"held_captures"})
"""Queues that no worker takes anything from."""
_LATE_S: Final = 10
_STALLED_S: Final = 60
_LISTS_S: Final = 600
"""A list is signed anew each minute, and verifiers say no without one of the last five."""


async def look_at_work(connection: AsyncConnection) -> AsyncIterator[Finding]:
    """Judge what workers do, or leave undone."""
    for role, (duty, message) in _DUTIES.items():
        if not await inspection.is_done_by_somebody(connection, duty):
            yield unsafe(
                "worker.missing",
                role,
                f"no worker does this: {message}",
                "run `consentid worker`; where one runs, its log says what it waits for",
            )
    for depth in await queues.depths(connection):
        for each in judge_queue(depth):
            yield each
    for each in judge_lists(await inspection.oldest_list_s(connection)):
        yield each


def judge_queue(depth: Depth) -> Iterator[Finding]:
    """Whether what waits is taken."""
    oldest_s = depth.oldest_s or 0.0
    if depth.name in _FOR_PEOPLE:
        if depth.waiting:
            yield warning(
                "captures.held",
                depth.name,
                f"{depth.waiting} came too fast and count for nothing until somebody has looked",
                "run `consentid captures held`, then release or discard",
            )
    elif oldest_s > _LATE_S:
        tell = unsafe if oldest_s > _STALLED_S else warning
        yield tell(
            "worker.stalled",
            depth.name,
            f"{depth.waiting} wait, the oldest for {oldest_s:.0f} s",
            "look into the workers' log for the role that takes them",
        )


def judge_lists(oldest_s: float | None) -> Iterator[Finding]:
    """Whether verifiers can go on without asking us."""
    if oldest_s is not None and oldest_s > _LISTS_S:
        yield unsafe(
            "worker.lists_old",
            "status lists",
            f"one was last signed {oldest_s:.0f} s ago: offline verifiers say no to everybody",
            "look into the workers' log for the status list publisher",
        )
