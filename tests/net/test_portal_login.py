import base64
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
import uvicorn

from consentid.kit.errors import UnauthenticatedError, UnavailableError
from consentid.kit.instants import SECOND, Instant, from_seconds
from consentid.net.guarded import MAX_BODY_BYTES, make_client
from consentid.net.portal import PortalIdentity, check_login
from consentid.net.portal_keys import PortalMetadata
from consentid.net.portal_login import PortalLogin

NOW_S = 1_800_000_000
VERIFIER = "v" * 43


@dataclass(slots=True)
class TokenEndpoint:
    """A token endpoint over real HTTP that answers as a test wants it."""

    url: str
    status: int = 200
    body: bytes = b'{"access_token": "a", "token_type": "Bearer", "id_token": "x.y.z"}'
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.forms.append(dict(parse_qsl(message["body"].decode())))
        self.credentials.append(dict(scope["headers"]).get(b"authorization", b"").decode())
        headers = [(b"content-type", b"application/json"), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = TokenEndpoint(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(made, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield made
        finally:
            server.should_exit = True
            thread.join()


async def redeem(endpoint: TokenEndpoint, **changed: Any) -> str:
    async with make_client(localhost_hosts=False) as http:
        return await PortalLogin(
            http=http,
            metadata=metadata(endpoint.url, **changed),
            client_id="our id",
            secret="s%:cret",
            redirect_uri="https://hub.example/login/callback",
        ).redeem("the code", verifier=VERIFIER)


def metadata(issuer: str, **changed: Any) -> PortalMetadata:
    right = PortalMetadata(
        issuer=issuer,
        jwks_uri=f"{issuer}/jwks.json",
        authorization_endpoint=f"{issuer}/authorize?tenant=one",
        token_endpoint=f"{issuer}/token",
    )
    return msgspec.structs.replace(right, **changed)


async def test_the_browser_is_sent_with_a_challenge_and_never_with_the_verifier() -> None:
    async with make_client(localhost_hosts=False) as http:
        url = PortalLogin(
            http=http,
            metadata=metadata("https://id.example"),
            client_id="our id",
            secret="secret",
            redirect_uri="https://hub.example/login/callback",
        ).authorization_url(
            state="s", nonce="n", verifier=VERIFIER, extra={"prompt": "login", "max_age": "0"}
        )
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    assert url.startswith("https://id.example/authorize?tenant=one&")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "tenant": "one",
        "response_type": "code",
        "client_id": "our id",
        "redirect_uri": "https://hub.example/login/callback",
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "prompt": "login",
        "max_age": "0",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


async def test_the_code_is_redeemed_with_our_secret_in_the_header_form_encoded(
    endpoint: TokenEndpoint,
) -> None:
    assert await redeem(endpoint) == "x.y.z"
    assert endpoint.forms == [
        {
            "grant_type": "authorization_code",
            "code": "the code",
            "code_verifier": VERIFIER,
            "redirect_uri": "https://hub.example/login/callback",
        }
    ]
    pair = base64.b64decode(endpoint.credentials[0].removeprefix("Basic "))
    assert pair == b"our+id:s%25%3Acret"


async def test_a_portal_that_wants_the_secret_in_the_form_gets_it_there(
    endpoint: TokenEndpoint,
) -> None:
    await redeem(endpoint, token_endpoint_auth_methods_supported=("client_secret_post",))
    assert endpoint.forms[0]["client_secret"] == "s%:cret"
    assert endpoint.credentials == [""]


async def test_a_refused_code_is_told_apart_from_a_portal_that_fails(
    endpoint: TokenEndpoint,
) -> None:
    endpoint.status, endpoint.body = 400, b'{"error": "invalid_grant"}'
    with pytest.raises(UnauthenticatedError) as refused:
        await redeem(endpoint)
    assert refused.value.code == "portal_refused"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (500, b"{}", []),
        (200, b"not JSON", []),
        (200, b"[]", []),
        (200, b'{"access_token": "a", "token_type": "Bearer"}', []),
        (200, json.dumps({"id_token": 1}).encode(), []),
        (200, b'{"id_token": "' + b"x" * MAX_BODY_BYTES + b'"}', []),
        (200, b"\x1f\x8b", [(b"content-encoding", b"gzip")]),
        (307, b"", [(b"location", b"/elsewhere")]),
    ],
)
async def test_an_answer_that_is_of_no_use_is_unavailable_and_no_redirect_is_followed(
    endpoint: TokenEndpoint, status: int, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    endpoint.status, endpoint.body, endpoint.headers = status, body, headers
    with pytest.raises(UnavailableError):
        await redeem(endpoint)
    assert len(endpoint.forms) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"token_endpoint": None},
        {"token_endpoint": "ftp://id.example/token"},
        {"token_endpoint_auth_methods_supported": ("private_key_jwt",)},
    ],
)
async def test_a_portal_that_we_cannot_be_a_client_of_is_never_asked(
    endpoint: TokenEndpoint, changed: dict[str, Any]
) -> None:
    with pytest.raises(UnavailableError) as error:
        await redeem(endpoint, **changed)
    assert error.value.code == "portal_misconfigured"
    assert endpoint.forms == []


def identity(*, nonce: str | None = "n", auth_time_s: int | None = NOW_S) -> PortalIdentity:
    return PortalIdentity(
        issuer="https://id.example",
        sub="somebody",
        token_hash=b"",
        issued_at=from_seconds(NOW_S),
        expires_at=from_seconds(NOW_S + 300),
        is_adult=False,
        nonce=nonce,
        auth_time=None if auth_time_s is None else from_seconds(auth_time_s),
    )


@pytest.mark.parametrize(
    ("told", "max_age_s", "is_fresh"),
    [
        (identity(), None, False),
        (identity(), 0, True),
        (identity(auth_time_s=None), None, False),
        (identity(auth_time_s=NOW_S - 60), 60, False),
        (identity(auth_time_s=NOW_S - 10_000), None, False),
    ],
)
def test_an_id_token_that_answers_the_request_is_taken(
    told: PortalIdentity, max_age_s: int | None, is_fresh: bool
) -> None:
    check_login(
        told,
        nonce="n",
        asked_at=from_seconds(NOW_S),
        max_age_s=max_age_s,
        is_fresh=is_fresh,
    )


@pytest.mark.parametrize(
    ("told", "max_age_s", "is_fresh"),
    [
        (identity(nonce=None), None, False),
        (identity(nonce="another"), None, False),
        (identity(auth_time_s=None), 60, False),
        (identity(auth_time_s=NOW_S - 66), 60, False),
        (identity(auth_time_s=NOW_S - 6), 0, False),
        (identity(auth_time_s=NOW_S - 6), None, True),
        (identity(auth_time_s=NOW_S - 6), 10_000, True),
    ],
)
def test_an_id_token_of_another_request_or_an_old_sign_in_is_refused(
    told: PortalIdentity, max_age_s: int | None, is_fresh: bool
) -> None:
    with pytest.raises(UnauthenticatedError):
        check_login(
            told,
            nonce="n",
            asked_at=Instant(from_seconds(NOW_S) + SECOND // 2),
            max_age_s=max_age_s,
            is_fresh=is_fresh,
        )
