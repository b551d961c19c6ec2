"""The document at ``/schema``.  ``documented`` holds every answer of this room against it."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from tests.web.hub import Hub

PUBLIC = {
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/jwks.json",
    "/statuslists",
    "/statuslists/{number}",
    "/v1/catalogue",
    "/v1/ledger/checkpoint",
    "/v1/ledger/tile/{path}",
    "/v1/ledger/proof/entry/{event_id}",
    "/v1/ledger/proof/inclusion",
    "/v1/ledger/proof/consistency",
    "/schema/events",
    "/sdk/v1/{file}",
    "/health/live",
    "/health/ready",
}
WRITES = {"/v1/decisions", "/v1/withdrawals", "/v1/devices", "/v1/captures"}
DEVICES: list[dict[str, list[str]]] = [{"access_token": []}, {}]
"""A page may come without a token."""
OURS = (
    PUBLIC
    | WRITES
    | {"/token", "/v1/served", "/v1/handoffs", "/v1/verify", "/v1/state", "/v1/history"}
)


@pytest.fixture(scope="module")
def document(hub: Hub) -> dict[str, Any]:
    answer = hub.http.get("/schema")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json"
    return answer.json()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def references(node: Any) -> Iterator[str]:
    match node:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for member in cast("dict[str, Any]", node).values():
                yield from references(member)
        case list():
            for member in cast("list[Any]", node):
                yield from references(member)
        case _:
            pass


def test_the_document_is_the_same_at_both_addresses(hub: Hub, document: dict[str, Any]) -> None:
    assert hub.http.get("/schema/openapi.json").json() == document
    assert document["openapi"].startswith("3.1")


def test_every_address_is_there(document: dict[str, Any]) -> None:
    assert set(document["paths"]) >= OURS


def test_every_operation_can_be_read_by_a_person(document: dict[str, Any]) -> None:
    ids: list[str] = []
    for path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["tags"], path
        assert all(told["description"] for told in operation["responses"].values()), path
        ids.append(operation["operationId"])
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_no_body_takes_unknown_members(document: dict[str, Any]) -> None:
    taken = {
        reference
        for _, operation in operations(document)
        for reference in references(operation.get("requestBody", {}))
    }
    assert len(taken) >= 5
    schemas = document["components"]["schemas"]
    for reference in taken:
        name = reference.removeprefix("#/components/schemas/")
        assert schemas[name]["additionalProperties"] is False, name


def test_refusals_are_problem_documents_but_at_oauth_s_endpoint(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        for status, told in operation["responses"].items():
            if int(status) < 400 or path not in OURS or path == "/health/ready":
                continue
            wanted = "application/json" if path == "/token" else "application/problem+json"
            assert list(told["content"]) == [wanted], (path, status)


def test_who_must_call_is_told(document: dict[str, Any]) -> None:
    assert document["security"] == [{"access_token": []}]
    for path, operation in operations(document):
        if path in PUBLIC:
            assert operation["security"] == [{}], path
        elif path == "/token":
            assert {"client": []} in operation["security"]
        elif path in OURS:
            page = DEVICES if path == "/v1/devices" else None
            assert operation.get("security") == page, path
            assert "401" in operation["responses"], path


def test_writes_need_an_idempotency_key(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        named = [each for each in operation.get("parameters", []) if each["in"] == "header"]
        if path in WRITES and "requestBody" in operation:
            (key,) = named
            assert key["name"].lower() == "idempotency-key"
            assert key["required"] is True
            assert key["schema"]["maxLength"] == 255
        elif path == "/v1/verify/forward":
            assert {each["name"].partition("-")[0].lower() for each in named} == {"consent"}
        elif path in {"/v1/state", "/v1/events"}:
            assert [each["name"] for each in named] == ["Prefer"]
        elif path in {"/statuslists/stream", "/v1/events/stream"}:
            assert [each["name"] for each in named] == ["Last-Event-ID"]
        else:
            assert named == [], path
