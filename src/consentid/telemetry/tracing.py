"""Traces through the river, by OpenTelemetry: off unless the operator asks, and free where off.

A span is a name of ours, how long something took, and whether it failed with what kind of error:
never a message, an address or a value.  Where traces are off, a step is called as if it were not
marked, and a span is one object that does nothing.
Spec: W3C Trace Context, OpenTelemetry semantic conventions for HTTP.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from consentid.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, SpanKind, Tracer

P = ParamSpec("P")
T = TypeVar("T")

_NOTHING: Final[AbstractContextManager[None]] = nullcontext()
_tracers: Final[list["Tracer"]] = []
"""One where traces are on, none where they are off."""


def is_tracing() -> bool:
    """Whether anybody gets the spans."""
    return bool(_tracers)


def span(name: str) -> "AbstractContextManager[Span | None]":
    """A span for a block; what goes on within it are its children."""
    return _span(name) if _tracers else _NOTHING


def step(name: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Mark a flow as a step that has a span of its own."""

    def mark(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        async def within(*args: P.args, **named: P.kwargs) -> T:
            with _span(name):
                return await work(*args, **named)

        @functools.wraps(work)
        def call(*args: P.args, **named: P.kwargs) -> Awaitable[T]:
            return within(*args, **named) if _tracers else work(*args, **named)

        return call

    return mark


@contextmanager
def request_span(headers: Mapping[str, str]) -> "Generator[Span]":
    """A span for a request, within the trace that its ``traceparent`` names."""
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - the otel extra
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - as above
        TraceContextTextMapPropagator,
    )

    parent = TraceContextTextMapPropagator().extract(dict(headers))
    with _span("request", parent=parent, kind=SpanKind.SERVER) as found:
        yield found


@contextmanager
def _span(
    name: str, parent: "Context | None" = None, kind: "SpanKind | None" = None
) -> "Generator[Span]":
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415 - as above

    with _tracers[0].start_as_current_span(
        name,
        context=parent,
        kind=kind or SpanKind.INTERNAL,
        # An error's message may hold what a person sent.
        record_exception=False,
        set_status_on_exception=False,
    ) as found:
        try:
            yield found
        except Exception as error:
            found.set_attribute("error.type", type(error).__name__)
            found.set_status(Status(StatusCode.ERROR))
            raise


@asynccontextmanager
async def tracing(*, role: str, processor: "SpanProcessor | None" = None) -> AsyncGenerator[None]:
    """Collect spans while a process works, and send them where ``OTEL_EXPORTER_OTLP_*`` says.

    Raises:
        SettingsError: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the otel extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    except ImportError as error:
        raise SettingsError(
            "settings.invalid",
            "traces need OpenTelemetry: pip install 'consentid[server,otel]'",
            where="traces",
        ) from error
    about = {"service.version": version("consentid"), "consentid.role": role}
    # What the operator says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) wins over ours.
    resource = Resource(about).merge(Resource.create())
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "consentid"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor or _sending())
    _tracers.append(provider.get_tracer("consentid", version("consentid")))
    try:
        yield
    finally:
        _tracers.clear()
        # The last spans are sent now, which may take a while.
        await asyncio.to_thread(provider.shutdown)


def _sending() -> "SpanProcessor":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - as above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    return BatchSpanProcessor(OTLPSpanExporter())
