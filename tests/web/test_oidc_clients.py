"""A site with Authlib's own client, unchanged, over real HTTP."""

import html
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2 import rfc7523
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.web.hub import Hub
from tests.web.signing import SigningClient, register
from typing_extensions import override

CALLBACK = "http://news.localhost:7600/callback"
CLIENT = "news-web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The news site's back end, and the browser of a person who visits it."""

    hub: Hub
    client: Any
    browser: httpx2.Client
    metadata: dict[str, Any]

    def endpoint(self, name: str) -> str:
        """An address of the metadata, by the number instead of the name that it resolves to."""
        address: str = self.metadata[name]
        return self.hub.url + urlsplit(address).path

    def consent(self, path: str, act: str) -> str:
        """Send the person to the hub, answer there, and say where they come back."""
        answer = self.browser.get(path)
        if not answer.headers["location"].startswith(CALLBACK):
            page = urlsplit(answer.headers["location"]).path
            hidden = re.findall(
                r'type="hidden" name="([^"]+)" value="([^"]*)"', self.browser.get(page).text
            )
            answer = self.browser.post(
                page,
                data={name: html.unescape(value) for name, value in hidden} | {"act": act},
                headers={"Origin": self.metadata["issuer"]},
            )
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def sign_up(self, act: str = "accept", **parameters: str) -> tuple[dict[str, Any], str]:
        """Authorization code with PKCE: the tokens, and the nonce that was asked with."""
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_hex(8)
        address, state = self.client.create_authorization_url(
            "/authorize", code_verifier=verifier, nonce=nonce, **parameters
        )
        back = self.consent(address, act)
        told = dict(parse_qsl(urlsplit(back).query))
        assert told["iss"] == self.metadata["issuer"]
        tokens = self.client.fetch_token(
            self.endpoint("token_endpoint"),
            authorization_response=back,
            code_verifier=verifier,
            state=state,
        )
        return tokens, nonce

    def is_active(self, token: str) -> bool:
        endpoint = self.endpoint("introspection_endpoint")
        return self.client.introspect_token(endpoint, token).json()["active"]


@pytest.fixture
def site(hub: Hub) -> Iterator[Site]:
    """The site; the client finds everything in the metadata."""
    metadata = hub.http.get("/.well-known/openid-configuration").json()
    with (
        _opened(
            CLIENT,
            hub.secrets[CLIENT],
            scope="openid offline_access",
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
        ) as client,
        httpx2.Client(base_url=hub.url, timeout=120) as browser,
    ):
        yield Site(hub=hub, client=client, browser=browser, metadata=metadata)


def _opened(*arguments: Any, **settings: Any) -> Any:
    made: Any = OAuth2Client(*arguments, **settings)
    return made


class ForTheIssuer(PrivateKeyJWT):
    """Authlib's signature as RFC 10070 wants it: for the issuer alone, and for a minute."""

    @override
    def sign(self, auth: Any, token_endpoint: object) -> Any:
        untyped: Any = rfc7523
        return untyped.private_key_jwt_sign(
            auth.client_secret,
            client_id=auth.client_id,
            token_endpoint=token_endpoint,
            alg="ES256",
            expires_in=60,
        )


@pytest.fixture(scope="module")
def signer(hub: Hub) -> SigningClient:
    return register(hub, "reach-authlib")


def _signing(signer: SigningClient, method: PrivateKeyJWT) -> Any:
    made = _opened(
        signer.client_id,
        signer.key,
        scope="verify",
        token_endpoint_auth_method=PrivateKeyJWT.name,
    )
    made.register_client_auth_method(method)
    return made


def claims_of(site: Site, token: str) -> dict[str, Any]:
    """The claims of a token whose signature is the hub's."""
    keys = KeySet.import_key_set(site.hub.http.get("/jwks.json").json())
    return jwt.decode(token, keys, algorithms=["RS256", "ES256"]).claims


def test_authlibs_client_gets_an_id_token_and_the_consent_token_of_one_subject(site: Site) -> None:
    tokens, nonce = site.sign_up()
    told = claims_of(site, tokens["id_token"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": site.metadata["issuer"]},
        aud={"essential": True, "value": CLIENT},
        nonce={"essential": True, "value": nonce},
        exp={"essential": True},
    ).validate(told)
    assert claims_of(site, tokens["consent_token"])["sub"] == told["sub"]
    assert site.client.get(site.endpoint("userinfo_endpoint")).json() == {"sub": told["sub"]}


def test_authlibs_client_refreshes_and_the_old_refresh_token_ends_the_family(site: Site) -> None:
    first, _ = site.sign_up("refuse")
    endpoint = site.endpoint("token_endpoint")
    second = dict(site.client.refresh_token(endpoint))
    assert second["refresh_token"] != first["refresh_token"]
    assert site.is_active(second["access_token"])
    assert claims_of(site, second["consent_token"])["sub"]
    for token in (first, second):
        with pytest.raises(Exception, match="invalid_grant"):
            site.client.refresh_token(endpoint, token["refresh_token"])
    assert not site.is_active(second["access_token"])


def test_authlibs_client_revokes_tokens_and_the_persons_choices_stay(site: Site) -> None:
    tokens, _ = site.sign_up()
    answer = site.client.revoke_token(
        site.endpoint("revocation_endpoint"), tokens["refresh_token"], "refresh_token"
    )
    assert answer.status_code == 200
    assert not site.is_active(tokens["refresh_token"])
    assert not site.is_active(tokens["access_token"])
    silent, _ = site.sign_up(prompt="none")
    told, before = (claims_of(site, each["consent_token"])["consent"] for each in (silent, tokens))
    assert told["g"] == before["g"]


def test_authlibs_client_learns_at_once_that_nobody_is_known_in_the_browser(site: Site) -> None:
    address, state = site.client.create_authorization_url(
        "/authorize", code_verifier=secrets.token_urlsafe(48), prompt="none"
    )
    told = dict(parse_qsl(urlsplit(site.consent(address, "accept")).query))
    assert (told["error"], told["state"]) == ("login_required", state)


def test_authlibs_client_that_signs_for_the_issuer_is_known_each_time(
    hub: Hub, signer: SigningClient
) -> None:
    with _signing(signer, ForTheIssuer(signer.issuer)) as client:
        for _ in range(2):
            told = client.fetch_token(f"{hub.url}/token", grant_type="client_credentials")
            assert told["scope"] == "verify"


def test_authlibs_client_that_signs_for_the_endpoint_is_told_whom_to_sign_for(
    hub: Hub, signer: SigningClient
) -> None:
    endpoint = f"{signer.issuer}/token"
    with (
        _signing(signer, PrivateKeyJWT(endpoint, alg="ES256")) as client,
        pytest.raises(OAuthError) as caught,
    ):
        client.fetch_token(f"{hub.url}/token", grant_type="client_credentials")
    assert caught.value.error == "invalid_client"
    assert f"aud is the issuer alone, {signer.issuer}" in str(caught.value.description)
