"""Shared Signals streams: whose they are, where nothing is sent, what is no such request."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.flows.readers import NEWS, SHOP
from tests.web.hub import Hub, bearer
from tests.web.ssf_receiver import (
    PUSH,
    STATUS,
    STREAMS,
    VERIFY,
    SsfReceiver,
    pump,
    register,
    sending,
)

from consentid.kit.errors import ConflictError


@pytest.fixture(scope="module")
def registered(hub: Hub) -> SsfReceiver:
    register(hub, **{"news-sets": NEWS, "shop-sets": SHOP})
    pump(hub)
    return SsfReceiver(hub=hub, client="news-sets")


@pytest.fixture
def crm(registered: SsfReceiver) -> Iterator[SsfReceiver]:
    """A receiver without a stream yet."""
    registered.begin_anew()
    yield registered
    registered.begin_anew()


def test_a_stream_is_its_receiver_s_alone(hub: Hub, crm: SsfReceiver) -> None:
    other = SsfReceiver(hub=hub, client="shop-sets")
    stream = crm.create()
    hub.decide()
    pump(hub)
    named = {"stream_id": stream["stream_id"]}
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("GET", STREAMS, {"params": named}),
        ("PATCH", STREAMS, {"json": named}),
        ("PUT", STREAMS, {"json": named}),
        ("DELETE", STREAMS, {"params": named}),
        ("GET", STATUS, {"params": named}),
        ("POST", STATUS, {"json": {**named, "status": "disabled"}}),
        ("POST", VERIFY, {"json": named}),
        ("POST", f"/ssf/poll/{stream['stream_id']}", {"json": {"returnImmediately": True}}),
    )
    for method, path, more in calls:
        answer = other.ask(method, path, **more)
        assert (answer.status_code, answer.json()["code"]) == (404, "stream_unknown"), path
        for headers, status in ((hub.client_token("news-web"), 403), (bearer("x"), 401)):
            assert hub.http.request(method, path, headers=headers, **more).status_code == status
    assert other.ask("GET", STREAMS).json() == []
    # Nor does another's acknowledgement count.
    ((jti, _),) = crm.poll(stream)["sets"].items()
    own = other.create()
    other.poll(own, ack=[jti], setErrs={jti: {"err": "x"}})
    assert list(crm.poll(stream)["sets"]) == [jti]
    other.begin_anew()


def test_what_a_receiver_does_itself_no_operator_does(hub: Hub, crm: SsfReceiver) -> None:
    stream = crm.create()
    ((number,),) = hub.rows("SELECT max(endpoint_no) FROM ssf_streams")
    paused = {"stream_id": stream["stream_id"], "status": "paused"}
    assert crm.ask("POST", STATUS, json=paused).status_code == 200
    with sending(hub) as sender:
        for act, code in (
            ("rotate", "not_a_webhook"),
            ("enable", "stopped_by_receiver"),
            ("disable", "stopped_by_receiver"),
        ):
            with pytest.raises(ConflictError) as refused:
                sender.operate(act, number)
            assert refused.value.code == code
    assert hub.rows(f"SELECT count(*) FROM webhook_secrets WHERE endpoint_no = {number}") == [(0,)]
    named = {"stream_id": stream["stream_id"]}
    assert crm.ask("GET", STATUS, params=named).json()["status"] == "paused"


def test_who_is_stopped_by_an_operator_does_not_go_on_by_being_gone(
    hub: Hub, crm: SsfReceiver
) -> None:
    with sending(hub) as sender:
        url = f"{sender.endpoints.url}/gone"
        stream = crm.create(delivery={"method": PUSH, "endpoint_url": url})
        ((number,),) = hub.rows("SELECT max(endpoint_no) FROM ssf_streams")
        sender.operate("disable", number)
        sender.until_tried()  # what it is told of that, it answers by 410
        named = {"stream_id": stream["stream_id"]}
        refused = crm.ask("POST", STATUS, json={**named, "status": "enabled"})
        assert (refused.status_code, refused.json()["code"]) == (403, "stopped_by_operator")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1.evil\n.example/",
        "https://10.0.0.1/set",
        "https://169.254.169.254/latest",
        "https://[fe80::1]/set",
        "https://[::ffff:10.0.0.1]/",
        "https://user:secret@crm.example/",
        "https://crm.example/#fragment",
        "https://crm.example:99999/",
        "https://[/",
        "https://xn--a.ex+ample/",
        "ftp://crm.example/",
        "https:///set",
        "file:///etc/passwd",
    ],
)
def test_nothing_is_sent_where_nothing_may_be(crm: SsfReceiver, url: str) -> None:
    delivery = {"method": PUSH, "endpoint_url": url}
    answer = crm.ask("POST", STREAMS, json={"delivery": delivery})
    assert answer.status_code == 400, answer.text
    assert answer.json()["where"] == "delivery.endpoint_url"
    assert crm.ask("GET", STREAMS).json() == []


def test_a_name_that_leads_inside_is_found_when_something_is_sent(
    hub: Hub, crm: SsfReceiver
) -> None:
    # Digits that a resolver reads as 10.0.0.1: no address by its form.
    crm.create(delivery={"method": PUSH, "endpoint_url": "https://167772161/"})
    hub.decide()
    pump(hub)
    with sending(hub) as sender:
        sender.until_tried()
    tried = hub.rows(
        "SELECT outcome FROM webhook_deliveries WHERE attempts > 0"
        " AND endpoint_no = (SELECT max(endpoint_no) FROM ssf_streams)"
    )
    assert tried == [("ConnectError",)]


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", STREAMS, b'{"unknown": 1}', "invalid_body"),
        ("POST", STREAMS, b'{"delivery": {"method": "urn:x"}}', "invalid_body"),
        ("POST", STREAMS, b'{"delivery": {"method": "urn:ietf:rfc:8935"}}', "invalid_body"),
        (
            "POST",
            STREAMS,
            (
                b'{"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://crm.example/",'
                b' "authorization_header": "Bearer of news\\n"}}'
            ),
            "invalid_body",
        ),
        ("POST", STREAMS, b'{"events_requested": "all"}', "invalid_body"),
        ("POST", STREAMS, b'{"description": "a", "description": "b"}', "malformed_body"),
        ("POST", STREAMS, b"[" * 100, "malformed_body"),
        (
            "PATCH",
            STREAMS,
            b'{"stream_id": "%s", "iss": "https://evil.example"}',
            "not_yours_to_say",
        ),
        (
            "PATCH",
            STREAMS,
            (
                b'{"stream_id": "%s", "delivery":'
                b' {"method": "urn:ietf:rfc:8936", "endpoint_url": "https://evil.example"}}'
            ),
            "not_yours_to_say",
        ),
        ("PUT", STREAMS, b'{"stream_id": "%s", "aud": "shop-sets"}', "not_yours_to_say"),
        ("PATCH", STREAMS, b'{"events_requested": []}', "invalid_body"),
        ("POST", STATUS, b'{"stream_id": "%s", "status": "gone"}', "invalid_body"),
        ("POST", VERIFY, b'{"stream_id": "%s", "state": 1}', "invalid_body"),
        ("POST", "/ssf/poll/%s", b'{"maxEvents": -1}', "invalid_body"),
        ("POST", "/ssf/poll/%s", b'{"maxEvents": "1"}', "invalid_body"),
        ("POST", "/ssf/poll/%s", b'{"ack": "all"}', "invalid_body"),
        ("POST", "/ssf/poll/%s", b'{"setErrs": {"a": {}}}', "invalid_body"),
    ],
)
def test_what_is_no_such_request_is_refused(
    crm: SsfReceiver, method: str, path: str, body: bytes, code: str
) -> None:
    id_ = crm.create()["stream_id"]
    answer = crm.ask(
        method,
        path.replace("%s", id_),
        content=body.replace(b"%s", id_.encode()),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["status"] == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_there_are_only_so_many_and_nothing_is_too_large(crm: SsfReceiver) -> None:
    for _ in range(4):
        crm.create()
    more = crm.ask("POST", STREAMS, json={})
    assert (more.status_code, more.json()["code"]) == (409, "too_many_streams")
    large = crm.ask("POST", STREAMS, json={"description": "a" * 70_000})
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
