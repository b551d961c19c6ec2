"""Clients prove who they are alike at every OAuth endpoint: by secret, signature, or id alone."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.web.hub import Hub, forget
from tests.web.signing import ASSERTION_TYPE, SigningClient, register

ENDPOINTS = ("/token", "/par", "/introspect", "/revoke")
everywhere = pytest.mark.parametrize("path", ENDPOINTS)
GRANT = {"grant_type": "client_credentials", "token": "x"}


@pytest.fixture(scope="module")
def signer(hub: Hub) -> SigningClient:
    return register(hub, "reach-signer")


@pytest.fixture(autouse=True)
def failures_are_forgotten(valkey_url: str) -> None:
    """So that many failures from one address do not end in 429."""
    forget(valkey_url, "limit:token_failures:*")


def refusal(hub: Hub, path: str, form: dict[str, str], **headers: str) -> tuple[int, str]:
    answer = hub.http.post(path, data={**GRANT, **form}, headers=headers)
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")
    return answer.status_code, body["error"]


def test_a_client_gets_a_token_by_its_signature(signer: SigningClient) -> None:
    answer = signer.post("/token", grant_type="client_credentials")
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "Bearer"


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_a_signature_is_taken_at_the_other_endpoints_too(signer: SigningClient, path: str) -> None:
    assert signer.post(path, token="x").status_code == 200


@everywhere
def test_a_replayed_jti_is_refused_at_every_endpoint(
    hub: Hub, signer: SigningClient, path: str
) -> None:
    proof = signer.proof()
    assert hub.http.post("/token", data={**GRANT, **proof}).status_code == 200
    assert refusal(hub, path, proof) == (401, "invalid_client")


def test_an_assertion_of_a_failed_request_is_used_up(hub: Hub, signer: SigningClient) -> None:
    proof = signer.proof()
    failed = hub.http.post("/token", data={"grant_type": "nonsense", **proof})
    assert failed.status_code == 400
    assert refusal(hub, "/token", proof) == (401, "invalid_client")


def test_of_twenty_uses_at_once_one_wins(hub: Hub, signer: SigningClient) -> None:
    proof = signer.proof()

    def use(_: int) -> int:
        return hub.http.post("/token", data={**GRANT, **proof}).status_code

    with ThreadPoolExecutor(20) as executor:
        statuses = list(executor.map(use, range(20)))
    assert sorted(statuses) == [200] + [401] * 19


@everywhere
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://evil.example"},
        {"aud": None},
        {"exp": 4_102_444_800},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"jti": None},
        {"iss": "news-web"},
        {"iss": "news-web", "sub": "news-web"},
        {"iss": "nobody", "sub": "nobody"},
    ],
    ids=str,
)
def test_an_assertion_that_does_not_hold_is_refused(
    hub: Hub, signer: SigningClient, path: str, changed: dict[str, object]
) -> None:
    proof = signer.proof(signer.assertion(**changed))
    assert refusal(hub, path, proof) == (401, "invalid_client")


@everywhere
def test_an_assertion_with_two_audiences_is_refused(
    hub: Hub, signer: SigningClient, path: str
) -> None:
    both = signer.assertion(aud=[signer.issuer, "https://other.example"])
    assert refusal(hub, path, signer.proof(both)) == (401, "invalid_client")


def test_the_audience_is_the_issuer_and_not_the_endpoint(hub: Hub, signer: SigningClient) -> None:
    there = signer.assertion(aud=f"{signer.issuer}/token")
    assert refusal(hub, "/token", signer.proof(there)) == (401, "invalid_client")


@everywhere
def test_an_assertion_of_a_wrong_typ_is_refused(hub: Hub, signer: SigningClient, path: str) -> None:
    payload = signer.assertion().split(".")[1]
    body = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    wrong = signer.sign(body, typ="consent+jwt")
    assert refusal(hub, path, signer.proof(wrong)) == (401, "invalid_client")


@everywhere
@pytest.mark.parametrize(
    "header", [{"kid": "../"}, {"kid": "other"}, {"alg": "HS256"}, {"alg": "none"}], ids=str
)
def test_a_forged_header_is_refused(
    hub: Hub, signer: SigningClient, path: str, header: dict[str, str]
) -> None:
    whole = {"alg": "ES256", "kid": "k1", "typ": "JWT"} | header
    head = base64.urlsafe_b64encode(json.dumps(whole).encode()).rstrip(b"=").decode()
    _, payload, signature = signer.assertion().split(".")
    forged = f"{head}.{payload}.{signature}"
    assert refusal(hub, path, signer.proof(forged)) == (401, "invalid_client")


@pytest.mark.parametrize("exp", ["NaN", "1e400", "Infinity", "1" * 400])
def test_an_assertion_that_ends_never_or_nowhere_is_refused(
    hub: Hub, signer: SigningClient, exp: str
) -> None:
    payload = signer.assertion().split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    text = json.dumps({**said, "exp": "@"}).replace('"@"', exp)
    proof = signer.proof(signer.sign(text.encode()))
    assert refusal(hub, "/token", proof) == (401, "invalid_client")


@everywhere
def test_two_authentication_methods_at_once_are_refused(
    hub: Hub, signer: SigningClient, path: str
) -> None:
    answer = hub.http.post(path, data={**GRANT, **signer.proof()}, auth=hub.basic("reach-api"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@everywhere
@pytest.mark.parametrize(
    "form",
    [
        {"client_id": "news-web", "client_secret": "x"},
        {"client_assertion": "a.b.c"},
        {"client_assertion_type": ASSERTION_TYPE},
        {"client_assertion": "a.b.c", "client_assertion_type": "urn:x:saml2-bearer"},
    ],
    ids=str,
)
def test_a_half_or_foreign_way_of_authenticating_is_refused(
    hub: Hub, path: str, form: dict[str, str]
) -> None:
    assert refusal(hub, path, form) == (400, "invalid_request")


@everywhere
def test_an_assertion_beside_another_clients_id_is_refused(
    hub: Hub, signer: SigningClient, path: str
) -> None:
    form = {**signer.proof(), "client_id": "news-web"}
    assert refusal(hub, path, form) == (401, "invalid_client")


@everywhere
def test_a_client_authenticates_in_its_registered_way_only(
    hub: Hub, signer: SigningClient, path: str
) -> None:
    assert refusal(hub, path, {"client_id": signer.client_id}) == (401, "invalid_client")
    assert refusal(hub, path, {"client_id": "news-web"}) == (401, "invalid_client")
    by_secret = hub.http.post(path, data=GRANT, auth=(signer.client_id, "guess"))
    assert by_secret.status_code == 401
    public = hub.http.post(path, data=GRANT, auth=("play-tv", "guess"))
    assert public.status_code == 401


@everywhere
@pytest.mark.parametrize(
    "encoded",
    [base64.b64encode(raw).decode() for raw in (b"\xff:x", b"no-colon", b"a\0:b")] + ["%%%"],
)
def test_basic_that_is_not_utf8_or_has_no_colon_is_a_401(hub: Hub, path: str, encoded: str) -> None:
    assert refusal(hub, path, {}, Authorization=f"Basic {encoded}") == (401, "invalid_client")


@everywhere
def test_credentials_in_the_query_are_refused(hub: Hub, path: str) -> None:
    answer = hub.http.post(f"{path}?client_id=news-web&client_secret=x", data=GRANT)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@everywhere
def test_a_parameter_given_twice_is_refused(hub: Hub, path: str) -> None:
    answer = hub.http.post(
        path,
        content=b"token=a&token=b",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=hub.basic("news-web"),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@everywhere
def test_a_body_that_is_no_form_is_refused(hub: Hub, path: str) -> None:
    answer = hub.http.post(path, json={"token": "x"}, auth=hub.basic("news-web"))
    assert (answer.status_code, answer.json()["error"]) == (415, "invalid_request")


@everywhere
def test_many_failures_from_one_address_are_told_to_wait(hub: Hub, path: str) -> None:
    for _ in range(100):
        hub.http.post(path, data=GRANT, auth=("news-web", "guess"))
    answer = hub.http.post(path, data=GRANT, auth=("news-web", "guess"))
    assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
