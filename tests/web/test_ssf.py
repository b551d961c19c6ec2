"""Shared Signals over HTTP: streams and their tokens, fetched (RFC 8936) and sent (RFC 8935)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from tests.flows.readers import NEWS
from tests.web.hub import Hub
from tests.web.ssf_receiver import (
    ACCOUNT_PURGED,
    CONSENT_CHANGED,
    POLL,
    PUSH,
    STATUS,
    STREAM_UPDATED,
    STREAMS,
    TOKEN_CLAIMS_CHANGE,
    VERIFICATION,
    VERIFY,
    SsfReceiver,
    erase,
    pump,
    read_set,
    register,
    sending,
)

_REGISTERED = "news-ssf"


@pytest.fixture(scope="module")
def registered(hub: Hub) -> SsfReceiver:
    register(hub, **{_REGISTERED: NEWS})
    pump(hub)
    return SsfReceiver(hub=hub, client=_REGISTERED)


@pytest.fixture
def crm(registered: SsfReceiver) -> Iterator[SsfReceiver]:
    """A receiver without a stream yet."""
    registered.begin_anew()
    yield registered
    registered.begin_anew()


def types(told: list[dict[str, Any]]) -> list[str]:
    return [type_ for each in told for type_ in each["events"]]


def test_the_metadata_names_what_is_there_and_nothing_else(hub: Hub, crm: SsfReceiver) -> None:
    metadata = hub.http.get("/.well-known/ssf-configuration").json()
    issuer = metadata["issuer"]
    assert metadata == {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks.json",
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": f"{issuer}{STREAMS}",
        "status_endpoint": f"{issuer}{STATUS}",
        "verification_endpoint": f"{issuer}{VERIFY}",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }
    stream = crm.create(description="for the CRM")
    assert stream == {
        "stream_id": stream["stream_id"],
        "iss": issuer,
        "aud": _REGISTERED,
        "events_supported": [CONSENT_CHANGED, TOKEN_CLAIMS_CHANGE, ACCOUNT_PURGED],
        "events_requested": [CONSENT_CHANGED, TOKEN_CLAIMS_CHANGE, ACCOUNT_PURGED],
        "events_delivered": [CONSENT_CHANGED, ACCOUNT_PURGED],
        "delivery": {
            "method": POLL,
            "endpoint_url": f"{issuer}/ssf/poll/{stream['stream_id']}",
        },
        "min_verification_interval": 10,
        "description": "for the CRM",
    }


def test_a_stream_is_read_changed_replaced_and_removed(crm: SsfReceiver) -> None:
    assert crm.ask("GET", STREAMS).json() == []
    first, second = crm.create(), crm.create(events_requested=["urn:other", TOKEN_CLAIMS_CHANGE])
    assert second["events_delivered"] == [TOKEN_CLAIMS_CHANGE]
    assert crm.ask("GET", STREAMS).json() == [first, second]
    named = {"stream_id": first["stream_id"]}
    pushed = {
        "method": PUSH,
        "endpoint_url": "https://crm.example/set",
        "authorization_header": "Bearer of news",
    }
    changed = crm.ask("PATCH", STREAMS, json={**named, "delivery": pushed, "iss": first["iss"]})
    assert changed.json() == {**first, "delivery": pushed}
    assert crm.ask("GET", STREAMS, params=named).json() == changed.json()
    # What was read may be sent back; it is changed as a whole, and what is left out is gone.
    again = {**changed.json(), "events_requested": [ACCOUNT_PURGED], "aud": [first["aud"]]}
    replaced = crm.ask("PUT", STREAMS, json=again).json()
    assert replaced["delivery"] == pushed
    assert replaced["events_delivered"] == [ACCOUNT_PURGED]
    assert crm.ask("PUT", STREAMS, json=named).json() == first
    gone = crm.ask("DELETE", STREAMS, params=named)
    assert (gone.status_code, gone.content) == (204, b"")
    assert crm.ask("DELETE", STREAMS, params=named).status_code == 404
    assert crm.ask("GET", STREAMS).json() == [second]


def test_a_change_is_told_until_it_is_acknowledged_one_at_a_time_of_a_person(
    hub: Hub, crm: SsfReceiver
) -> None:
    stream = crm.create()
    person = hub.sign_in()
    hub.decide(person)
    hub.decide(person, choices=[{"purpose": "ads", "outcome": "refused"}])
    pump(hub)
    first = crm.poll(stream)
    assert first["moreAvailable"] is True
    ((jti, token),) = first["sets"].items()
    claims = crm.read(token)
    assert claims["jti"] == jti
    assert claims["sub_id"]["format"] == "iss_sub"
    assert claims["sub_id"]["iss"] == stream["iss"]
    assert claims["events"][CONSENT_CHANGED]["cause"] == "met"
    assert list(crm.poll(stream)["sets"]) == [jti]
    assert crm.poll(stream, maxEvents=0, ack=["unknown"])["sets"] == {}
    second = crm.poll(stream, ack=[jti])
    ((_, token),) = second["sets"].items()
    told = crm.read(token)["events"][CONSENT_CHANGED]
    assert told["effective"][0]["after"]["granted"][0] == "ads"
    rest = crm.drain(stream)
    assert rest[-1]["sub_id"] == claims["sub_id"]
    assert rest[-1]["events"][CONSENT_CHANGED]["effective"][0]["after"]["refused"][0] == "ads"
    assert len({each["jti"] for each in [claims, *rest]}) == 3
    # What is in the feed under one id is here under it, too.
    ids = [
        each["id"]
        for each in hub.http.get(
            "/v1/events", headers=hub.client_token(crm.client), params={"limit": 1000}
        ).json()["events"]
    ]
    assert jti.partition(".")[0] in ids


def test_the_same_change_is_told_as_the_claims_of_a_token(hub: Hub, crm: SsfReceiver) -> None:
    stream = crm.create(events_requested=[TOKEN_CLAIMS_CHANGE])
    token = hub.decide()["consent_token"]
    pump(hub)
    (claims,) = crm.drain(stream)[-1:]
    issued = jwt.decode(token, options={"verify_signature": False})
    event = claims["events"][TOKEN_CLAIMS_CHANGE]
    assert claims["sub_id"]["sub"] == issued["sub"]
    assert event["claims"] == {"consent": issued["consent"]}
    assert event["initiating_entity"] == "user"
    assert claims["iat"] - event["event_timestamp"] in range(600)


def test_whoever_waits_is_answered_when_something_comes(hub: Hub, crm: SsfReceiver) -> None:
    stream = crm.create()
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(crm.poll, stream, returnImmediately=False)
        hub.decide()
        pump(hub)
        assert waiting.result()["sets"]


def test_what_a_receiver_cannot_take_is_a_dead_letter(hub: Hub, crm: SsfReceiver) -> None:
    stream = crm.create()
    hub.decide()
    pump(hub)
    ((jti, _),) = crm.poll(stream)["sets"].items()
    refused = {jti: {"err": "invalid_key", "description": "not mine"}}
    assert jti not in crm.poll(stream, setErrs=refused)["sets"]
    states = hub.rows("SELECT state, outcome FROM webhook_deliveries WHERE outcome IS NOT NULL")
    assert ("dead", "invalid_key") in states


def test_a_stream_tells_that_it_works_and_only_so_often(crm: SsfReceiver) -> None:
    stream = crm.create()
    asked = {"stream_id": stream["stream_id"], "state": "VGhpcyBpcw=="}
    assert crm.ask("POST", VERIFY, json=asked).status_code == 204
    (claims,) = crm.drain(stream)
    assert claims["sub_id"] == {"format": "opaque", "id": stream["stream_id"]}
    assert claims["events"] == {VERIFICATION: {"state": "VGhpcyBpcw=="}}
    again = crm.ask("POST", VERIFY, json=asked)
    assert (again.status_code, again.headers["retry-after"]) == (429, "10")


def test_a_pause_keeps_what_happens_and_a_disabled_stream_does_not(
    hub: Hub, crm: SsfReceiver
) -> None:
    stream = crm.create(events_requested=[CONSENT_CHANGED])
    named = {"stream_id": stream["stream_id"]}

    def become(status: str, **more: str) -> None:
        answer = crm.ask("POST", STATUS, json={**named, "status": status, **more})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {**named, "status": status, **more}
        assert crm.ask("GET", STATUS, params=named).json() == answer.json()

    become("paused", reason="we move")
    hub.decide()
    pump(hub)
    assert crm.poll(stream) == {"sets": {}, "moreAvailable": False}
    assert crm.ask("POST", VERIFY, json=named).status_code == 409
    become("enabled")
    assert types(crm.drain(stream)) == [CONSENT_CHANGED, CONSENT_CHANGED]
    hub.decide()
    pump(hub)
    assert crm.poll(stream)["sets"]
    become("disabled")
    hub.decide()
    pump(hub)
    become("enabled")
    assert crm.drain(stream) == []


def test_tokens_are_sent_in_order_with_what_the_receiver_wants_to_find(
    hub: Hub, crm: SsfReceiver
) -> None:
    with sending(hub) as sender:
        stream = crm.create(
            delivery={
                "method": PUSH,
                "endpoint_url": f"{sender.endpoints.url}/ok",
                "authorization_header": "Bearer of news",
            }
        )
        hub.decide()
        pump(hub)
        told = [read_set(hub, each, audience=_REGISTERED) for each in sender.until(2)]
        causes = [each["events"][CONSENT_CHANGED]["cause"] for each in told]
        assert causes == ["met", "decision"]
        headers = sender.endpoints.calls[0].headers
        assert headers["content-type"] == "application/secevent+jwt"
        assert headers["authorization"] == "Bearer of news"
        assert not {"webhook-id", "webhook-signature"} & headers.keys()
        answer = crm.ask("POST", f"/ssf/poll/{stream['stream_id']}", json={})
        assert (answer.status_code, answer.json()["code"]) == (409, "stream_is_pushed")
        # Another address: nothing goes to the old one, and the old credential nowhere.
        there = {"method": PUSH, "endpoint_url": f"{sender.endpoints.url}/there"}
        named = {"stream_id": stream["stream_id"]}
        assert crm.ask("PATCH", STREAMS, json={**named, "delivery": there}).status_code == 200
        assert crm.ask("POST", VERIFY, json=named).status_code == 204
        (token,) = sender.until(1, "there")
        assert types([read_set(hub, token, audience=_REGISTERED)]) == [VERIFICATION]
        assert "authorization" not in sender.endpoints.calls[-1].headers


def test_a_way_that_changes_while_something_is_sent_holds_up_nothing(
    hub: Hub, crm: SsfReceiver
) -> None:
    with sending(hub) as sender:
        hanging = {"method": PUSH, "endpoint_url": f"{sender.endpoints.url}/hang"}
        failing = {"method": PUSH, "endpoint_url": f"{sender.endpoints.url}/fail"}
        stream = crm.create(delivery=hanging)
        named = {"stream_id": stream["stream_id"]}
        assert crm.ask("POST", VERIFY, json=named).status_code == 204
        sender.until_called(1, "hang")
        # There and back while an attempt is under way: whatever comes goes there again.
        for delivery in (failing, hanging):
            changed = crm.ask("PATCH", STREAMS, json={**named, "delivery": delivery})
            assert changed.status_code == 200, changed.text
            hub.asking.call(sender.dispatcher.round)
        hub.decide()
        pump(hub)
        sender.until_called(2, "hang")
    with sending(hub) as sender:
        failing = {"method": PUSH, "endpoint_url": f"{sender.endpoints.url}/fail"}
        assert crm.ask("PATCH", STREAMS, json={**named, "delivery": failing}).status_code == 200
        sender.until_tried()
        # What failed there waits for its next attempt, and not where it is fetched.
        polled = crm.ask("PATCH", STREAMS, json={**named, "delivery": {"method": POLL}})
        assert polled.json()["delivery"]["method"] == POLL
        assert VERIFICATION in types(crm.drain(stream))


def test_a_stream_that_an_operator_stops_is_told_so_and_loses_nothing(
    hub: Hub, crm: SsfReceiver
) -> None:
    with sending(hub) as sender:
        url = f"{sender.endpoints.url}/ok"
        stream = crm.create(delivery={"method": PUSH, "endpoint_url": url})
        ((number,),) = hub.rows("SELECT max(endpoint_no) FROM ssf_streams")
        sender.operate("disable", number)
        hub.decide()
        pump(hub)
        (token,) = sender.until(1)
        (event,) = read_set(hub, token, audience=_REGISTERED)["events"].items()
        assert event == (STREAM_UPDATED, {"status": "paused", "reason": "operator"})
        named = {"stream_id": stream["stream_id"]}
        told = crm.ask("GET", STATUS, params=named).json()
        assert told == {**named, "status": "paused", "reason": "An operator stopped it."}
        refused = crm.ask("POST", STATUS, json={**named, "status": "enabled"})
        assert (refused.status_code, refused.json()["code"]) == (403, "stopped_by_operator")
        sender.operate("enable", number)
        tokens = [read_set(hub, each, audience=_REGISTERED) for each in sender.until(4)[1:]]
        assert sorted(types(tokens)) == sorted([STREAM_UPDATED, CONSENT_CHANGED, CONSENT_CHANGED])


def test_whoever_is_erased_is_told_of_once_and_nothing_else_of_them(
    hub: Hub, crm: SsfReceiver
) -> None:
    stream = crm.create()
    person = hub.sign_in()
    hub.decide(person)
    pump(hub)
    ((_, token),) = crm.poll(stream)["sets"].items()
    sub_id = crm.read(token)["sub_id"]
    (subject,) = hub.rows("SELECT id FROM subjects ORDER BY created_at DESC LIMIT 1")[0]
    erase(hub, subject)
    pump(hub)
    told = crm.drain(stream)
    assert [(each["sub_id"], each["events"]) for each in told] == [(sub_id, {ACCOUNT_PURGED: {}})]
