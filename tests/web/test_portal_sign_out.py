"""Signing out: told by the portal behind everybody's back, or asked for by a client."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.web.browsing import Browser
from tests.web.portal_town import EVENT, VERIFIER, Town, built_town

from consentid.demo import halcyon

SESSION = "consentid-session"
DEVICE = "consentid-device"
_PATIENCE_S = 120


@pytest.fixture(scope="module")
def town(server_folder: Path) -> Iterator[Town]:
    with built_town(server_folder) as built:
        yield built


def sub_of(town: Town, login: str = "mila") -> str:
    customer = town.opened_portal()[0].find_customer(login)
    assert customer is not None
    return customer.sub


def test_signing_out_at_the_portal_ends_the_hub_s_session_and_no_consent(town: Town) -> None:
    browser = town.browser()
    first = town.sign_in_for_a_client(browser, "salma")
    browser.go(f"{town.portal}/")
    browser.submit()
    assert "You are signed out" in browser.answer.text
    give_up_at = time.monotonic() + _PATIENCE_S
    while town.is_signed_in(browser):
        assert time.monotonic() < give_up_at
    again = town.sign_in_for_a_client(browser, "salma")
    before, after = (
        jwt.decode(each["consent_token"], options={"verify_signature": False})
        for each in (first, again)
    )
    assert after["consent"]["d"] == before["consent"]["d"]
    assert after["sub"] == before["sub"]


def test_a_logout_token_ends_all_sessions_of_a_person_and_nobody_else_s(town: Town) -> None:
    here, there, other = town.browser(), town.browser(), town.browser()
    town.sign_in(here)
    town.sign_in(there)
    town.sign_in(other, "noah")
    answer = town.tell_hub(town.logout_token(sub_of(town)))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert not town.is_signed_in(here)
    assert not town.is_signed_in(there)
    assert town.is_signed_in(other)


def test_a_logout_token_that_names_a_session_ends_that_one(town: Town) -> None:
    browser = town.browser()
    town.sign_in(browser)
    assert town.tell_hub(town.logout_token(sub_of(town), sid="another")).status_code == 200
    assert town.is_signed_in(browser)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "halcyon-news"},
        {"aud": ["consentid", "halcyon-news"]},
        {"iss": "http://evil.example"},
        {"iat": 1},
        {"iat": 4_000_000_000},
        {"iat": float("1e300")},
        {"exp": 1},
        {"exp": True},
        {"jti": None},
        {"jti": ""},
        {"sub": None},
        {"sub": 1},
        {"nonce": "n"},
        {"events": None},
        {"events": {}},
        {"events": [EVENT]},
        {"events": {EVENT: "yes"}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": ""}},
        {"header": {"kid": "../../../etc/passwd"}},
    ],
)
def test_a_logout_token_that_does_not_hold_ends_nothing(
    town: Town, changed: dict[str, Any]
) -> None:
    browser = town.browser()
    town.sign_in(browser)
    answer = town.tell_hub(town.logout_token(sub_of(town), **changed))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert town.is_signed_in(browser)


@pytest.mark.parametrize("typ", [None, "JWT"])
def test_a_portal_that_gives_its_logout_tokens_no_type_of_their_own_ends_sessions_too(
    town: Town, typ: str | None
) -> None:
    browser = town.browser()
    town.sign_in(browser)
    token = town.logout_token(sub_of(town), header={"typ": typ})
    assert town.tell_hub(token).status_code == 200
    assert not town.is_signed_in(browser)


def test_a_logout_token_is_good_once(town: Town) -> None:
    token = town.logout_token(sub_of(town))
    assert town.tell_hub(token).status_code == 200
    assert town.tell_hub(token).status_code == 400


def test_a_logout_token_with_another_signature_ends_nothing(town: Town) -> None:
    browser = town.browser()
    town.sign_in(browser)
    token = town.logout_token(sub_of(town))
    key = town.opened_portal()[1]
    body = token.split(".")[1]

    def signed_input(alg: str) -> str:
        header = json.dumps({"alg": alg, "typ": "logout+jwt", "kid": key.kid}).encode()
        return f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{body}"

    by_public_key = hmac.digest(
        key.as_pem(private=False), signed_input("HS256").encode(), hashlib.sha256
    )
    forged = base64.urlsafe_b64encode(by_public_key).rstrip(b"=").decode()
    for each in (
        f"{signed_input('none')}.",
        f"{signed_input('HS256')}.{forged}",
        f"{token[:-4]}AAAA",
        token.rpartition(".")[0],
        "",
        "x" * 10_000,
    ):
        assert town.tell_hub(each).status_code == 400
    assert town.is_signed_in(browser)


def test_an_id_token_is_no_logout_token(town: Town) -> None:
    browser = town.browser()
    tokens = town.sign_in_for_a_client(browser)
    assert town.tell_hub(tokens["id_token"]).status_code == 400
    assert town.is_signed_in(browser)


def test_a_client_that_holds_the_session_s_id_token_signs_out_without_a_question(
    town: Town,
) -> None:
    browser = town.browser()
    tokens = town.sign_in_for_a_client(browser)
    answer = browser.step(
        f"{town.hub}/logout?state=s%26t&post_logout_redirect_uri={town.site}/"
        f"&id_token_hint={tokens['id_token']}"
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{town.site}/?state=s%26t"
    assert SESSION not in browser.jar
    assert not town.is_signed_in(browser)


def test_a_hint_of_another_session_is_no_proof(town: Town) -> None:
    browser, other = town.browser(), town.browser()
    hint = town.sign_in_for_a_client(other)["id_token"]
    town.sign_in(browser)
    browser.step(f"{town.hub}/logout?id_token_hint={hint}")
    assert 'value="leave"' in browser.answer.text
    assert town.is_signed_in(browser)


def test_whoever_asks_without_proof_the_person_decides(town: Town) -> None:
    browser = town.browser()
    town.sign_in(browser)
    asked = f"{town.hub}/logout?client_id=news-web&post_logout_redirect_uri={town.site}/"
    browser.step(asked)
    assert "Halcyon News asks to sign you out here." in browser.answer.text
    browser.submit(act="stay", until=town.site)
    assert town.is_signed_in(browser)
    browser.step(asked)
    browser.submit(act="leave", until=town.site)
    assert browser.onward == f"{town.site}/"
    assert SESSION not in browser.jar
    assert not town.is_signed_in(browser)


def test_a_client_may_ask_by_a_form(town: Town) -> None:
    browser = town.browser()
    town.sign_in(browser)
    browser.go(f"{town.hub}/logout", {"client_id": "news-web"})
    assert 'value="leave"' in browser.answer.text


def test_signing_out_withdraws_nothing_and_leaves_the_device_its_own(town: Town) -> None:
    browser = town.browser()
    browser.go(town.request())
    browser.submit(act="refuse", until=f"{town.site}/callback")
    device = browser.cookies[town.hub][DEVICE]
    tokens = town.sign_in_for_a_client(browser, "arthur")
    browser.step(f"{town.hub}/logout?id_token_hint={tokens['id_token']}")
    assert "You are signed out" in browser.answer.text
    assert browser.jar[DEVICE] == device
    browser.go(town.request(prompt="none"), until=f"{town.site}/callback")
    assert "code" in browser.told  # of the device, which was asked before


def at_page(town: Town, browser: Browser, brand: str) -> dict[str, Any]:
    """What the script of a brand's page holds of whoever is signed in, and has answered."""
    callback = f"{halcyon.url_of(brand, town.port)}/consent/return"
    changed = {"client_id": f"{brand}-spa", "redirect_uri": callback}
    browser.go(town.request(**changed, scope="openid offline_access"), until=callback)
    if browser.answer.status_code == 200:
        browser.submit(act="refuse", until=callback)
    answer = town.as_page(
        brand,
        grant_type="authorization_code",
        code=browser.told["code"],
        redirect_uri=callback,
        code_verifier=VERIFIER,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_link_takes_along_who_is_signed_in_and_the_sign_out_at_either_page_reaches_both(
    town: Town,
) -> None:
    browser = town.browser()
    back_end = town.sign_in_for_a_client(browser, "noah")
    news = at_page(town, browser, "news")
    shop_origin = halcyon.url_of("shop", town.port)
    minted = browser.http.post(
        f"{town.hub}/v1/handoffs",
        json={"origin": shop_origin},
        headers={"Authorization": f"Bearer {news['access_token']}", "Origin": town.site},
    )
    assert minted.status_code == 201, minted.text
    form = {
        "grant_type": "urn:consentid:params:oauth:grant-type:handoff",
        "code": minted.json()["code"],
        "referrer": town.site,
    }
    shop = town.as_page("shop", **form).json()
    assert set(shop) >= {"access_token", "refresh_token", "consent_token", "id_token"}
    claims = jwt.decode(shop["id_token"], options={"verify_signature": False})
    assert {"sid", "auth_time"} <= set(claims)

    browser.step(
        f"{town.hub}/logout?post_logout_redirect_uri={shop_origin}/"
        f"&id_token_hint={shop['id_token']}"
    )

    assert browser.onward == f"{shop_origin}/"  # it asked for its own session: no question
    for brand, held in (("news", news), ("shop", shop)):
        token = {"grant_type": "refresh_token", "refresh_token": held["refresh_token"]}
        renewed = town.as_page(brand, **token)
        assert (renewed.status_code, renewed.json()["error"]) == (400, "invalid_grant")
        bearer = {"Authorization": f"Bearer {held['access_token']}"}
        assert browser.http.get(f"{town.hub}/v1/state", headers=bearer).status_code == 401
    bearer = {"Authorization": f"Bearer {back_end['access_token']}"}
    assert browser.http.get(f"{town.hub}/v1/state", headers=bearer).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "client_id=news-web&post_logout_redirect_uri=http://evil.example/",
        "client_id=news-web&post_logout_redirect_uri=http://news.localhost/../evil",
        "client_id=news-web&post_logout_redirect_uri={site}",
        "client_id=news-web&post_logout_redirect_uri={site}/?x=1",
        "client_id=shop-web&post_logout_redirect_uri={site}/",
        "client_id=nobody&post_logout_redirect_uri={site}/",
        "post_logout_redirect_uri={site}/",
        "client_id=news-web&client_id=news-web",
        "client_id=shop-web&id_token_hint={hint}",
        "post_logout_redirect_uri={site}/&id_token_hint={hint}x",
        "post_logout_redirect_uri={site}/&id_token_hint=eyJhbGciOiJub25lIn0.e30.",
    ],
)
def test_open_redirect_after_logout_nobody_is_sent_anywhere_unregistered(
    town: Town, query: str
) -> None:
    browser = town.browser()
    hint = town.sign_in_for_a_client(browser)["id_token"]
    answer = browser.step(f"{town.hub}/logout?{query.format(site=town.site, hint=hint)}")
    assert answer.status_code == 400, answer.text
    assert "location" not in answer.headers
    assert "evil" not in answer.text
    assert town.is_signed_in(browser)


def test_csrf_another_site_s_form_signs_nobody_out(town: Town) -> None:
    browser = town.browser()
    town.sign_in(browser)
    for form in ({"act": "leave"}, {"act": "leave", "form_token": "made up"}):
        assert browser.step(f"{town.hub}/logout", form).status_code == 403
    assert town.is_signed_in(browser)


def test_whoever_is_not_signed_in_is_told_so_and_goes_on(town: Town) -> None:
    browser = town.browser()
    browser.step(f"{town.hub}/logout")
    assert "You are signed out" in browser.answer.text
    browser.step(
        f"{town.hub}/logout?client_id=news-web&post_logout_redirect_uri={town.site}/&state=s"
    )
    assert browser.onward == f"{town.site}/?state=s"


def test_the_metadata_names_the_way_out_and_promises_messages(town: Town) -> None:
    found = town.stage.scene().http.get(f"{town.hub}/.well-known/openid-configuration").json()
    assert found["end_session_endpoint"] == f"{town.hub}/logout"
    assert found["backchannel_logout_supported"] is True
    assert found["backchannel_logout_session_supported"] is True
