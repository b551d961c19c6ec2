"""The Litestar application: routes, guards, errors, the OpenAPI document."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

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
from consentid.web.administration import ADMINISTRATION_HANDLERS
from consentid.web.authorize import get_authorize, post_authorize
from consentid.web.backchannel import post_backchannel_logout
from consentid.web.bc_authorize import post_bc_authorize
from consentid.web.captures import get_capture, get_captures, post_capture, post_resolution
from consentid.web.catalogue import get_catalogue, post_served
from consentid.web.compression import Compression
from consentid.web.crowding import Crowding
from consentid.web.decisions import post_decision, post_withdrawal
from consentid.web.device_authorization import post_device_authorization
from consentid.web.erasure import post_erasure
from consentid.web.events import (
    get_event_schema,
    get_event_snapshot,
    get_event_stream,
    get_events,
)
from consentid.web.field import FIELD_HANDLERS
from consentid.web.guards import caller_of, check_query
from consentid.web.hand_offs import post_hand_off
from consentid.web.headers import EdgeHeaders
from consentid.web.health import get_live, get_ready
from consentid.web.introspect import post_introspect
from consentid.web.ledger import (
    get_checkpoint,
    get_consistency_proof,
    get_entry_proof,
    get_inclusion_proof,
    get_log_key,
    get_log_keys,
    get_tile,
)
from consentid.web.links import post_link_minting
from consentid.web.metrics import Timed, WebMetrics, exposing_metrics
from consentid.web.openapi import openapi_config
from consentid.web.pages import failures
from consentid.web.pages.approvals_pages import (
    get_approval_outcome,
    get_approvals,
    get_approvals_sign_in,
    post_approvals,
)
from consentid.web.pages.asset_files import get_asset
from consentid.web.pages.captures_pages import get_own_captures, post_own_capture
from consentid.web.pages.device_pages import (
    get_device_outcome,
    get_device_page,
    post_device_match,
    post_device_page,
)
from consentid.web.pages.field_app import get_field_app, get_field_file
from consentid.web.pages.home_pages import get_home, get_robots
from consentid.web.pages.interactions import (
    get_interaction,
    get_interaction_sign_in,
    post_interaction,
)
from consentid.web.pages.link_pages import (
    get_link,
    get_link_outcome,
    post_link,
    post_link_answer,
    post_link_sign_in,
)
from consentid.web.pages.operations_list_pages import (
    get_acts_page,
    get_catalogues_page,
    get_clients_page,
)
from consentid.web.pages.operations_pages import get_operations, post_operations
from consentid.web.pages.operations_sign_in_pages import (
    get_staff_callback,
    get_staff_sign_in,
    post_operator_sign_in,
    post_operator_sign_out,
)
from consentid.web.pages.operations_support_pages import get_support_page, post_support_page
from consentid.web.pages.preferences_list_pages import (
    get_notice,
    get_own_data,
    get_own_data_page,
    get_own_decision,
    get_own_devices,
    get_own_history,
    get_own_reads,
    get_own_receipt,
    get_own_receipt_page,
    post_own_devices,
)
from consentid.web.pages.preferences_pages import (
    get_preferences,
    get_preferences_sign_in,
    post_preferences,
    post_preferences_sign_out,
)
from consentid.web.pages.preferences_support_pages import get_support_code, post_support_code
from consentid.web.pages.receipt_pages import get_verify_receipt, post_verify_receipt
from consentid.web.pages.rendering import prepare
from consentid.web.pages.sign_out_pages import get_logout, post_logout
from consentid.web.pages.visit_pages import get_visit, post_visit
from consentid.web.par import post_par
from consentid.web.peers import Peers
from consentid.web.poll_keeping import keeping_polls
from consentid.web.portal_callback import get_portal_callback
from consentid.web.portal_events import post_portal_event
from consentid.web.propagation import get_change, get_propagation, post_confirmation
from consentid.web.quick_polls import QuickPolls
from consentid.web.quick_verify import QuickVerify
from consentid.web.read_keeping import keeping_reads
from consentid.web.receipts import get_receipt, get_receipt_context
from consentid.web.requests import StrictRequest
from consentid.web.revocation_events import get_status_list_stream
from consentid.web.revoke import post_revoke
from consentid.web.sdk_files import get_sdk_file, sdk_files
from consentid.web.ssf import SSF_HANDLERS
from consentid.web.status_lists import get_status_list, get_status_lists
from consentid.web.strict_bodies import MAX_BYTES, RefusedBodyError, StrictBodies
from consentid.web.subjects import get_history, get_state, post_device
from consentid.web.tokens import token
from consentid.web.tracing import Traced, tracing_beside
from consentid.web.userinfo import get_userinfo, post_userinfo
from consentid.web.verify import get_verify_forward, post_verify, post_verify_batch
from consentid.web.waiting import waking
from consentid.web.well_known import get_keys, get_link_keys, get_metadata

_HANDLERS: Final = (
    get_approval_outcome,
    get_approvals,
    get_approvals_sign_in,
    get_asset,
    get_device_outcome,
    get_device_page,
    post_device_authorization,
    post_device_match,
    post_device_page,
    get_field_app,
    get_field_file,
    get_home,
    get_robots,
    get_interaction,
    get_interaction_sign_in,
    post_interaction,
    get_authorize,
    get_logout,
    get_portal_callback,
    get_notice,
    get_own_captures,
    get_own_data,
    get_own_data_page,
    get_own_decision,
    get_own_devices,
    get_own_history,
    get_own_reads,
    get_own_receipt,
    get_own_receipt_page,
    get_preferences,
    get_preferences_sign_in,
    get_capture,
    get_captures,
    post_capture,
    post_resolution,
    get_catalogue,
    get_change,
    get_checkpoint,
    get_consistency_proof,
    get_entry_proof,
    get_event_schema,
    get_event_snapshot,
    get_event_stream,
    get_events,
    get_history,
    get_inclusion_proof,
    get_keys,
    get_link,
    get_link_keys,
    get_link_outcome,
    get_live,
    get_log_key,
    get_log_keys,
    get_metadata,
    get_acts_page,
    get_catalogues_page,
    get_clients_page,
    get_operations,
    get_staff_callback,
    get_staff_sign_in,
    get_support_code,
    get_support_page,
    get_propagation,
    get_ready,
    get_receipt,
    get_receipt_context,
    get_sdk_file,
    get_state,
    get_status_list,
    get_status_list_stream,
    get_status_lists,
    get_tile,
    get_userinfo,
    post_approvals,
    post_authorize,
    post_bc_authorize,
    post_backchannel_logout,
    post_confirmation,
    post_decision,
    post_device,
    post_erasure,
    post_hand_off,
    post_introspect,
    post_link,
    post_link_answer,
    post_link_minting,
    post_link_sign_in,
    post_logout,
    post_operations,
    post_operator_sign_in,
    post_operator_sign_out,
    post_par,
    post_own_capture,
    post_own_devices,
    post_preferences,
    post_preferences_sign_out,
    post_revoke,
    post_served,
    post_support_code,
    post_support_page,
    post_userinfo,
    get_verify_forward,
    get_verify_receipt,
    get_visit,
    post_verify,
    post_verify_batch,
    post_verify_receipt,
    post_visit,
    post_withdrawal,
    post_portal_event,
    token,
    *SSF_HANDLERS,
    *FIELD_HANDLERS,
    *ADMINISTRATION_HANDLERS,
)


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
        route_handlers=_HANDLERS,
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
    app.asgi_handler = Peers(app.asgi_handler, context.settings.trusted_proxies)
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
