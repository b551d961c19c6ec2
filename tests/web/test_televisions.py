"""A television's app, loaded from its brand's origin: it makes a device, answers, and verifies."""

import secrets
from typing import Any

import httpx2
import pytest
from tests.web.hub import DEVICE_CREDENTIAL, EXCHANGE, Hub, bearer, forget

ORIGIN = "http://play.localhost:7600"
TV = "play-tv"
MOST_BYTES = 300


@pytest.fixture(scope="module")
def answered(hub: Hub, valkey_url: str) -> dict[str, Any]:
    """Tokens of a television at which somebody said yes to everything, by remote control."""
    forget(valkey_url, "limit:*")
    page = {"Origin": ORIGIN}
    key = {"Idempotency-Key": secrets.token_urlsafe(16)}
    made = hub.http.post("/v1/devices", json={"client_id": TV}, headers={**page, **key})
    assert made.status_code == 201, made.text
    form = {
        "grant_type": EXCHANGE,
        "client_id": TV,
        "subject_token": made.json()["credential"],
        "subject_token_type": DEVICE_CREDENTIAL,
    }
    held = hub.http.post("/token", data=form, headers=page).json()
    shown = hub.http.get("/v1/catalogue?brand=play&language=fr").json()
    decision = {
        "served": shown["served"],
        "notice": shown["notice"],
        "reach": "brand",
        "choices": [
            {"purpose": each["id"], "outcome": "granted"}
            for each in shown["purposes"]
            if not each["adults_only"]
        ],
    }
    access = bearer(held["access_token"])
    told = hub.http.post("/v1/decisions", json=decision, headers={**page, **access, **key})
    assert told.status_code == 201, told.text
    return {"access": access, "token": told.json()["consent_token"], **held}


def verify(hub: Hub, answered: dict[str, Any], origin: str, **asked: object) -> httpx2.Response:
    return hub.http.post(
        "/v1/verify",
        json={"token": answered["token"], **asked},
        headers={**answered["access"], "Origin": origin},
    )


def test_its_own_access_token_verifies_its_token_from_its_own_page(
    hub: Hub, answered: dict[str, Any]
) -> None:
    assert "verify" in answered["scope"].split()
    told = verify(hub, answered, ORIGIN)
    assert told.status_code == 200, told.text
    assert told.headers["access-control-allow-origin"] == ORIGIN
    assert "Date" in told.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in told.headers
    assert {"tv", "tv.ads", "content"} <= set(told.json()["granted"])


def test_a_page_of_somebody_else_reads_nothing(hub: Hub, answered: dict[str, Any]) -> None:
    told = verify(hub, answered, "http://elsewhere.localhost:7600")
    assert "access-control-allow-origin" not in told.headers


@pytest.mark.parametrize("asked", [{}, {"purposes": ["tv", "tv.ads", "content", "ads"]}])
def test_a_brief_answer_is_short_and_names_nobody(
    hub: Hub, answered: dict[str, Any], asked: dict[str, Any]
) -> None:
    told = verify(hub, answered, ORIGIN, brief=True, **asked)
    assert len(told.content) < MOST_BYTES
    said = told.json()
    assert said["active"] is True
    assert set(said) == {"active", "granted", "exp", *(["decision"] if asked else [])}
    full = verify(hub, answered, ORIGIN, **asked).json()
    wanted = set(asked.get("purposes", full["granted"]))
    assert set(said["granted"]) == set(full["granted"]) & wanted
    assert (said["exp"], said.get("decision")) == (full["exp"], full.get("decision"))


def test_a_brief_no_says_no_more_than_no(hub: Hub, answered: dict[str, Any]) -> None:
    told = verify(hub, {**answered, "token": "a.b.c"}, ORIGIN, brief=True, purposes=["tv"])
    assert told.json() == {"active": False, "decision": "deny"}


def test_once_its_access_token_has_ended_nothing_is_said(
    hub: Hub, answered: dict[str, Any]
) -> None:
    ended = {**answered, "access": bearer("A" * 43)}
    assert verify(hub, ended, ORIGIN, brief=True).status_code == 401
