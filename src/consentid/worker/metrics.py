"""What a worker tells Prometheus: its roles' rounds, and the queues that lie in the database."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final, final

from consentid.flows.context import Context
from consentid.flows.show_propagation import SystemOut, list_systems
from consentid.kit.errors import ConsentidError
from consentid.store.queues import Depth, depths
from consentid.telemetry.exposure import exposing
from consentid.telemetry.families import (
    Family,
    counters,
    facts,
    gauges,
    histogram,
    registry_of,
)
from consentid.telemetry.tally import Tally, Timings
from consentid.worker.arrival_metrics import arrival_families

_PACE_S: Final = 15.0
"""As often as Prometheus scrapes by default."""
_log: Final = logging.getLogger("consentid.worker")


@final
class Rounds:
    """What the roles of one worker did."""

    def __init__(self) -> None:
        self.ended: Final = Tally("worker_role", "outcome")
        self.done: Final = Tally("worker_role")
        self.took: Final = Timings("worker_role")
        self.succeeded_at_s: Final[dict[str, float]] = {}
        self.halted: Final[dict[str, float]] = {}

    def note(self, role: str, *, done: int | None, took_s: float) -> None:
        """A round has ended; ``done`` is None where it failed."""
        self.ended.add((role, "failed" if done is None else "ok"))
        self.took.of((role,)).add(took_s)
        if done is not None:
            self.done.add((role,), done)
            self.succeeded_at_s[role] = time.time()


@final
class WorkerMetrics:
    """Reads what one worker has counted, and what it last saw of the queues."""

    def __init__(self, rounds: Rounds, *, role: str = "worker") -> None:
        self._rounds: Final = rounds
        self._role: Final = role
        self.systems: Sequence[SystemOut] = ()
        self.queues: Sequence[Depth] = ()
        """Empty while the database cannot be asked: nothing old is told as if it were so now."""

    def __call__(self) -> Iterator[Family]:
        """All families, as of now."""
        rounds = self._rounds
        yield facts(
            "build", "The version that runs.", {"version": version("consentid"), "role": self._role}
        )
        yield counters("worker_rounds", "Rounds of each role, by how they ended.", rounds.ended)
        yield counters("worker_done", "What the rounds did, as each role counts it.", rounds.done)
        yield histogram("worker_round_duration_seconds", "Rounds of each role.", rounds.took)
        yield gauges(
            "worker_succeeded_timestamp_seconds",
            "When a round of each role last ended well.",
            "worker_role",
            dict(rounds.succeeded_at_s),
        )
        yield gauges(
            "worker_halted",
            "1 while a role refuses to go on until somebody has looked into it.",
            "worker_role",
            dict(rounds.halted),
        )
        queues = self.queues
        yield gauges(
            "queue_depth",
            "What waits in the database for any worker; every worker tells the same.",
            "queue",
            {each.name: each.waiting for each in queues},
        )
        yield gauges(
            "queue_oldest_seconds",
            "How long the oldest has waited; 0 where nothing waits.",
            "queue",
            {
                each.name: each.oldest_s or 0.0
                for each in queues
                if each.oldest_s is not None or not each.waiting
            },
        )
        yield from arrival_families(self.systems)


@asynccontextmanager
async def exposing_metrics(
    context: Context, rounds: Rounds, *, role: str = "worker"
) -> AsyncGenerator[None]:
    """Tell Prometheus while the process works, where the operator named a port.

    Raises:
        SettingsError: there cannot be a listener.
    """
    port = context.settings.metrics_port
    if port is None:
        yield
        return
    told = WorkerMetrics(rounds, role=role)
    looking = asyncio.create_task(_look(context, told))
    try:
        async with exposing(registry_of(told), host=context.settings.metrics_host, ports=[port]):
            yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _look(context: Context, told: WorkerMetrics) -> None:
    while True:
        try:
            async with context.database.reading() as connection:
                told.queues = await depths(connection)
            told.systems = await list_systems(context.database, context.settings)
        except ConsentidError as error:
            told.queues, told.systems = (), ()
            _log.warning("queues cannot be counted: %s (%s)", error.message, error.code)
        except Exception:  # noqa: BLE001 the task goes on: a later look may succeed
            told.queues, told.systems = (), ()
            _log.exception("queues: unforeseen error")
        await asyncio.sleep(_PACE_S)
