"""``/v1/devices`` from a page whose script has no access token yet, and what the device opens."""

import secrets
from typing import Any

import httpx2
import jwt
import pytest
from tests.web.hub import (
    ACCESS_TOKEN,
    DEVICE_CREDENTIAL,
    EXCHANGE,
    NEWS_ORIGIN,
    Hub,
    Person,
    bearer,
    forget,
    fresh_key,
)

SHOP_ORIGIN = "http://shop.localhost:7600"
REACH_ORIGIN = "http://reach.localhost:7600"


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    """So that many devices of one network do not end in 429."""
    forget(valkey_url, "limit:*")


def make(
    hub: Hub,
    client_id: str | None = "news-spa",
    origin: str | None = NEWS_ORIGIN,
    key: str | None = None,
    **body: str,
) -> httpx2.Response:
    headers = {"Idempotency-Key": secrets.token_urlsafe(16) if key is None else key}
    if origin is not None:
        headers["Origin"] = origin
    if client_id is not None:
        body["client_id"] = client_id
    return hub.http.post("/v1/devices", json=body, headers=headers)


def exchange(
    hub: Hub, credential: str, client_id: str = "news-spa", origin: str | None = NEWS_ORIGIN
) -> httpx2.Response:
    form = {
        "grant_type": EXCHANGE,
        "client_id": client_id,
        "subject_token": credential,
        "subject_token_type": DEVICE_CREDENTIAL,
    }
    return hub.http.post("/token", data=form, headers={} if origin is None else {"Origin": origin})


