"""Traces through a real application on a real database; what they hold is received in memory."""

import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.flows.town import halcyon

from consentid.brandbook.folder import load
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.opening import Opened, open_context
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.register_client import rotate_secret
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.settings import Settings
from consentid.store.engine import Database
from consentid.telemetry.tracing import is_tracing, span, step, tracing
from consentid.web.app import make_app

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
KNOWN = {"http.request.method", "http.route", "http.response.status_code", "error.type"}


@pytest.fixture
def received() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def opened(database_urls: DatabaseUrls, tmp_path: Path) -> Opened:
    generate(tmp_path / "keys", now=from_seconds(1), randomness=secrets.token_bytes)
    return open_context(
        Settings(database_url=database_urls.serving, keys_dir=tmp_path / "keys", traces=True)
    )


@pytest.fixture
async def secret(database_urls: DatabaseUrls, tmp_path: Path) -> str:
    owner = Database(database_urls.owner)
    brands = halcyon(tmp_path / "brands", "http://id.localhost:7600")
    await publish_catalogue(owner, load(brands), randomness=secrets.token_bytes)
    given = await rotate_secret(owner, client_id="news-web", randomness=secrets.token_bytes)
    await owner.close()
    return given.secret


@pytest.fixture
async def hub(
    opened: Opened, secret: str, received: InMemorySpanExporter
) -> AsyncIterator[httpx2.AsyncClient]:
    """The application itself, without a server around it."""
    app: Any = make_app(opened.context, close=opened.close)
    async with (
        tracing(role="web", processor=SimpleSpanProcessor(received)),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app),
            base_url="http://consent.localhost:7600",
            auth=("news-web", secret),
        ) as client,
    ):
        yield client
    await opened.close()


def named(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {each.name: each for each in spans}


async def test_a_request_is_traced_down_to_the_database_within_its_callers_trace(
    hub: httpx2.AsyncClient, received: InMemorySpanExporter
) -> None:
    headers = {"traceparent": PARENT, "tracestate": "shop=1"}
    form = {"grant_type": "client_credentials", "scope": "verify"}
    answer = await hub.post("/token", data=form, headers=headers)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    canary = secrets.token_hex(16)
    asked = {"token": canary, "audience": "https://news.halcyon.example"}
    await hub.post("/v1/verify", json=asked, headers={"Authorization": f"Bearer {token}"})
    await hub.get(f"/{canary}?{canary}={canary}")
    spans = received.get_finished_spans()
    found = named(spans)
    request, flow = found["POST /token"], found["answer_token_request"]
    assert request.context is not None
    assert f"{request.context.trace_id:032x}" == TRACE
    assert request.parent is not None
    assert flow.parent is not None
    assert flow.parent.span_id == request.context.span_id
    beneath = [each for each in spans if each.name == "database" and each.parent == flow.context]
    assert beneath
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/token",
        "http.response.status_code": 200,
    }
    assert "POST /v1/verify" in found
    assert "GET none" in found
    # Names of ours, and nothing that anybody sent.
    assert {name for each in spans for name in each.attributes or {}} <= KNOWN
    told = repr([(each.name, dict(each.attributes or {}), each.events) for each in spans])
    assert [each for each in (canary, token, "news-web", "127.0.0.1") if each in told] == []


async def test_a_failure_is_told_by_its_kind_alone(received: InMemorySpanExporter) -> None:
    @step("work")
    async def fail() -> None:
        msg = "canary"
        raise ValueError(msg)

    async with tracing(role="web", processor=SimpleSpanProcessor(received)):
        with pytest.raises(ValueError, match="canary"):
            await fail()
    (work,) = received.get_finished_spans()
    assert work.attributes == {"error.type": "ValueError"}
    assert not work.status.is_ok
    assert work.status.description is None
    assert work.events == ()


async def test_where_traces_are_off_a_step_is_the_work_itself() -> None:
    @step("work")
    async def work(number: int) -> int:
        return number + 1

    assert not is_tracing()
    assert await work(1) == 2
    assert span("one") is span("another")


async def test_the_operator_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, name in ((None, "consentid"), ("hub-eu", "hub-eu")):
        if given is not None:
            monkeypatch.setenv("OTEL_SERVICE_NAME", given)
        received = InMemorySpanExporter()
        async with tracing(role="worker", processor=SimpleSpanProcessor(received)):
            with span("reaper"):
                pass
        (reaper,) = received.get_finished_spans()
        assert reaper.resource.attributes["service.name"] == name
        assert reaper.resource.attributes["consentid.role"] == "worker"
