"""``/introspect``: what a token stands for, told to its own client alone, plain or signed."""

import time
from typing import Any

import httpx2
import jwt
import pytest
from tests.web.hub import CONSENT_TOKEN, DEVICE_CREDENTIAL, Hub, fresh_key

JWT_TYPE = "application/token-introspection+jwt"
INACTIVE = {"active": False}


def ask(hub: Hub, token: str, client: str = "news-web", **headers: str) -> httpx2.Response:
    answer = hub.http.post(
        "/introspect", data={"token": token}, auth=hub.basic(client), headers=headers
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer


def told(hub: Hub, token: str, client: str = "news-web") -> dict[str, Any]:
    answer = ask(hub, token, client)
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def consent_token(hub: Hub, credential: str) -> str:
    answer = hub.exchange(credential, DEVICE_CREDENTIAL, requested_token_type=CONSENT_TOKEN)
    return answer.json()["access_token"]


def test_an_access_token_is_active_for_its_own_client_alone(hub: Hub) -> None:
    token = hub.exchange(hub.device(), DEVICE_CREDENTIAL).json()["access_token"]
    found = told(hub, token)
    assert found["active"] is True
    assert found["client_id"] == "news-web"
    assert found["token_type"] == "Bearer"
    assert len(found["sub"]) == 22
    assert set(found["scope"].split()) == {"verify", "decisions:write", "decisions:read"}
    assert 0 < found["exp"] - time.time() <= 600
    assert told(hub, token, "shop-web") == INACTIVE


def test_a_clients_own_token_names_no_subject(hub: Hub) -> None:
    token = hub.token({"grant_type": "client_credentials"}).json()["access_token"]
    found = told(hub, token)
    assert found["active"] is True
    assert "sub" not in found


def test_a_consent_token_is_active_for_the_party_it_is_meant_for(hub: Hub) -> None:
    credential = hub.device()
    token = consent_token(hub, credential)
    found = told(hub, token)
    assert found["active"] is True
    assert found["aud"] == "https://news.halcyon.example"
    assert found["token_type"] == "N_A"
    assert found["consent"].keys() >= {"cat", "rev", "g", "d"}
    access = hub.exchange(credential, DEVICE_CREDENTIAL).json()["access_token"]
    assert told(hub, access)["sub"] == found["sub"]
    assert told(hub, token, "shop-web") == INACTIVE
    assert told(hub, token, "reach-api") == INACTIVE


def test_a_consent_token_that_was_narrowed_is_inactive(hub: Hub) -> None:
    credential = hub.device()
    subject = {
        "Authorization": "Bearer "
        + hub.exchange(credential, DEVICE_CREDENTIAL).json()["access_token"]
    }
    hub.decide(subject)
    token = consent_token(hub, credential)
    assert told(hub, token)["active"] is True
    withdrawn = hub.http.post(
        "/v1/withdrawals",
        json={"reach": "group", "all": True},
        headers={**subject, **fresh_key()},
    )
    assert withdrawn.status_code == 201, withdrawn.text
    assert told(hub, token) == INACTIVE


@pytest.mark.parametrize("token", ["x", "a.b.c", "." * 100, "x" * 10_000, "é" * 40])
def test_what_is_no_token_of_ours_is_inactive(hub: Hub, token: str) -> None:
    assert told(hub, token) == INACTIVE


def test_a_revoked_token_is_inactive(hub: Hub) -> None:
    token = hub.token({"grant_type": "client_credentials"}).json()["access_token"]
    hub.http.post("/revoke", data={"token": token}, auth=hub.basic("news-web"))
    assert told(hub, token) == INACTIVE


def test_a_public_client_may_not_ask(hub: Hub) -> None:
    answer = hub.http.post("/introspect", data={"token": "x", "client_id": "play-tv"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_missing_token_is_an_invalid_request(hub: Hub) -> None:
    answer = hub.http.post("/introspect", data={}, auth=hub.basic("news-web"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("active", [True, False])
def test_a_signed_answer_is_for_the_asking_client_alone(hub: Hub, active: bool) -> None:
    token = hub.token({"grant_type": "client_credentials"}).json()["access_token"]
    answer = ask(hub, token if active else "unknown", Accept=JWT_TYPE)
    assert answer.headers["content-type"] == JWT_TYPE
    assert answer.headers["vary"] == "Accept"
    header = jwt.get_unverified_header(answer.text)
    assert (header["alg"], header["typ"]) == ("RS256", "token-introspection+jwt")
    keys = jwt.PyJWKSet.from_dict(hub.http.get("/jwks.json").json())
    issuer = hub.http.get("/.well-known/openid-configuration").json()["issuer"]
    claims = jwt.decode(
        answer.text,
        keys[header["kid"]].key,
        algorithms=["RS256"],
        audience="news-web",
        issuer=issuer,
    )
    assert claims.keys() == {"iss", "aud", "iat", "token_introspection"}
    assert claims["token_introspection"]["active"] is active
    assert (claims["token_introspection"] == INACTIVE) is not active


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json", ""])
def test_whoever_does_not_name_the_signed_form_gets_json(hub: Hub, accept: str) -> None:
    assert ask(hub, "x", Accept=accept).json() == INACTIVE
