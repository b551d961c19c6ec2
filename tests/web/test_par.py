"""``/par``: judged as at /authorize, handed out once, to its own client, whatever else is said."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from tests.web.hub import Hub
from tests.web.signing import REDIRECT, SigningClient, register

NEWS = "http://news.localhost:7600/callback"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def signer(hub: Hub) -> SigningClient:
    return register(hub, "reach-pusher")


def request(**changed: str | None) -> dict[str, str]:
    whole: dict[str, str | None] = {
        "response_type": "code",
        "redirect_uri": NEWS,
        "scope": "openid",
        "state": "pushed",
        "nonce": "n",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


def push(hub: Hub, client: str = "news-web", **changed: str | None) -> httpx2.Response:
    return hub.http.post("/par", data=request(**changed), auth=hub.basic(client))


def pushed(hub: Hub, client: str = "news-web", **changed: str | None) -> str:
    answer = push(hub, client, **changed)
    assert answer.status_code == 201, answer.text
    return answer.json()["request_uri"]


def refused(answer: httpx2.Response) -> str:
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def details(*purposes: str, **changed: Any) -> str:
    return json.dumps([{"type": "consent_request", "purposes": purposes, **changed}])


def test_a_pushed_request_gets_a_reference_for_a_minute(hub: Hub) -> None:
    answer = push(hub)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["expires_in"] == 60
    assert re.fullmatch(r"urn:ietf:params:oauth:request_uri:[\w-]{43}", body["request_uri"])
    assert push(hub).json()["request_uri"] != body["request_uri"]


def authorize(hub: Hub, **query: str) -> httpx2.Response:
    with httpx2.Client(base_url=hub.url) as browser:
        return browser.get("/authorize", params=query)


def test_it_is_good_for_one_use(hub: Hub) -> None:
    uri = pushed(hub)
    assert authorize(hub, client_id="news-web", request_uri=uri).status_code == 303
    again = authorize(hub, client_id="news-web", request_uri=uri)
    assert again.status_code in {400, 422}
    assert "location" not in again.headers


def test_parameters_beside_it_count_for_nothing(hub: Hub) -> None:
    uri = pushed(hub, prompt="none")
    answer = authorize(
        hub,
        client_id="news-web",
        request_uri=uri,
        state="forged",
        redirect_uri="https://evil.example/",
        prompt="login",
    )
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith(f"{NEWS}?")
    told = dict(parse_qsl(urlsplit(location).query))
    assert told["error"] == "login_required"
    assert told["state"] == "pushed"


def test_it_is_bound_to_its_client_and_not_used_up_by_another(hub: Hub) -> None:
    uri = pushed(hub)
    foreign = authorize(hub, client_id="shop-web", request_uri=uri)
    assert foreign.status_code in {400, 422}
    assert "location" not in foreign.headers
    assert authorize(hub, client_id="news-web", request_uri=uri).status_code == 303


def test_after_its_minute_it_is_refused(hub: Hub) -> None:
    uri = pushed(hub)
    hub.rows("UPDATE pushed_requests SET expires_at = now() - interval '1 second'")
    assert authorize(hub, client_id="news-web", request_uri=uri).status_code in {400, 422}


def test_the_reference_is_stored_hashed_and_the_request_sealed(hub: Hub) -> None:
    uri = pushed(hub, state="a-very-private-state")
    stored = b"".join(
        bytes(row[0]) + bytes(row[1])
        for row in hub.rows("SELECT request_hash, sealed FROM pushed_requests")
    )
    assert uri.encode() not in stored
    assert b"a-very-private-state" not in stored


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uri": "http://news.localhost:7600/callback/../evil"}, "invalid_request"),
        ({"redirect_uri": "http://news.localhost:7600/callback?x=1"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"scope": "openid " + "x" * 50_000}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"resource": "https://market.halcyon.example"}, "invalid_target"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/r"}, "invalid_request"),
        ({"client_id": "shop-web"}, "invalid_request"),
        ({"state": "x" * 3_000}, "invalid_request"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"authorization_details": details("nowhere")}, "invalid_authorization_details"),
        ({"authorization_details": details("security")}, "invalid_authorization_details"),
        ({"authorization_details": details("location")}, "invalid_authorization_details"),
        (
            {"authorization_details": details("ads", locations=["https://reach-media.example"])},
            "invalid_authorization_details",
        ),
        ({"authorization_details": details("ads", catalogue=99)}, "invalid_authorization_details"),
        ({"authorization_details": details("ads", amount=1)}, "invalid_authorization_details"),
        (
            {"authorization_details": '[{"type":"payment_initiation"}]'},
            "invalid_authorization_details",
        ),
    ],
)
def test_what_authorize_would_refuse_is_refused_here(
    hub: Hub, changed: dict[str, str | None], error: str
) -> None:
    answer = hub.http.post("/par", data=request(**changed), auth=hub.basic("news-web"))
    assert refused(answer) == error


def test_a_thousand_authorization_details_are_refused(hub: Hub) -> None:
    many = json.dumps([{"type": "consent_request", "purposes": ["ads"]}] * 300)
    assert refused(push(hub, authorization_details=many)) == "invalid_authorization_details"
    thousand = json.dumps([{"type": "consent_request", "purposes": ["ads"]}] * 1_000)
    assert push(hub, authorization_details=thousand).status_code in {400, 413}


def test_purposes_are_refused_by_name(hub: Hub) -> None:
    answer = push(hub, "reach-forms", redirect_uri=REDIRECT, authorization_details=details("tv"))
    assert refused(answer) == "invalid_authorization_details"
    assert "tv" in answer.json()["error_description"]


def test_a_client_without_a_redirect_cannot_push(hub: Hub) -> None:
    assert refused(push(hub, "reach-api", redirect_uri=REDIRECT)) == "unauthorized_client"


def test_a_public_client_pushes_by_its_id(hub: Hub) -> None:
    answer = hub.http.post(
        "/par",
        data=request(client_id="news-spa", redirect_uri="http://news.localhost:7600/spa/callback"),
    )
    assert answer.status_code == 201, answer.text


def test_a_partner_signs_what_it_pushes(signer: SigningClient) -> None:
    answer = signer.post(
        "/par",
        **request(redirect_uri=REDIRECT, authorization_details=details("ads.partners")),
    )
    assert answer.status_code == 201, answer.text
    uri = answer.json()["request_uri"]
    answer = authorize(signer.hub, client_id=signer.client_id, request_uri=uri)
    assert answer.status_code == 303
    assert "/interaction/" in answer.headers["location"]


def test_a_partner_cannot_ask_without_pushing(hub: Hub) -> None:
    answer = authorize(hub, client_id="reach-forms", **request(redirect_uri=REDIRECT))
    told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert told["error"] == "invalid_request"


def test_authorization_details_cannot_come_by_the_browser(hub: Hub) -> None:
    answer = authorize(hub, client_id="news-web", **request(authorization_details=details("ads")))
    told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert told["error"] == "invalid_request"


def test_a_request_uri_elsewhere_is_never_fetched(hub: Hub) -> None:
    answer = authorize(
        hub, client_id="news-web", **request(request_uri="https://evil.example/request.jwt")
    )
    told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert told["error"] == "request_uri_not_supported"
