"""``/v1/captures``, over real HTTP."""

import json
import secrets
from typing import Any

import httpx2
import pytest
from tests.web.hub import Hub, Person, bearer, fresh_key

AUDIENCE = "https://news.halcyon.example"


def body(hub: Hub, brand: str = "news", /, **changed: object) -> dict[str, Any]:
    """A capture that is right unless ``changed`` says otherwise."""
    return {
        "notice": hub.catalogue(brand)["notice"],
        "choices": [
            {"purpose": "contact.phone", "outcome": "granted"},
            {"purpose": "content", "outcome": "granted"},
        ],
        "channel": "phone",
        "operator": "agent-7",
        "evidence": {"kind": "script", "version": "v3", "reference": secrets.token_hex(6)},
        **changed,
    }


def capture(hub: Hub, headers: dict[str, str] | None = None, **changed: object) -> httpx2.Response:
    headers = headers or hub.client_token("news-calls")
    return hub.http.post(
        "/v1/captures", json=body(hub, **changed), headers={**headers, **fresh_key()}
    )


def of(hub: Hub, person: Person, client: str = "news-calls") -> dict[str, str]:
    """A person whom the portal resolved, at a client."""
    audience = {"news-calls": "halcyon-news", "shop-till": "halcyon-market"}[client]
    answer = hub.exchange(hub.id_token(person, audience=audience), client=client)
    assert answer.status_code == 200, answer.text
    return bearer(answer.json()["access_token"])


def test_a_capture_waits_for_the_portal_and_the_portal_for_nobody(hub: Hub) -> None:
    person = Person()
    taken = capture(hub)
    assert (taken.status_code, taken.headers["cache-control"]) == (201, "no-store")
    made = taken.json()
    assert (made["state"], made["resolved"], made["asked"]) == ("pending", False, "brand/news")
    assert {each["effect"] for each in made["choices"]} == {"waits"}
    path = f"/v1/captures/{made['capture']}"
    own = hub.client_token("news-calls")
    assert hub.http.get(path, headers=own).json() == made
    assert hub.http.get("/v1/captures", headers=own).json()["captures"][0] == made

    resolved = hub.http.post(f"{path}/resolution", json={}, headers=of(hub, person))
    assert resolved.status_code == 200, resolved.text
    told = resolved.json()
    assert (told["state"], told["resolved"]) == ("pending", True)
    assert [each["effect"] for each in told["choices"]] == ["counts", "waits"]
    again = hub.http.post(f"{path}/resolution", json={}, headers=of(hub, person))
    assert again.json() == told
    other = hub.http.post(f"{path}/resolution", json={}, headers=of(hub, Person()))
    assert (other.status_code, other.json()["code"]) == (409, "capture_of_another")
    nobody = hub.http.post(f"{path}/resolution", json={}, headers=own)
    assert (nobody.status_code, nobody.json()["code"]) == (403, "subject_needed")

    token = hub.decide(hub.sign_in(person))["consent_token"]
    verdict = hub.http.post("/v1/verify", json={"token": token}, headers=hub.client_token())
    assert verdict.json()["assisted"] == ["contact.phone"]
    assert "contact.phone" in verdict.json()["granted"]
    assert "agent-7" not in hub.log.read_text()
    assert person.sub not in hub.log.read_text()


