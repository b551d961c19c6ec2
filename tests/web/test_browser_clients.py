"""The public client of each brand's pages: PKCE, rotation, and nothing but its own origin."""

import base64
import hashlib
import html
import re
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import jwt
import pytest
from tests.web.hub import Hub, forget

BRANDS = {
    "news": "https://news.halcyon.example",
    "shop": "https://market.halcyon.example",
    "play": "https://play.halcyon.example",
}


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    """So that many refusals of one address do not end in 429."""
    forget(valkey_url, "limit:*")


def origin_of(brand: str) -> str:
    return f"http://{brand}.localhost:7600"


def return_of(brand: str) -> str:
    return f"{origin_of(brand)}/consent/return"


def obtain_code(hub: Hub, brand: str, act: str = "accept") -> dict[str, str]:
    """A person comes from the brand's page and answers at the hub: what the page redeems."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": f"{brand}-spa",
        "redirect_uri": return_of(brand),
        "response_type": "code",
        "scope": "openid offline_access",
        "state": "s",
        "nonce": "n",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    with httpx2.Client(base_url=hub.url, timeout=120) as browser:
        page = urlsplit(browser.get(f"/authorize?{urlencode(query)}").headers["location"]).path
        found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', browser.get(page).text)
        issuer = hub.http.get("/.well-known/openid-configuration").json()["issuer"]
        answer = browser.post(
            page,
            data={name: html.unescape(value) for name, value in found} | {"act": act},
            headers={"Origin": issuer},
        )
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(return_of(brand))
    told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    return {
        "grant_type": "authorization_code",
        "client_id": f"{brand}-spa",
        "redirect_uri": return_of(brand),
        "code": told["code"],
        "code_verifier": verifier,
    }


def post(hub: Hub, brand: str, form: dict[str, str]) -> httpx2.Response:
    """As a page of the brand posts it."""
    return hub.http.post("/token", data=form, headers={"Origin": origin_of(brand)})


def said(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.mark.parametrize("brand", BRANDS)
def test_a_pages_script_gets_its_brands_token_and_renews_it(hub: Hub, brand: str) -> None:
    answer = post(hub, brand, obtain_code(hub, brand))
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == origin_of(brand)
    first = answer.json()
    assert said(first["consent_token"])["aud"] == BRANDS[brand]
    assert said(first["consent_token"])["consent"]["g"]
    renewed = post(
        hub,
        brand,
        {
            "grant_type": "refresh_token",
            "client_id": f"{brand}-spa",
            "refresh_token": first["refresh_token"],
        },
    )
    assert renewed.status_code == 200, renewed.text
    assert renewed.headers["access-control-allow-origin"] == origin_of(brand)
    second = renewed.json()
    assert second["refresh_token"] != first["refresh_token"]
    assert said(second["consent_token"])["sub"] == said(first["consent_token"])["sub"]


def test_a_refresh_token_that_comes_twice_ends_its_family(hub: Hub) -> None:
    first = post(hub, "shop", obtain_code(hub, "shop")).json()
    form = {"grant_type": "refresh_token", "client_id": "shop-spa"}
    second = post(hub, "shop", {**form, "refresh_token": first["refresh_token"]}).json()
    for token in (first, second):
        again = post(hub, "shop", {**form, "refresh_token": token["refresh_token"]})
        assert again.json()["error"] == "invalid_grant"


def test_a_page_may_ask_before_it_calls(hub: Hub) -> None:
    for brand in BRANDS:
        preflight = hub.http.options(
            "/token",
            headers={
                "Origin": origin_of(brand),
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == origin_of(brand)
        assert "access-control-allow-credentials" not in preflight.headers
