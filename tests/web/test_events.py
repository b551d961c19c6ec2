"""``/v1/events`` over HTTP: pages, long poll, server-sent events, cursors, the contract."""

import contextlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import msgspec
import pytest
from tests.flows.readers import NEWS, SHOP, consumer
from tests.web.hub import Hub

from consentid.events.contract import Event
from consentid.flows.drain_outbox import drain_outbox
from consentid.flows.opening import Opened, open_context
from consentid.flows.register_client import add_client
from consentid.settings import Settings

EVENTS = "/v1/events"


async def _pump(hub: Hub) -> None:
    opened = opened_by_owner(hub)
    while await drain_outbox(opened.context):
        pass
    await opened.close()


async def _register(hub: Hub) -> dict[str, str]:
    opened = opened_by_owner(hub)
    made = {
        client: await add_client(
            opened.context.database,
            consumer(client, party),
            randomness=opened.context.randomness,
        )
        for client, party in (("news-crm", NEWS), ("shop-erp", SHOP))
    }
    await opened.close()
    return {client: new.secret for client, new in made.items() if new is not None}


def opened_by_owner(hub: Hub) -> Opened:
    """What a process that may do anything holds."""
    url = hub.owner.url.render_as_string(hide_password=False)
    return open_context(Settings(database_url=url, keys_dir=hub.log.parent / "keys"))


def pump(hub: Hub) -> None:
    hub.asking.call(_pump, hub)


@pytest.fixture(scope="module")
def crm(hub: Hub) -> dict[str, str]:
    """A consumer's headers; its stream is open."""
    hub.secrets = {**hub.secrets, **hub.asking.call(_register, hub)}
    pump(hub)
    headers = hub.client_token("news-crm")
    assert hub.http.get(EVENTS, headers=headers).status_code == 200
    return headers


def read(hub: Hub, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = hub.http.get(EVENTS, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def end_of(hub: Hub, headers: dict[str, str]) -> str:
    """The cursor after all that is there."""
    page: dict[str, Any] = {"more": True}
    query: dict[str, Any] = {"limit": 1000}
    while page["more"]:
        page = read(hub, headers, **query)
        query["after"] = page["next"]
    return page["next"]


def test_events_are_as_the_document_says(hub: Hub, crm: dict[str, str]) -> None:
    cursor = end_of(hub, crm)
    hub.decide()
    pump(hub)
    page = read(hub, crm, after=cursor)
    document = hub.http.get("/schema/events").json()
    assert document["asyncapi"] == "3.0.0"
    schemas = document["components"]["schemas"]
    for event in page["events"]:
        msgspec.convert(event, Event)
        (message,) = [
            each
            for each in document["components"]["messages"].values()
            if each["name"] == event["type"]
        ]
        schema = schemas[message["payload"]["$ref"].rpartition("/")[2]]
        assert event.keys() == schema["properties"].keys()
        assert event["data"].keys() == schemas["ConsentData"]["properties"].keys()
    assert [each["data"]["cause"] for each in page["events"]] == ["met", "decision"]
    assert page["more"] is False
    assert read(hub, crm, after=page["next"])["events"] == []
    (again,) = read(hub, crm, after=cursor, limit=1, kind="consent", brand="news")["events"]
    assert again == page["events"][0]


def test_whoever_waits_is_answered_when_something_comes(hub: Hub, crm: dict[str, str]) -> None:
    cursor = end_of(hub, crm)
    with ThreadPoolExecutor(1) as beside:
        headers = {**crm, "Prefer": "wait=30"}
        waiting = beside.submit(read, hub, headers, after=cursor)
        hub.decide()
        pump(hub)
        assert waiting.result()["events"]


@contextlib.contextmanager
def listening(hub: Hub, headers: dict[str, str]) -> Generator[Iterator[dict[str, str]]]:
    """Events as a browser would read them: the fields of each."""
    with httpx2.stream("GET", f"{hub.url}{EVENTS}/stream", headers=headers, timeout=120) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            yield fields
            fields = {}


def test_the_same_comes_as_server_sent_events_and_goes_on_where_it_ended(
    hub: Hub, crm: dict[str, str]
) -> None:
    cursor = end_of(hub, crm)
    hub.decide()
    pump(hub)
    with listening(hub, {**crm, "Last-Event-ID": cursor}) as events:
        assert next(events)["retry"] == "2000"
        first = next(events)
        assert first["event"] == "consentid.consent.v1"
        hub.decide()
        pump(hub)
        second = next(each for each in events if "data" in each)
    with listening(hub, {**crm, "Last-Event-ID": first["id"]}) as events:
        again = next(each for each in events if "data" in each)
    assert again["data"] == second["data"] != first["data"]


def test_the_snapshot_leads_into_the_feed(hub: Hub, crm: dict[str, str]) -> None:
    person = hub.sign_in()
    hub.decide(person)
    query: dict[str, Any] = {"limit": 3}
    people: dict[str, Any] = {}
    while True:
        answer = hub.http.get(f"{EVENTS}/snapshot", headers=crm, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        people |= {each["subject"]: each["effective"][0] for each in page["subjects"]}
        if page["next"] is None:
            break
        query["page"] = page["next"]
    pump(hub)
    for event in read(hub, crm, after=page["cursor"])["events"]:
        (effect,) = event["data"]["effective"]
        assert effect["revision"] <= people[event["subject"]]["revision"]


def test_what_is_no_cursor_of_this_client_is_told_so(hub: Hub, crm: dict[str, str]) -> None:
    cursor = read(hub, crm)["next"]
    other = hub.client_token("shop-erp")
    for headers, query, status, code in (
        (other, {"after": cursor}, 400, "bad_cursor"),
        (crm, {"after": "A" * 60}, 400, "bad_cursor"),
        (crm, {"page": "A"}, 422, "unknown_parameter"),
        (crm, {"kind": "nothing"}, 422, "unknown_kind"),
        (hub.client_token("news-web"), {}, 403, "insufficient_scope"),
        ({}, {}, 401, "token_missing"),
    ):
        for path in (EVENTS, f"{EVENTS}/stream"):
            answer = hub.http.get(path, headers=headers, params=query)
            assert (answer.status_code, answer.json()["code"]) == (status, code), path
    answer = hub.http.get(f"{EVENTS}/snapshot", headers=other, params={"page": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
