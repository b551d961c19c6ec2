"""Whatever is sent in whatever field comes back in no error, and stands in no log and no metric.

The fields are those that the OpenAPI document tells of, so a new one is tried as soon as it is
there.  What traces hold is looked at in ``tests/telemetry``.
"""

from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from tests.flows.readers import NEWS, consumer
from tests.telemetry.scraping import address
from tests.web.hub import Hub, basic_of, forget, fresh_key
from tests.web.test_events import opened_by_owner

from consentid.brandbook.client import ADMINISTRATION, Scope
from consentid.flows.register_client import add_client

CANARY: Final = "canary0saffron"
CLIENT: Final = "canary-crm"
PROGRAM: Final = "canary-program"
FORM: Final = "application/x-www-form-urlencoded"


async def _register(hub: Hub) -> dict[str, str]:
    opened = opened_by_owner(hub)
    made = {
        name: await add_client(
            opened.context.database,
            consumer(name, NEWS, scopes=scopes),
            randomness=opened.context.randomness,
        )
        for name, scopes in (
            (CLIENT, frozenset(Scope) - ADMINISTRATION),
            (PROGRAM, ADMINISTRATION),
        )
    }
    await opened.close()
    return {name: new.secret for name, new in made.items() if new is not None}


@pytest.fixture(scope="module")
def callers(hub: Hub) -> list[dict[str, str]]:
    """Who may do everything between them, and somebody for a person."""
    hub.secrets = {**hub.secrets, **hub.asking.call(_register, hub)}
    return [hub.client_token(CLIENT), hub.client_token(PROGRAM), hub.sign_in()]


def fields(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of a body, each with a body that has it alone."""
    if name := schema.get("$ref"):
        yield from fields(schemas[name.rpartition("/")[2]], schemas)
    for inner in (each for word in ("oneOf", "anyOf", "allOf") for each in schema.get(word, ())):
        yield from fields(inner, schemas)
    if items := schema.get("items"):
        for name, body in fields(items, schemas):
            yield name, [body]
    for name, member in schema.get("properties", {}).items():
        yield name, {name: CANARY}
        for inner, body in fields(member, schemas):
            yield f"{name}.{inner}", {name: body}


def requests(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """One for each field of each operation: method, path and what to send."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            told = operation.get("parameters", [])
            for each in told:
                match each["in"]:
                    case "query":
                        yield method, path, {"params": {each["name"]: CANARY}}
                    case "header":
                        yield method, path, {"headers": {each["name"]: CANARY}}
                    case _:
                        yield method, path.replace(f"{{{each['name']}}}", CANARY), {}
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                way = "data" if kind == FORM else "json"
                for _, body in fields(content["schema"], document["components"]["schemas"]):
                    yield method, path, {way: body}


def test_no_field_comes_back_or_is_written_down(
    hub: Hub, callers: list[dict[str, str]], valkey_url: str
) -> None:
    wanted = [*requests(hub.http.get("/schema").json())]
    assert len(wanted) > 100
    told: list[str] = []
    secret = basic_of(hub, "news-web")
    for method, path, sent in wanted:
        for caller in callers:
            headers = {**caller, **fresh_key(), **sent.get("headers", {})}
            if "data" in sent:
                headers |= {"Authorization": secret}
            more: dict[str, Any] = {**sent, "headers": headers}
            with hub.http.stream(method.upper(), path, **more) as answer:
                if "event-stream" not in answer.headers.get("content-type", ""):
                    answer.read()
            heads = repr(answer.headers.multi_items())
            body = answer.text if answer.is_stream_consumed else ""
            # What was kept may be shown to its owner; no refusal repeats what it refuses.
            if CANARY in heads or (answer.is_error and CANARY in body):
                told.append(f"{method} {path} {sent}: {answer.status_code} {body}")
            assert answer.status_code < 500 or "checkpoint" in path, (method, path, sent)
        forget(valkey_url, "limit:*")
    assert told == []
    assert CANARY not in hub.log.read_text()
    assert CANARY not in httpx2.get(address(hub.log)).text


def addresses_with(text: str, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Method and target of each parameter of an address in turn."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for each in operation.get("parameters", []):
                if each["in"] == "path":
                    yield method, path.replace(f"{{{each['name']}}}", text)
                elif each["in"] == "query":
                    yield method, f"{path}?{each['name']}={text}"


def test_a_nul_is_refused_in_every_address(
    hub: Hub, callers: list[dict[str, str]], valkey_url: str
) -> None:
    """The database takes none, in whatever text it stands."""
    wanted = [*addresses_with("a%00b", hub.http.get("/schema").json())]
    assert len(wanted) > 30
    for method, target in wanted:
        for caller in callers:
            told = hub.http.request(method, target, headers={**caller, **fresh_key()})
            assert 400 <= told.status_code < 500, (method, target, told.text)
        forget(valkey_url, "limit:*")
