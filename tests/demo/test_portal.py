import base64
import hashlib
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import jwt
import pytest

ISSUER = "http://id.localhost:7600"
NEWS = ("halcyon-news", "news secret")
SHOP = ("halcyon-shop", "shop secret")
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")


def request(client: str | None = "halcyon-news", **changed: str | None) -> dict[str, str]:
    """An authorization request that is right unless ``changed`` says otherwise."""
    right: dict[str, str | None] = {
        "client_id": client,
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": f"http://{client}.localhost/signed-in",
        "state": "the state",
        "nonce": "n-0S6",
        "code_challenge": CHALLENGE.decode(),
        "code_challenge_method": "S256",
        **changed,
    }
    return {name: value for name, value in right.items() if value is not None}


async def fill_in(
    portal: httpx2.AsyncClient, page: httpx2.Response, login: str = "mila", **fields: str
) -> httpx2.Response:
    """Send the login form back, as the browser that it was given to."""
    action = re.search(r'<form method="post" action="([^"]*)"', page.text)
    token = re.search(r'name="form_token" value="([^"]*)"', page.text)
    assert action is not None, page.text
    assert token is not None
    form = {"form_token": token[1], "login": login, "password": f"{login} rows at dawn", **fields}
    return await portal.post(unescape(action[1]), data=form)


async def sign_in(
    portal: httpx2.AsyncClient, login: str = "mila", **changed: str | None
) -> dict[str, str]:
    """Sign in on the page; what the client is answered."""
    page = await portal.get("/authorize", params=request(**changed))
    return answer_of(await fill_in(portal, page, login))


def answer_of(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def redeem(
    portal: httpx2.AsyncClient, code: str, auth: tuple[str, str] = NEWS, **changed: str
) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"http://{auth[0]}.localhost/signed-in",
        "code_verifier": VERIFIER,
        **changed,
    }
    return await portal.post("/token", data=form, auth=auth)


async def claims_of(
    portal: httpx2.AsyncClient, answer: httpx2.Response, audience: str = "halcyon-news"
) -> dict[str, Any]:
    """Verify as a relying party does: discovery, keys, signature."""
    assert answer.status_code == 200, answer.text
    metadata = (await portal.get("/.well-known/openid-configuration")).json()
    keys = jwt.PyJWKSet.from_dict(
        (await portal.get(metadata["jwks_uri"].removeprefix(ISSUER))).json()
    )
    token = answer.json()["id_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(
        token, key, algorithms=["RS256"], audience=audience, issuer=metadata["issuer"]
    )


async def test_a_customer_signs_in_and_a_stranger_verifies_the_id_token(
    portal: httpx2.AsyncClient,
) -> None:
    answered = await sign_in(portal)
    assert (answered["state"], answered["iss"]) == ("the state", ISSUER)
    answer = await redeem(portal, answered["code"])
    assert answer.headers["cache-control"] == "no-store"
    claims = await claims_of(portal, answer)
    assert claims["nonce"] == "n-0S6"
    assert claims["adult"] is True
    assert claims["exp"] - claims["iat"] == 300
    assert 0 <= claims["iat"] - claims["auth_time"] <= 5
    assert claims["sid"]
    told = await portal.get(
        "/userinfo", headers={"authorization": f"Bearer {answer.json()['access_token']}"}
    )
    assert told.json()["sub"] == claims["sub"]
    assert told.json()["preferred_username"] == "mila"


async def test_whoever_is_signed_in_goes_on_without_a_password_as_the_same_sub(
    portal: httpx2.AsyncClient,
) -> None:
    here = await claims_of(portal, await redeem(portal, (await sign_in(portal))["code"]))
    onward = await portal.get("/authorize", params=request("halcyon-shop", prompt="none"))
    there = await redeem(portal, answer_of(onward)["code"], SHOP)
    claims = await claims_of(portal, there, "halcyon-shop")
    same = ("sub", "sid", "auth_time")
    assert [claims[name] for name in same] == [here[name] for name in same]
    assert claims["jti"] != here["jti"]


