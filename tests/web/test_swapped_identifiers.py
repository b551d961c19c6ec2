"""An identifier of another brand or person is told nothing that a made-up one is not told.

Each kind is made by its owner, works for it, and is then tried by everybody else.  Those that have
tests of their own beside their mechanism are named in ``ELSEWHERE``.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
from tests.flows.readers import NEWS, SHOP, consumer
from tests.web.hub import Hub, Person, bearer, fresh_key
from tests.web.test_events import end_of, opened_by_owner, pump, read

from consentid.brandbook.client import Scope
from consentid.flows.register_client import add_client

Use = Callable[[Hub, str, str, dict[str, str]], httpx2.Response]
"""Try an identifier as a client, with the headers of its token."""

ELSEWHERE: Final = {
    *("code", "code_verifier", "device_code", "refresh_token", "request_uri"),  # flows/oauth, par
    *(
        "capture",
        "interaction_id",
        "stream_id",
        "after",
        "Last-Event-ID",
        "page",
        "ids",
    ),  # ssf, events
    *("Idempotency-Key", "client_assertion", "subject_token", "actor_token"),
    "client_id",  # administration
}
"""Identifiers whose exchange is tested where their mechanism is."""
PUBLIC: Final = {"act", "event_id", "file", "first", "index", "number", "path", "second", "size"}
"""What everybody may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kind of identifier: how it is used, and something of its form that nobody has."""

    use: Use
    made_up: str
    field: str
    of_one_person: bool = True
    """Whether it says nothing to its own brand for another person."""


def _receipt(hub: Hub, id_: str, _: str, headers: dict[str, str]) -> httpx2.Response:
    return hub.http.get(f"/v1/receipts/{id_}", headers=headers)


def _history(hub: Hub, id_: str, _: str, headers: dict[str, str]) -> httpx2.Response:
    return hub.http.get("/v1/history", params={"limit": 1, "cursor": id_}, headers=headers)


def _state(hub: Hub, id_: str, _: str, headers: dict[str, str]) -> httpx2.Response:
    return hub.http.get("/v1/state", params={"at_least": id_}, headers=headers)


def _served(hub: Hub, id_: str, client: str, headers: dict[str, str]) -> httpx2.Response:
    body = hub.decision(client.partition("-")[0], served=id_)
    return hub.http.post("/v1/decisions", json=body, headers={**headers, **fresh_key()})


def _shown(hub: Hub, id_: str, _: str, headers: dict[str, str]) -> httpx2.Response:
    body = {"served": id_, "event": "shown"}
    return hub.http.post("/v1/served", json=body, headers={**headers, **fresh_key()})


def _introspect(hub: Hub, id_: str, client: str, _: dict[str, str]) -> httpx2.Response:
    return hub.http.post("/introspect", data={"token": id_}, auth=hub.basic(client))


def _verify(hub: Hub, id_: str, client: str, _: dict[str, str]) -> httpx2.Response:
    return hub.http.post("/v1/verify", json={"token": id_}, headers=hub.client_token(client))


def _change(hub: Hub, id_: str, client: str, _: dict[str, str]) -> httpx2.Response:
    headers = hub.client_token(f"swap-{client.partition('-')[0]}")
    return hub.http.get(f"/v1/propagation/{id_}", headers=headers)


def _field_device(hub: Hub, id_: str, client: str, _: dict[str, str]) -> httpx2.Response:
    headers = hub.client_token(f"swap-{client.partition('-')[0]}")
    return hub.http.delete(f"/v1/field/devices/{id_}", headers=headers)


CASES: Final = {
    "field device": Case(use=_field_device, made_up="A" * 12, field="device", of_one_person=False),
    "decision": Case(use=_receipt, made_up="A" * 22, field="decision"),
    # Another person at the same brand turns a page of their own history with it.
    "history cursor": Case(use=_history, made_up="A" * 60, field="cursor", of_one_person=False),
    "consistency": Case(use=_state, made_up="A" * 60, field="at_least"),
    "served notice": Case(use=_served, made_up="A" * 22, field="served", of_one_person=False),
    "shown notice": Case(use=_shown, made_up="A" * 22, field="served", of_one_person=False),
    "access token": Case(use=_introspect, made_up="A" * 43, field="token", of_one_person=False),
    "consent token": Case(use=_verify, made_up="a.b.c", field="token", of_one_person=False),
    "event": Case(use=_change, made_up="A" * 22, field="event", of_one_person=False),
}


async def _register(hub: Hub) -> dict[str, str]:
    opened = opened_by_owner(hub)
    scopes = frozenset({Scope.EVENTS_READ, Scope.PROPAGATION_READ, Scope.CAPTURES_WRITE})
    made = {
        f"swap-{party.slug}": await add_client(
            opened.context.database,
            consumer(f"swap-{party.slug}", party, scopes=scopes),
            randomness=opened.context.randomness,
        )
        for party in (NEWS, SHOP)
    }
    await opened.close()
    return {client: new.secret for client, new in made.items() if new is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Somebody at *news* with all that they were given, and who else there is."""

    owner: dict[str, str]
    neighbour: dict[str, str]
    """Another person at the same brand."""
    stranger: dict[str, str]
    """The same person at another brand."""
    held: dict[str, str]


