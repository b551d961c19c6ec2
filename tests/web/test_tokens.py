"""``/token``: who is let in, and what is refused in OAuth's words."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import jwt
import pytest
from joserfc.jwk import RSAKey
from tests.web.hub import (
    ACCESS_TOKEN,
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    EXCHANGE,
    ID_TOKEN,
    Hub,
    Person,
    bearer,
    forget,
    form_of,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CREDENTIALS = ("grant_type", "client_credentials")


@pytest.fixture(autouse=True)
def failures_are_forgotten(valkey_url: str) -> None:
    """So that many failures from one address do not end in 429."""
    forget(valkey_url, "limit:token_failures:*")


def post(
    hub: Hub, content: bytes, authorization: bytes | str | None = None, **headers: str
) -> httpx2.Response:
    """A request to the byte."""
    given: list[tuple[bytes, bytes]] = [
        (name.encode(), value.encode()) for name, value in {**FORM, **headers}.items()
    ]
    if authorization is not None:
        value = authorization.encode() if isinstance(authorization, str) else authorization
        given.append((b"Authorization", value))
    return hub.http.post("/token", content=content, headers=given)


def basic(pair: bytes | str) -> str:
    raw = pair.encode() if isinstance(pair, str) else pair
    return f"Basic {base64.b64encode(raw).decode()}"


def assert_refused(answer: httpx2.Response, status: int, error: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["error"] == error
    assert set(answer.json()) <= {"error", "error_description"}
    described = answer.json().get("error_description", "")
    assert all(" " <= each <= "~" and each not in '"\\' for each in described)
    challenge = answer.headers.get("www-authenticate")
    assert challenge == ('Basic realm="consentid", charset="UTF-8"' if status == 401 else None)


@pytest.fixture
def nothing_is_stored(hub: Hub) -> Iterator[None]:
    before = hub.counts()
    yield
    assert hub.counts() == before


def test_a_client_gets_a_token_by_its_secret(hub: Hub) -> None:
    answer = hub.token({"grant_type": "client_credentials"})
    assert answer.status_code == 200
    told = answer.json()
    assert told["token_type"] == "Bearer"
    assert told["expires_in"] == 600
    assert told["scope"] == "decisions:read decisions:write verify"
    assert len(base64.urlsafe_b64decode(told["access_token"] + "=")) == 32
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


def test_an_opaque_token_is_stored_hashed(hub: Hub) -> None:
    token = hub.token({"grant_type": "client_credentials"}).json()["access_token"]
    found = hub.rows("SELECT token_hash FROM access_tokens ORDER BY issued_at DESC LIMIT 1")
    assert bytes(found[0][0]) == hashlib.sha256(token.encode()).digest()


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    "name",
    [
        *("grant_type", "scope", "client_id", "subject_token", "subject_token_type"),
        *("actor_token", "actor_token_type", "requested_token_type", "audience", "resource"),
        *("nonce", "unheard_of"),
    ],
)
def test_a_field_that_comes_twice_is_refused(hub: Hub, name: str) -> None:
    pairs = [CREDENTIALS, (name, "a"), (name, "a")]
    answer = post(hub, form_of(*pairs), basic(":".join(hub.basic("news-web"))))
    assert_refused(answer, 400, "invalid_request")


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ???",
        basic("news-web"),
        basic(b"news-web:\xff\xfe"),
        basic("news-web:wrong"),
        basic("news-web:"),
        basic(":"),
        basic("nobody:secret"),
        basic("news-web\0:x"),
        basic("news%00web:x"),
        basic("news%ffweb:x"),
        basic("é" * 5_000 + ":x"),
        "Bearer abc",
        "Digest username=news-web",
        "basic",
    ],
    ids=lambda value: value[:40],
)
def test_a_client_that_does_not_authenticate_is_refused(hub: Hub, authorization: str) -> None:
    assert_refused(post(hub, form_of(CREDENTIALS), authorization), 401, "invalid_client")


@pytest.mark.usefixtures("nothing_is_stored")
def test_no_authentication_at_all_is_refused(hub: Hub) -> None:
    assert_refused(post(hub, form_of(CREDENTIALS)), 401, "invalid_client")
    answer = post(hub, form_of(CREDENTIALS, ("client_id", "news-web")))
    assert_refused(answer, 401, "invalid_client")


@pytest.mark.usefixtures("nothing_is_stored")
def test_two_ways_of_authenticating_are_refused(hub: Hub) -> None:
    right = basic(":".join(hub.basic("news-web")))
    for extra in (("client_secret", "x"), ("client_assertion", "x"), ("client_id", "shop-web")):
        answer = post(hub, form_of(CREDENTIALS, extra), right)
        assert_refused(answer, 400, "invalid_request")
    answer = hub.http.post(
        "/token",
        content=form_of(CREDENTIALS),
        headers=[*FORM.items(), ("Authorization", right), ("Authorization", right)],
    )
    assert_refused(answer, 401, "invalid_client")


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_public_client_gets_no_token_for_itself(hub: Hub) -> None:
    answer = post(hub, form_of(CREDENTIALS, ("client_id", "play-tv")))
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"invalid_client", "unauthorized_client"}


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b'{"grant_type":"client_credentials"}', "application/json", 415),
        (b"grant_type=client_credentials", "text/plain", 415),
        (b"grant_type=client_credentials", "", 415),
        (b"a=" + b"x" * 70_000, FORM["Content-Type"], 413),
        (b"grant_type=%ff", FORM["Content-Type"], 400),
        (b"grant_type=client_credentials%00", FORM["Content-Type"], 400),
        (b"grant_type=client_credentials&x=%0a", FORM["Content-Type"], 400),
        (b"&".join(b"a%d=1" % n for n in range(100)), FORM["Content-Type"], 400),
        (b"scope=" + b"x" * 20_000, FORM["Content-Type"], 400),
    ],
    ids=["json", "text", "none", "large", "no utf-8", "nul", "newline", "many", "long"],
)
def test_a_form_that_is_none_is_refused(
    hub: Hub, content: bytes, media_type: str, status: int
) -> None:
    right = basic(":".join(hub.basic("news-web")))
    answer = post(hub, content, right, **{"Content-Type": media_type})
    assert_refused(answer, status, "invalid_request")


@pytest.mark.usefixtures("nothing_is_stored")
def test_an_unknown_or_missing_grant_is_refused(hub: Hub) -> None:
    assert_refused(hub.token({"grant_type": "password"}), 400, "unsupported_grant_type")
    missing = hub.token({"scope": "verify"})
    assert missing.status_code == 400
    assert missing.json()["error"] in {"invalid_request", "unsupported_grant_type"}


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize("scope", ["admin", "verify admin", "verify  verify", " ", "é"])
def test_a_scope_is_never_widened(hub: Hub, scope: str) -> None:
    answer = hub.token({"grant_type": "client_credentials", "scope": scope})
    assert_refused(answer, 400, "invalid_scope")


def test_a_scope_may_be_narrowed(hub: Hub) -> None:
    narrow = hub.token({"grant_type": "client_credentials", "scope": "decisions:read"}).json()
    assert narrow["scope"] == "decisions:read"
    answer = hub.http.post(
        "/v1/verify", json={"token": "x"}, headers=bearer(narrow["access_token"])
    )
    assert answer.status_code == 403
    assert answer.json()["code"] == "insufficient_scope"
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_query_parameters_are_refused(hub: Hub) -> None:
    answer = hub.http.post(
        "/token?grant_type=client_credentials",
        data={"grant_type": "client_credentials"},
        auth=hub.basic("news-web"),
    )
    assert_refused(answer, 400, "invalid_request")


def test_other_methods_are_refused(hub: Hub) -> None:
    answer = hub.http.get("/token")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST, OPTIONS"


# ── ID tokens ─────────────────────────────────────────────────────────────────────────────────────


def claims(hub: Hub, **changed: object) -> dict[str, Any]:
    now_s = int(time.time())
    right = {
        "iss": hub.portal_issuer,
        "sub": secrets.token_hex(8),
        "aud": "halcyon-news",
        "iat": now_s,
        "exp": now_s + 300,
        "jti": secrets.token_hex(8),
    }
    return {name: value for name, value in {**right, **changed}.items() if value is not ...}


def signed(hub: Hub, key: RSAKey | None = None, **changed: object) -> str:
    used = key or hub.portal_key
    header = {"kid": str(hub.portal_key.kid)}
    return jwt.encode(claims(hub, **changed), used.as_pem(private=True), "RS256", header)


def joined(header: dict[str, Any], body: dict[str, Any], signature: bytes) -> str:
    parts = [json.dumps(header).encode(), json.dumps(body).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_an_id_token_is_exchanged_once(hub: Hub) -> None:
    id_token = hub.id_token(Person())
    first = hub.exchange(id_token)
    assert first.status_code == 200
    assert first.json()["issued_token_type"] == ACCESS_TOKEN
    assert_refused(hub.exchange(id_token), 400, "invalid_grant")
    # The same token in another spelling is the same token.
    head, body, signature = id_token.split(".")
    assert hub.exchange(f"{head}.{body}.{signature}=").status_code == 400


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1},
        {"exp": ...},
        {"exp": "soon"},
        {"iat": 1},
        {"iat": 4_102_444_800, "exp": 4_102_445_100},
        {"iat": ...},
        {"iss": "https://elsewhere.example"},
        {"iss": ...},
        {"aud": "halcyon-market"},
        {"aud": ["halcyon-news", "halcyon-market"]},
        {"aud": ...},
        {"azp": "halcyon-market"},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"nonce": 7},
    ],
    ids=str,
)
def test_an_id_token_whose_claims_do_not_hold_is_refused(hub: Hub, changed: dict[str, Any]) -> None:
    assert_refused(hub.exchange(signed(hub, **changed)), 400, "invalid_grant")


@pytest.mark.usefixtures("nothing_is_stored")
def test_an_id_token_that_the_portal_did_not_sign_is_refused(hub: Hub) -> None:
    stranger = RSAKey.generate_key(2048)
    public_pem = hub.portal_key.as_pem(private=False)
    kid = {"kid": str(hub.portal_key.kid)}
    confused = joined({"alg": "HS256", "typ": "JWT", **kid}, claims(hub), b"")
    head, body, _ = confused.split(".")
    mac = hmac.digest(public_pem, f"{head}.{body}".encode(), "sha256")
    genuine = signed(hub).split(".")
    forgeries = [
        signed(hub, stranger),
        joined({"alg": "none", **kid}, claims(hub), b""),
        joined({"alg": "None", **kid}, claims(hub), b""),
        f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}",
        joined({"alg": "RS256"}, claims(hub), b"x" * 256),
        joined({"alg": "RS256", "kid": "other"}, claims(hub), b"x" * 256),
        joined({"alg": "RS256", **kid, "jwk": stranger.as_dict(private=False)}, claims(hub), b"x"),
        f"{genuine[0]}.{signed(hub).split('.')[1]}.{genuine[2]}",
        f"{genuine[0]}.{genuine[1]}.",
        f"{genuine[0]}.{genuine[1]}",
        f"{genuine[0]}.{genuine[1]}.{genuine[2]}.",
        "a.b.c",
        "..",
        "x" * 9_000,
        "é",
    ]
    for forged in forgeries:
        assert_refused(hub.exchange(forged), 400, "invalid_grant")


def test_a_nonce_holds_where_it_is_given(hub: Hub) -> None:
    person = Person()
    before = hub.counts()
    for minted, told in (("a", "b"), (None, "b")):
        answer = hub.exchange(hub.id_token(person, nonce=minted), nonce=told)
        assert_refused(answer, 400, "invalid_grant")
    assert hub.counts() == before
    assert hub.exchange(hub.id_token(person, nonce="a"), nonce="a").status_code == 200
    assert hub.exchange(hub.id_token(person, nonce="a")).status_code == 200


@pytest.mark.usefixtures("nothing_is_stored")
def test_only_the_brand_that_an_id_token_is_for_exchanges_it(hub: Hub) -> None:
    token = hub.id_token(Person())
    assert_refused(hub.exchange(token, client="shop-web"), 400, "invalid_grant")
    assert_refused(hub.exchange(token, client="reach-forms"), 400, "unauthorized_client")
    form = {
        "grant_type": EXCHANGE,
        "subject_token": token,
        "subject_token_type": ID_TOKEN,
        "client_id": "play-tv",
    }
    assert_refused(hub.token(form, None), 400, "unauthorized_client")


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token_type": f"{ACCESS_TOKEN}s"}, "invalid_request"),
        ({"requested_token_type": ID_TOKEN}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"actor_token_type": DEVICE_CREDENTIAL}, "invalid_request"),
        ({"actor_token": "x", "actor_token_type": ID_TOKEN}, "invalid_request"),
        ({"actor_token": "x", "actor_token_type": DEVICE_CREDENTIAL}, "invalid_grant"),
        ({"audience": "https://market.halcyon.example"}, "invalid_target"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "events:read"}, "invalid_scope"),
    ],
    ids=str,
)
def test_an_exchange_that_asks_for_what_is_not_there_is_refused(
    hub: Hub, changed: dict[str, str], error: str
) -> None:
    form = {
        "grant_type": EXCHANGE,
        "subject_token": hub.id_token(Person()),
        "subject_token_type": ID_TOKEN,
        **changed,
    }
    assert_refused(hub.token(form), 400, error)


def test_a_consent_token_comes_in_the_place_of_an_access_token(hub: Hub) -> None:
    answer = hub.exchange(hub.id_token(Person()), requested_token_type=CONSENT_TOKEN)
    assert answer.status_code == 200
    told = answer.json()
    assert told["token_type"] == "N_A"
    assert told["issued_token_type"] == CONSENT_TOKEN
    assert jwt.get_unverified_header(told["access_token"])["typ"] == "consent+jwt"


# ── Device credentials ────────────────────────────────────────────────────────────────────────────


def test_a_device_credential_stands_for_its_device(hub: Hub) -> None:
    answer = hub.exchange(hub.device(), DEVICE_CREDENTIAL)
    assert answer.status_code == 200
    state = hub.http.get("/v1/state", headers=bearer(answer.json()["access_token"]))
    assert state.status_code == 200


@pytest.mark.parametrize("credential", ["x", "A" * 43, "é", "A" * 16_000])
def test_an_unknown_device_credential_is_refused(hub: Hub, credential: str) -> None:
    before = hub.counts()
    assert_refused(hub.exchange(credential, DEVICE_CREDENTIAL), 400, "invalid_grant")
    assert hub.counts() == before


def test_an_expired_device_credential_is_refused(hub: Hub) -> None:
    credential = hub.device()
    digest = hashlib.sha256(credential.encode()).hexdigest()
    hub.rows(f"UPDATE devices SET expires_at = now() WHERE credential_hash = '\\x{digest}'")
    assert_refused(hub.exchange(credential, DEVICE_CREDENTIAL), 400, "invalid_grant")


def test_an_actor_goes_with_an_id_token_only(hub: Hub) -> None:
    credential = hub.device()
    actor = {"actor_token": credential, "actor_token_type": DEVICE_CREDENTIAL}
    answer = hub.exchange(credential, DEVICE_CREDENTIAL, **actor)
    assert_refused(answer, 400, "invalid_request")
    answer = hub.exchange(hub.id_token(Person()), **actor)
    assert answer.status_code == 200
    assert answer.json()["adopted"] == 0
    assert answer.json()["contradictions"] == []


def test_too_many_failures_are_told_to_wait(hub: Hub) -> None:
    answers = [hub.token({"grant_type": "client_credentials"}, None) for _ in range(101)]
    assert {answer.status_code for answer in answers[:100]} == {401}
    assert_refused(answers[100], 429, "temporarily_unavailable")
    assert 1 <= int(answers[100].headers["retry-after"]) <= 60


def test_a_spoofed_address_does_not_evade_the_limit(hub: Hub) -> None:
    answers = [
        post(
            hub,
            form_of(CREDENTIALS),
            **{"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"},
        )
        for number in range(101)
    ]
    assert_refused(answers[-1], 429, "temporarily_unavailable")