async def test_prompt_none_says_that_nobody_is_signed_in(portal: httpx2.AsyncClient) -> None:
    answer = answer_of(await portal.get("/authorize", params=request(prompt="none")))
    assert answer["error"] == "login_required"
    assert (answer["state"], answer["iss"]) == ("the state", ISSUER)


@pytest.mark.parametrize("changed", [{"prompt": "login"}, {"max_age": "0"}])
async def test_a_sign_in_can_be_asked_for_anew_and_is_a_new_session(
    portal: httpx2.AsyncClient, changed: dict[str, str]
) -> None:
    first = await claims_of(portal, await redeem(portal, (await sign_in(portal))["code"]))
    page = await portal.get("/authorize", params=request(**changed))
    assert 'name="password"' in page.text
    code = answer_of(await fill_in(portal, page))["code"]
    again = await claims_of(portal, await redeem(portal, code))
    assert again["sid"] != first["sid"]


async def test_crawlers_find_the_front_page_and_it_says_what_it_is(
    portal: httpx2.AsyncClient,
) -> None:
    robots = (await portal.get("/robots.txt")).text.splitlines()
    assert {"Allow: /$", "Disallow: /"} <= set(robots)
    page = (await portal.get("/")).text
    assert re.search(r'<meta name="description" content="[^"<>]{10,160}">', page)


async def test_a_login_hint_is_filled_in_and_can_hold_no_markup(
    portal: httpx2.AsyncClient,
) -> None:
    page = await portal.get("/authorize", params=request(login_hint='mila"><script>'))
    assert 'value="mila&quot;&gt;&lt;script&gt;"' in page.text
    assert "<script" not in page.text


async def test_a_new_account_is_said_to_be_invented(portal: httpx2.AsyncClient) -> None:
    page = await portal.get("/authorize", params=request(prompt="create"))
    assert "invented" in page.text
    onward = re.search(r'class="button" href="([^"]*)"', page.text)
    assert onward is not None
    assert 'name="password"' in (await portal.get(unescape(onward[1]))).text