@pytest.fixture(scope="module")
def world(hub: Hub) -> World:
    return make_world(hub)


def make_world(hub: Hub) -> World:
    """Somebody who holds one of each kind, and others who hold none of them."""
    hub.secrets = {**hub.secrets, **hub.asking.call(_register, hub)}
    pump(hub)
    feed = hub.client_token("swap-news")
    cursor = end_of(hub, feed)  # opens it
    person = Person()
    owner = hub.sign_in(person)
    shop = hub.exchange(hub.id_token(person, audience="halcyon-market"), client="shop-web").json()
    told: list[Any] = [hub.decide(owner) for _ in range(2)]
    pump(hub)
    page = hub.http.get("/v1/history?limit=1", headers=owner).json()
    held = {
        "decision": told[1]["decision"],
        "history cursor": page["next"],
        "consistency": told[1]["consistency"],
        "served notice": hub.catalogue()["served"],
        "shown notice": hub.catalogue()["served"],
        "access token": owner["Authorization"].removeprefix("Bearer "),
        "consent token": told[1]["consent_token"],
        "field device": hub.http.post(
            "/v1/field/devices", json={"name": "swapped"}, headers=feed
        ).json()["device"],
        "event": told_of(hub, feed, cursor),
    }
    return World(
        owner=owner,
        neighbour=hub.sign_in(),
        stranger=bearer(shop["access_token"]),
        held=held,
    )


def told_of(hub: Hub, feed: dict[str, str], cursor: str) -> str:
    """An event, once it is written down that its reader was told of it."""
    id_ = read(hub, feed, after=cursor)["events"][-1]["id"]
    until_s = time.monotonic() + 60
    while hub.http.get(f"/v1/propagation/{id_}", headers=feed).is_error:
        assert time.monotonic() < until_s
    return id_


def what_is_told(answer: httpx2.Response) -> tuple[int, Any]:
    told: dict[str, Any] = answer.json() if answer.content else {}
    return answer.status_code, told.get("code", told)


@pytest.mark.parametrize("name", CASES)
def test_what_another_holds_is_worth_as_much_as_a_made_up_one(
    hub: Hub, world: World, name: str
) -> None:
    case, id_ = CASES[name], world.held[name]
    others = [("shop-web", world.stranger)]
    if case.of_one_person:
        others.append(("news-web", world.neighbour))
    for client, headers in others:
        told = what_is_told(case.use(hub, id_, client, headers))
        assert told == what_is_told(case.use(hub, case.made_up, client, headers))
        assert told[0] >= 400 or told[1] == {"active": False}
    mine = case.use(hub, id_, "news-web", world.owner)
    assert mine.is_success, mine.text
    assert what_is_told(mine)[1] != {"active": False}


def test_every_reference_that_a_request_carries_is_tried_here_or_elsewhere(hub: Hub) -> None:
    """Parameters in the path or of paging name something of somebody's."""
    document = hub.http.get("/schema").json()
    named = {
        each["name"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for each in operation.get("parameters", [])
        if each["in"] == "path" or each["name"] in {"after", "at_least", "cursor", "page"}
    }
    tried = {case.field for case in CASES.values()}
    assert named <= tried | ELSEWHERE | PUBLIC
