"""What a web process tells Prometheus, on a listener of its own: never on the hub's address.

Requests by route template and status, consent tokens by client and reason, how fresh the memory
that judges them is, and what waits.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any, Final, cast, final

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from consentid.flows.change_watch import ChangeWatch
from consentid.flows.context import Context
from consentid.flows.revocation_stream import RevocationStream
from consentid.flows.verify_from_memory import Memory
from consentid.flows.watch_revocations import RevocationWatch
from consentid.settings import Settings
from consentid.telemetry.exposure import exposing
from consentid.telemetry.families import (
    Family,
    counter,
    counters,
    facts,
    gauge,
    gauges,
    histogram,
    registry_of,
)
from consentid.telemetry.tally import OTHER, Timings

UNMATCHED: Final = "none"
"""In place of a route's template, where no route took the request."""
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST"})


@final
class Timed:
    """Counts each request by the template of the route that took it, and the answer's status."""

    def __init__(self, app: ASGIApp, timings: Timings) -> None:
        self._app: ASGIApp = app
        self._timings: Timings = timings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and look at the clock before and after."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        # Who was promised an answer and left before it began.
        status = 499
        begun_s = time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else OTHER
            told = cast("dict[str, Any]", cast("object", scope))
            labels = told.get("path_template", UNMATCHED), method, str(status)
            self._timings.of(labels).add(time.perf_counter() - begun_s)


@final
class WebMetrics:
    """Reads what one web process has counted."""

    def __init__(
        self,
        context: Context,
        *,
        watch: RevocationWatch,
        memory: Memory,
        changes: ChangeWatch,
        stream: RevocationStream,
        requests: Timings | None,
    ) -> None:
        self._context: Final = context
        self._watch: Final = watch
        self._memory: Final = memory
        self._changes: Final = changes
        self._stream: Final = stream
        self._requests: Final = requests or Timings("route", "method", "status")

    def __call__(self) -> Iterator[Family]:
        """All families, as of now."""
        context, memory = self._context, self._memory
        yield facts(
            "build", "The version that runs.", {"version": version("consentid"), "role": "web"}
        )
        yield histogram(
            "http_request_duration_seconds",
            "Requests, by the template of the route and the answer's status.",
            self._requests,
        )
        yield counters(
            "verdicts",
            "Consent tokens judged online, by the client that asked and what was found.",
            context.counts.verdicts,
        )
        yield counter(
            "verify_recalled", "Verdicts from memory on tokens met before.", memory.recalled
        )
        yield counter(
            "verify_judged", "Verdicts from memory on tokens never met before.", memory.judged
        )
        yield counter(
            "verify_passed_on", "Questions that the database had to answer.", memory.passed_on
        )
        yield counter(
            "polls_from_memory",
            "Polls of devices whose codes wait, answered from memory.",
            context.polls.answered,
        )
        yield counters(
            "decisions",
            "Decisions that have committed, by the client that recorded them.",
            context.counts.decisions,
        )
        yield counters(
            "held_captures",
            "Captures that came too fast and are held, by the client that handed them in; alert on "
            "any: `consentid captures held`.",
            context.counts.held_captures,
        )
        yield counters(
            "reported_approvals",
            "Questions that people said were none of theirs, by the client that asked; alert on "
            "more than a few: an agent tries people.",
            context.counts.reported_approvals,
        )
        yield gauge(
            "revocation_age_seconds",
            "Since the last good look at what has ended; over 1, the database is asked each time.",
            self._watch.age_s(),
        )
        yield counter("revocation_looks", "Good looks at what has ended.", self._watch.looks)
        yield gauges(
            "queue_depth",
            "What waits in this process.",
            "queue",
            {
                "reads": len(context.reads),
                "followers": len(self._changes),
                "device_codes": len(context.polls),
            },
        )
        yield gauge(
            "stream_listeners", "Who listens to the stream of revocations.", len(self._stream)
        )
        yield counter(
            "reads_lost",
            "Reads of people's data that no row tells of, for want of room.",
            context.reads.lost,
        )
        yield gauges(
            "database_connections",
            "Connections to the database: taken now, and at most.",
            "which",
            {"taken": context.database.in_use(), "most": context.database.connections},
        )
        yield gauge(
            "cache_degraded",
            "1 where Valkey is configured and did not answer when it was last asked.",
            context.limiter.is_degraded,
        )
        book = context.last_book
        if book is not None:
            yield gauge(
                "catalogue_version", "The catalogue last seen in force.", book.catalogue.version
            )


def exposing_metrics(
    told: WebMetrics, settings: Settings
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """What runs beside the application: the listener, where the operator named a port."""
    port = settings.metrics_port

    @asynccontextmanager
    async def beside(_: Litestar) -> AsyncGenerator[None]:
        if port is None:
            yield
            return
        ports = range(port, port + settings.workers) if port else [0]
        async with exposing(registry_of(told), host=settings.metrics_host, ports=ports):
            yield

    return beside