async def test_the_page_speaks_french_where_asked_and_runs_no_script(
    portal: httpx2.AsyncClient,
) -> None:
    page = await portal.get("/authorize", params=request(ui_locales="fr-CA en"))
    assert '<html lang="fr">' in page.text
    assert "Mot de passe" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'code"\\'}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1e400"}, "invalid_request"),
        ({"request": "ey"}, "invalid_request"),
    ],
)
async def test_a_bad_authorization_request_is_told_to_its_client(
    portal: httpx2.AsyncClient, changed: dict[str, str | None], error: str
) -> None:
    answer = answer_of(await portal.get("/authorize", params=request(**changed)))
    assert (answer["error"], answer["iss"]) == (error, ISSUER)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "http://evil.example/signed-in"},
        {"redirect_uri": "http://halcyon-news.localhost/signed-in/"},
        {"redirect_uri": "http://halcyon-news.localhost/signed-in?x=1"},
        {"redirect_uri": "http://halcyon-shop.localhost/signed-in"},
        {"redirect_uri": "http://halcyon-news.localhost@evil.example/signed-in"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    portal: httpx2.AsyncClient, changed: dict[str, str | None]
) -> None:
    for answer in (
        await portal.get("/authorize", params=request(**changed)),
        await portal.post("/authorize", data=request(**changed)),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "evil" not in answer.text


async def test_a_repeated_parameter_is_refused(portal: httpx2.AsyncClient) -> None:
    assert (await portal.get("/authorize?client_id=a&client_id=b")).status_code == 400
    answer = await portal.post(
        "/token",
        content="grant_type=authorization_code&grant_type=authorization_code",
        headers={"content-type": "application/x-www-form-urlencoded"},
        auth=NEWS,
    )
    assert answer.json()["error"] == "invalid_request"


async def test_a_code_is_good_once_and_for_its_own_client_address_and_verifier(
    portal: httpx2.AsyncClient,
) -> None:
    async def fresh() -> str:
        return answer_of(await portal.get("/authorize", params=request()))["code"]

    code = (await sign_in(portal))["code"]
    assert (await redeem(portal, code, SHOP)).json()["error"] == "invalid_grant"
    assert (await redeem(portal, code)).status_code == 200
    for answer in (
        await redeem(portal, code),
        await redeem(portal, await fresh(), redirect_uri="http://halcyon-news.localhost/"),
        await redeem(portal, await fresh(), code_verifier="w" * 43),
        await redeem(portal, "made up"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("grant", ["password", "client_credentials", 'x"\\'])
async def test_passwords_are_taken_on_the_page_alone(
    portal: httpx2.AsyncClient, grant: str
) -> None:
    form = {"grant_type": grant, "username": "mila", "password": "mila rows at dawn"}
    answer = await portal.post("/token", data=form, auth=NEWS)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("auth", [("", ""), ("halcyon-news", "shop secret"), ("nobody", "")])
async def test_an_unknown_client_learns_nothing(
    portal: httpx2.AsyncClient, auth: tuple[str, str]
) -> None:
    answer = await redeem(portal, (await sign_in(portal))["code"], auth)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_login_csrf_a_form_of_another_browser_signs_nobody_in(
    portal: httpx2.AsyncClient,
) -> None:
    page = await portal.get("/authorize", params=request())
    portal.cookies.clear()
    answer = await fill_in(portal, page)
    assert answer.status_code == 409
    assert "halcyon-id=" not in answer.headers.get("set-cookie", "")


async def test_session_fixation_a_planted_cookie_is_replaced(portal: httpx2.AsyncClient) -> None:
    portal.cookies.set("halcyon-id", "planted", domain="127.0.0.1", path="/")
    page = await portal.get("/authorize", params=request())
    answer = await fill_in(portal, page)
    assert answer.status_code == 303
    assert not any("halcyon-id=planted" in one for one in answer.headers.get_list("set-cookie"))


async def test_failures_of_one_login_are_limited_and_of_no_other(
    portal: httpx2.AsyncClient,
) -> None:
    page = await portal.get("/authorize", params=request())
    for _ in range(5):
        answer = await fill_in(portal, page, "noah", password="guess")
        assert answer.status_code == 401
        assert "do not belong together" in answer.text
    limited = await fill_in(portal, page, "noah")
    assert limited.status_code == 429
    assert re.search(r"Try again in \d+ seconds", limited.text)
    assert (await fill_in(portal, page, "salma")).status_code == 303


async def test_going_back_is_told_to_the_client(portal: httpx2.AsyncClient) -> None:
    page = await portal.get("/authorize", params=request())
    answer = await fill_in(portal, page, act="cancel", login="", password="")
    assert answer_of(answer)["error"] == "access_denied"


async def test_signing_out_is_asked_about_unless_the_session_s_own_token_proves_it(
    portal: httpx2.AsyncClient,
) -> None:
    token = (await redeem(portal, (await sign_in(portal))["code"])).json()["id_token"]
    asked = await portal.get("/logout")
    assert "Sign out?" in asked.text
    assert (await portal.get("/authorize", params=request(prompt="none"))).status_code == 303
    home = "http://halcyon-news.localhost/"
    ended = await portal.get(
        "/logout",
        params={"id_token_hint": token, "post_logout_redirect_uri": home, "state": "s"},
    )
    assert ended.headers["location"] == f"{home}?state=s"
    silent = await portal.get("/authorize", params=request(prompt="none"))
    assert answer_of(silent)["error"] == "login_required"


@pytest.mark.parametrize(
    "changed",
    [
        {"post_logout_redirect_uri": "http://evil.example/"},
        {"post_logout_redirect_uri": "http://halcyon-news.localhost/x"},
        {"client_id": "halcyon-shop"},
        {"client_id": "nobody"},
    ],
)
async def test_open_redirect_after_signing_out_leads_nowhere(
    portal: httpx2.AsyncClient, changed: dict[str, str]
) -> None:
    asked = {
        "client_id": "halcyon-news",
        "post_logout_redirect_uri": "http://halcyon-news.localhost/",
        **changed,
    }
    answer = await portal.get("/logout", params=asked)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_no_password_or_secret_lies_in_the_folder_and_nobody_else_may_read_it(
    portal_folder: Path,
) -> None:
    for file in portal_folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0
        content = file.read_text()
        assert "rows at dawn" not in content
        assert "news secret" not in content