def test_the_same_capture_sent_twice_is_one_and_its_evidence_good_for_one(hub: Hub) -> None:
    person = of(hub, Person())
    said = body(hub, evidence={"kind": "recording", "version": "v3", "reference": "call-1"})
    key = fresh_key()
    answers = [
        hub.http.post("/v1/captures", json=said, headers={**person, **each})
        for each in (key, key, fresh_key())
    ]
    assert [each.status_code for each in answers] == [201, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    more = hub.http.post(
        "/v1/captures", json={**said, "operator": "agent-8"}, headers={**person, **fresh_key()}
    )
    assert (more.status_code, more.json()["code"]) == (409, "evidence_used")
    other = hub.http.post(
        "/v1/captures", json=body(hub, choices=said["choices"][:1]), headers={**person, **key}
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_partner_sees_nothing_that_is_not_its_own_and_no_scope_is_not_enough(hub: Hub) -> None:
    made = capture(hub).json()["capture"]
    partner = hub.client_token("reach-calls")
    for path in (f"/v1/captures/{made}", "/v1/captures/x", f"/v1/captures/{made[:-1]}"):
        answer = hub.http.get(path, headers=partner)
        assert (answer.status_code, answer.json()["code"]) == (404, "capture_unknown")
    assert hub.http.get("/v1/captures", headers=partner).json() == {"captures": [], "next": None}
    without = hub.http.get("/v1/captures", headers=hub.client_token())
    assert (without.status_code, without.json()["code"]) == (403, "insufficient_scope")
    assert capture(hub, partner).json()["code"] == "party_not_yours"
    asked = capture(
        hub,
        partner,
        asked="brand/news",
        choices=[{"purpose": "ads.partners", "outcome": "granted"}],
    )
    assert (asked.status_code, asked.json()["resolved"]) == (201, False)
    wide = capture(hub, partner, asked="brand/news")
    assert (wide.status_code, wide.json()["code"]) == (403, "purpose_not_yours")


def test_a_device_is_nobody_whom_the_portal_resolved(hub: Hub) -> None:
    kind = "urn:consentid:params:oauth:token-type:device_credential"
    token = hub.exchange(hub.device(), kind, "news-calls").json()["access_token"]
    answer = capture(hub, bearer(token))
    assert (answer.status_code, answer.json()["code"]) == (403, "person_needed")


@pytest.mark.parametrize(
    ("changed", "status", "where"),
    [
        ({"subject": "mila"}, 422, "subject"),
        ({"operator": "mila@example.com"}, 422, "operator"),
        ({"operator": "x" * 65}, 422, "operator"),
        ({"channel": "tv"}, 422, "channel"),
        ({"asked": "brand/nowhere"}, 403, "asked"),
        ({"asked": "news"}, 422, "asked"),
        ({"choices": []}, 422, "choices"),
        ({"choices": [{"purpose": "*", "outcome": "granted"}]}, 422, "choices[0].purpose"),
        ({"choices": [{"purpose": "no.such", "outcome": "granted"}]}, 422, "choices[0].purpose"),
        ({"evidence": {"kind": "rumour", "version": "1"}}, 422, "evidence.kind"),
        ({"evidence": {"kind": "script", "version": "1", "digest": "00"}}, 422, "evidence.digest"),
        ({"evidence": {"kind": "paper", "version": "1"}}, 422, "captured_at"),
        ({"captured_at": "yesterday"}, 422, "captured_at"),
        ({"captured_at": "2026-01-01T00:00:00"}, 422, "captured_at"),
        ({"captured_at": "9999-12-31T23:59:59Z"}, 422, "captured_at"),
        ({"captured_at": "0001-01-01T00:00:00Z"}, 422, "captured_at"),
    ],
    ids=lambda each: json.dumps(each) if isinstance(each, dict) else None,
)
def test_what_cannot_be_right_is_refused_by_name_and_place(
    hub: Hub, changed: dict[str, Any], status: int, where: str
) -> None:
    answer = capture(hub, **changed)
    assert (answer.status_code, answer.json().get("where")) == (status, where), answer.text


def test_a_text_that_is_not_ours_cannot_have_been_read_out(hub: Hub) -> None:
    notice = {**hub.catalogue()["notice"], "digest": "0" * 64}
    answer = capture(hub, notice=notice)
    assert (answer.status_code, answer.json()["code"]) == (409, "notice_not_current")
    other = capture(hub, notice=hub.catalogue("shop")["notice"])
    assert (other.status_code, other.json()["code"]) == (403, "party_not_yours")
