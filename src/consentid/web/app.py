"""The Litestar application: what it is given, and what stands around its router."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request
from litestar.config.app import AppConfig
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute

from consentid.flows.authenticate import Caller
from consentid.flows.change_watch import ChangeWatch
from consentid.flows.context import Context
from consentid.flows.erasure_list import apply_list_first
from consentid.flows.event_watch import EventWatch
from consentid.flows.revocation_stream import RevocationStream
from consentid.flows.verify_from_memory import Memory
from consentid.flows.watch_polls import PollWatch
from consentid.flows.watch_revocations import RevocationWatch
from consentid.kit.errors import ConsentidError
from consentid.telemetry.tally import Timings
from consentid.web.compression import Compression
from consentid.web.crowding import Crowding
from consentid.web.guards import caller_of, check_query
from consentid.web.headers import EdgeHeaders
from consentid.web.metrics import Timed, WebMetrics, exposing_metrics
from consentid.web.openapi import openapi_config
from consentid.web.pages import failures
from consentid.web.pages.rendering import prepare
from consentid.web.peers import Peers
from consentid.web.poll_keeping import keeping_polls
from consentid.web.quick_polls import QuickPolls
from consentid.web.quick_verify import QuickVerify
from consentid.web.read_keeping import keeping_reads
from consentid.web.requests import StrictRequest
from consentid.web.routes import HANDLERS
from consentid.web.sdk_files import sdk_files
from consentid.web.strict_bodies import MAX_BYTES, RefusedBodyError, StrictBodies
from consentid.web.tracing import Traced, tracing_beside
from consentid.web.waiting import waking


def make_app(context: Context, *, close: Callable[[], Awaitable[None]]) -> Litestar:
    """Build the application around a context; ``close`` is awaited at shutdown."""
    settings = context.settings
    stream = RevocationStream(most=min(settings.listeners, max(1, settings.concurrency // 4)))
    watch = RevocationWatch(context, stream)
    memory = Memory(context, watch)
    polls = PollWatch(context)
    # Who waits holds a place among those who are served at once.
    changes = ChangeWatch(
        context.database, most=min(settings.followers, max(1, settings.concurrency // 2))
    )

    arriving = EventWatch(context.database, most=min(settings.followers, settings.concurrency // 4))

    # Whoever does not ask for metrics is not timed.
    timings = None if settings.metrics_port is None else Timings("route", "method", "status")
    metrics = WebMetrics(
        context, watch=watch, memory=memory, changes=changes, stream=stream, requests=timings
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        await apply_list_first(context)
        following = asyncio.create_task(watch.follow())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await close()

    def provide_context() -> Context:
        return context

    def provide_memory() -> Memory:
        return memory

    def provide_changes() -> ChangeWatch:
        return changes

    def provide_arriving() -> EventWatch:
        return arriving

    def provide_revocations() -> RevocationStream:
        return stream

    def provide_caller(
        request: Request[Any, Any, Any], context: NamedDependency[Context]
    ) -> Caller:
        del context  # asked for so that each is found in its turn: two at once take a task group
        return caller_of(request)

    app = Litestar(
        route_handlers=HANDLERS,
        lifespan=[
            lifespan,
            keeping_reads(context),
            keeping_polls(polls),
            waking(changes, arriving, stream),
            exposing_metrics(metrics, settings),
            tracing_beside(settings.traces),
        ],
        middleware=[StrictBodies],
        before_request=check_query,
        request_class=StrictRequest,
        dependencies={
            "context": Provide(provide_context, sync_to_thread=False),
            "memory": Provide(provide_memory, sync_to_thread=False),
            "changes": Provide(provide_changes, sync_to_thread=False),
            "arriving": Provide(provide_arriving, sync_to_thread=False),
            "revocations": Provide(provide_revocations, sync_to_thread=False),
            "caller": Provide(provide_caller, sync_to_thread=False),
        },
        exception_handlers={
            ConsentidError: failures.on_consentid_error,
            HTTPException: failures.on_http_exception,
            RefusedBodyError: failures.on_refused_body,
            Exception: failures.on_bug,
        },
        openapi_config=openapi_config(),
        request_max_body_size=MAX_BYTES,
        on_app_init=[_forget_defaults],
    )
    app.state["context"] = context
    sdk_files()  # found and read now, not at somebody's first visit
    prepare()
    # Around the router: middleware of the framework does not see what is refused there.
    app.asgi_handler = EdgeHeaders(
        Compression(app.asgi_handler), context, watch, methods=_methods(app)
    )
    app.asgi_handler = Peers(app.asgi_handler, settings.trusted_proxies)
    app.asgi_handler = Crowding(app.asgi_handler, most=settings.concurrency)
    app.asgi_handler = QuickVerify(
        app.asgi_handler if timings is None else Timed(app.asgi_handler, timings),
        context,
        memory,
        timings,
    )
    app.asgi_handler = QuickPolls(app.asgi_handler, polls, watch, timings)
    if settings.traces:
        app.asgi_handler = Traced(app.asgi_handler)
    return app


def _methods(app: Litestar) -> dict[str, bytes]:
    """What each address takes, as ``Allow`` has it; whoever takes GET takes HEAD."""
    found: dict[str, set[str]] = {}
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            found.setdefault(route.path_format, set()).update(route.methods)
    return {
        path: ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set()))).encode()
        for path, methods in found.items()
    }


def _forget_defaults(config: AppConfig) -> AppConfig:
    # Our own logging is set up by the command that runs us.
    config.logging_config = None
    return config
