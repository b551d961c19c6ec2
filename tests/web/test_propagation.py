"""``/v1/propagation`` and ``/v1/events/confirm`` over HTTP."""

import time

import pytest
from tests.flows.readers import NEWS, consumer
from tests.web.hub import Hub
from tests.web.test_events import EVENTS, end_of, opened_by_owner, pump, read

from consentid.brandbook.client import Scope
from consentid.flows.register_client import add_client

PATH = "/v1/propagation"


async def _register(hub: Hub) -> dict[str, str]:
    opened = opened_by_owner(hub)
    scopes = {"prop-crm": Scope.EVENTS_READ, "prop-dpo": Scope.PROPAGATION_READ}
    made = {
        client: await add_client(
            opened.context.database,
            consumer(client, NEWS, scopes=frozenset({scope})),
            randomness=opened.context.randomness,
        )
        for client, scope in scopes.items()
    }
    await opened.close()
    return {client: new.secret for client, new in made.items() if new is not None}


@pytest.fixture(scope="module")
def crm(hub: Hub) -> dict[str, str]:
    """A consumer that has come back once, so that it is a system."""
    hub.secrets = {**hub.secrets, **hub.asking.call(_register, hub)}
    pump(hub)
    headers = hub.client_token("prop-crm")
    read(hub, headers, after=end_of(hub, headers))
    return headers


def standing(hub: Hub) -> dict[str, int]:
    answer = hub.http.get(PATH, headers=hub.client_token("prop-dpo"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return {each["system"]: each["lag_events"] for each in answer.json()["systems"]}


def await_lag(hub: Hub, lag: int) -> None:
    """What a reader confirmed is written within about a second."""
    until_s = time.monotonic() + 60
    while standing(hub).get("feed:prop-crm") != lag:
        assert time.monotonic() < until_s


def test_a_cursor_confirms_and_so_does_a_call_back(hub: Hub, crm: dict[str, str]) -> None:
    await_lag(hub, 0)
    cursor = end_of(hub, crm)
    hub.decide()
    pump(hub)
    events = read(hub, crm, after=cursor)["events"]
    await_lag(hub, len(events))
    confirm = f"{EVENTS}/confirm"
    ids = [each["id"] for each in events]
    answer = hub.http.post(confirm, headers=crm, json={"ids": [ids[0], "A" * 22]})
    assert (answer.status_code, answer.json()) == (200, {"unknown": ["A" * 22]})
    assert standing(hub)["feed:prop-crm"] == len(events) - 1
    dpo = hub.client_token("prop-dpo")
    change = hub.http.get(f"{PATH}/{ids[0]}", headers=dpo).json()
    (system,) = [each for each in change["systems"] if each["system"] == "feed:prop-crm"]
    assert (system["state"], system["confirmed_at"] is None) == ("confirmed", False)
    answer = hub.http.post(confirm, headers=crm, json={"cursor": end_of(hub, crm)})
    assert answer.json() == {"unknown": []}
    assert standing(hub)["feed:prop-crm"] == 0


def test_bodies_and_callers_that_will_not_do_are_told_so(hub: Hub, crm: dict[str, str]) -> None:
    dpo = hub.client_token("prop-dpo")
    cursor, confirm = end_of(hub, crm), f"{EVENTS}/confirm"
    cases: tuple[tuple[dict[str, object], int, str], ...] = (
        ({}, 422, "invalid_body"),
        ({"cursor": cursor, "ids": ["A" * 22]}, 422, "invalid_body"),
        ({"ids": []}, 422, "invalid_body"),
        ({"ids": ["A" * 22] * 501}, 422, "invalid_body"),
        ({"ids": ["x"]}, 422, "invalid_body"),
        ({"cursor": "A" * 60}, 400, "bad_cursor"),
        ({"ids": ["A" * 22], "system": "webhook:1"}, 422, "invalid_body"),
    )
    for body, status, code in cases:
        answer = hub.http.post(confirm, headers=crm, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    for headers, path, status in (
        (crm, PATH, 403),
        (dpo, f"{PATH}/{'A' * 22}", 404),
        (dpo, f"{PATH}?client=x", 422),
        ({}, PATH, 401),
    ):
        assert hub.http.get(path, headers=headers).status_code == status, path
    assert hub.http.post(confirm, headers=dpo, json={"cursor": cursor}).status_code == 403
