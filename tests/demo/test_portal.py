from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

ISSUER = "http://id.localhost:7600"
NEWS = ("halcyon-news", "news secret")
SHOP = ("halcyon-shop", "shop secret")


def form(login: str = "mila") -> dict[str, str]:
    return {
        "grant_type": "password",
        "scope": "openid",
        "username": login,
        "password": f"{login} rows at dawn",
    }


async def sign_in(
    portal: httpx2.AsyncClient,
    login: str = "mila",
    auth: tuple[str, str] = NEWS,
    fields: Mapping[str, str] | None = None,
) -> httpx2.Response:
    return await portal.post("/token", data=form(login) | dict(fields or {}), auth=auth)


async def claims_of(
    portal: httpx2.AsyncClient, answer: httpx2.Response, audience: str
) -> dict[str, Any]:
    """Verify as a relying party does: discovery, keys, signature."""
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
    answer = await sign_in(portal, fields={"nonce": "n-0S6"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    claims = await claims_of(portal, answer, "halcyon-news")
    assert claims["iss"] == ISSUER
    assert claims["nonce"] == "n-0S6"
    assert claims["adult"] is True
    assert claims["exp"] - claims["iat"] == 300
    assert claims["auth_time"] == claims["iat"]


async def test_a_customer_has_one_sub_for_all_clients_and_every_token_is_another(
    portal: httpx2.AsyncClient,
) -> None:
    here = await claims_of(portal, await sign_in(portal), "halcyon-news")
    again = await claims_of(portal, await sign_in(portal), "halcyon-news")
    there = await claims_of(portal, await sign_in(portal, auth=SHOP), "halcyon-shop")
    assert here["sub"] == again["sub"] == there["sub"]
    assert len({here["jti"], again["jti"], there["jti"]}) == 3


async def test_a_minor_is_not_called_an_adult(portal: httpx2.AsyncClient) -> None:
    claims = await claims_of(portal, await sign_in(portal, login="ines"), "halcyon-news")
    assert claims["adult"] is False


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"password": "wrong"}, "invalid_grant"),
        ({"username": "nobody"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"username": ""}, "invalid_request"),
        ({"nonce": "x" * 257}, "invalid_request"),
        ({"nonce": "\0"}, "invalid_request"),
        ({"surprise": "1"}, "invalid_request"),
    ],
)
async def test_a_bad_request_is_refused_in_oauth_words(
    portal: httpx2.AsyncClient, fields: dict[str, str], error: str
) -> None:
    answer = await sign_in(portal, fields=fields)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_repeated_parameter_is_refused(portal: httpx2.AsyncClient) -> None:
    answer = await portal.post(
        "/token",
        content="grant_type=password&grant_type=password",
        headers={"content-type": "application/x-www-form-urlencoded"},
        auth=NEWS,
    )
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("auth", [("", ""), ("halcyon-news", "shop secret"), ("nobody", "")])
async def test_an_unknown_client_learns_nothing(
    portal: httpx2.AsyncClient, auth: tuple[str, str]
) -> None:
    answer = await portal.post("/token", data=form(), auth=auth)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_failures_of_one_login_are_limited_and_of_no_other(
    portal: httpx2.AsyncClient,
) -> None:
    for _ in range(5):
        assert (await sign_in(portal, "noah", fields={"password": "guess"})).status_code == 400
    limited = await sign_in(portal, login="noah")
    assert limited.status_code == 429
    assert 1 <= int(limited.headers["retry-after"]) <= 61
    assert (await sign_in(portal, login="salma")).status_code == 200


def test_no_password_or_secret_lies_in_the_folder_and_nobody_else_may_read_it(
    portal_folder: Path,
) -> None:
    for file in portal_folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0
        content = file.read_text()
        assert "rows at dawn" not in content
        assert "news secret" not in content