def enter(hub: Hub) -> dict[str, Any]:
    answer = exchange(hub, make(hub).json()["credential"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_page_makes_a_device_with_no_more_than_its_client_id(hub: Hub) -> None:
    answer = make(hub)
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["credential"]) == 43
    assert answer.headers["access-control-allow-origin"] == NEWS_ORIGIN
    ((origin, client_id),) = hub.rows(
        "SELECT origin, client_id FROM devices ORDER BY created_at DESC LIMIT 1"
    )
    assert (origin, client_id) == (NEWS_ORIGIN, "news-spa")


def test_the_device_opens_an_access_token_and_a_consent_token_in_its_page(hub: Hub) -> None:
    told = enter(hub)
    assert told["issued_token_type"] == ACCESS_TOKEN
    assert told["scope"] == "decisions:read decisions:write"
    claims = jwt.decode(told["consent_token"], options={"verify_signature": False})
    assert claims["aud"] == "https://news.halcyon.example"
    assert claims["client_id"] == "news-spa"
    # What rests on legitimate interest needs no yes; nothing else is granted.
    assert claims["consent"]["g"] == ["audience"]


def test_the_person_answers_in_the_page_for_the_brand(hub: Hub) -> None:
    subject = {**bearer(enter(hub)["access_token"]), "Origin": NEWS_ORIGIN}
    shown = hub.catalogue()
    seen = hub.http.post(
        "/v1/served", json={"served": shown["served"], "event": "shown"}, headers=subject
    )
    assert seen.status_code == 204
    body = hub.decision("news", served=shown["served"], notice=shown["notice"])
    answer = hub.http.post("/v1/decisions", json=body, headers={**subject, **fresh_key()})
    assert answer.status_code == 201, answer.text
    claims = jwt.decode(answer.json()["consent_token"], options={"verify_signature": False})
    assert "ads" in claims["consent"]["g"]
    wide = hub.http.post(
        "/v1/decisions",
        json=hub.decision("news", reach="group"),
        headers={**subject, **fresh_key()},
    )
    assert wide.status_code == 403


def test_a_hostile_page_makes_no_device_for_another_brand(hub: Hub) -> None:
    before = hub.counts()
    for origin in (
        SHOP_ORIGIN,
        REACH_ORIGIN,
        "https://evil.example",
        "null",
        "",
        NEWS_ORIGIN + "/",
    ):
        answer = make(hub, "news-spa", origin)
        assert answer.status_code == 403, origin
        assert answer.json()["code"] == "origin_not_yours"
    assert hub.counts() == before


def test_without_an_origin_an_access_token_is_needed(hub: Hub) -> None:
    answer = make(hub, origin=None)
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_missing"


def test_a_page_has_to_say_whose_it_is(hub: Hub) -> None:
    answer = make(hub, None)
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_missing"


@pytest.mark.parametrize("client_id", ["news-web", "news-app", "reach-api", "nobody", "news-spa "])
def test_only_a_pages_own_client_may(hub: Hub, client_id: str) -> None:
    before = hub.counts()
    answer = make(hub, client_id)
    assert answer.status_code in {403, 422}
    assert answer.json()["code"] in {"client_not_public", "invalid_body"}
    assert hub.counts() == before


def test_the_body_names_no_other_origin_and_no_subject(hub: Hub) -> None:
    assert make(hub, origin=NEWS_ORIGIN).status_code == 201
    answer = hub.http.post(
        "/v1/devices",
        json={"client_id": "news-spa", "origin": SHOP_ORIGIN},
        headers={"Origin": NEWS_ORIGIN, "Idempotency-Key": secrets.token_urlsafe(16)},
    )
    assert answer.json()["code"] == "origin_contradicted"
    for member in ("subject", "sub", "device", "credential"):
        answer = make(hub, **{member: "x"})
        assert answer.status_code == 422
        assert answer.json()["code"] == "invalid_body"


def test_who_has_a_token_says_no_client_id_beside_it(hub: Hub) -> None:
    answer = hub.http.post(
        "/v1/devices", json={"client_id": "news-spa"}, headers={**hub.client_token(), **fresh_key()}
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "client_id_needless"


def test_the_same_key_makes_one_device_and_a_guessable_one_makes_none(hub: Hub) -> None:
    key = secrets.token_urlsafe(16)
    first, again = make(hub, key=key), make(hub, key=key)
    assert first.json() == again.json()
    for short in ("1", "a" * 21):
        answer = make(hub, key=short)
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_guessable"


def test_one_network_makes_so_many_devices_and_no_more(hub: Hub) -> None:
    for _ in range(600):
        # Refused, and counted all the same.
        make(hub, "nobody")
    answer = make(hub)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("origin", [None, SHOP_ORIGIN, "https://evil.example", "null"])
def test_a_credential_is_worth_nothing_on_another_page(hub: Hub, origin: str | None) -> None:
    credential = make(hub).json()["credential"]
    answer = exchange(hub, credential, origin=origin)
    assert answer.status_code == 400
    assert answer.json()["error"] == "unauthorized_client"


def test_a_credential_is_worth_nothing_to_another_brands_page(hub: Hub) -> None:
    credential = make(hub).json()["credential"]
    answer = exchange(hub, credential, "shop-spa", SHOP_ORIGIN)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert "access_token" not in answer.json()


def test_a_page_s_credential_is_worth_nothing_to_another_brand_s_back_end(hub: Hub) -> None:
    """Whoever holds a brand's visitors does not become them elsewhere, nor learns who they are."""
    credential = make(hub).json()["credential"]
    answer = hub.exchange(credential, DEVICE_CREDENTIAL, "shop-web")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert hub.exchange(credential, DEVICE_CREDENTIAL, "news-web").status_code == 200


def test_nor_is_it_the_device_on_which_somebody_signs_in_at_another_brand(hub: Hub) -> None:
    credential = make(hub).json()["credential"]
    actor = {"actor_token": credential, "actor_token_type": DEVICE_CREDENTIAL}
    market = hub.id_token(Person(), audience="halcyon-market")
    answer = hub.exchange(market, client="shop-web", **actor)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert hub.exchange(hub.id_token(Person()), **actor).status_code == 200


def test_a_back_end_binds_the_devices_that_it_makes_by_naming_an_origin(hub: Hub) -> None:
    headers = hub.client_token()
    bound, free = (
        hub.http.post("/v1/devices", json=body, headers={**headers, **fresh_key()}).json()
        for body in ({"origin": NEWS_ORIGIN}, {})
    )
    for made, expected in ((bound, 400), (free, 200)):
        answer = hub.exchange(made["credential"], DEVICE_CREDENTIAL, "shop-web")
        assert answer.status_code == expected, answer.text
