"""What every answer carries, and which foreign pages may read which answers."""

import socket

import httpx2
import pytest
from tests.web.hub import NEWS_ORIGIN, Hub, fresh_key

OPEN = (
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/jwks.json",
    "/statuslists",
    "/statuslists/1",
    "/v1/catalogue?brand=news",
    "/v1/ledger/checkpoint",
)
BRANDS = (
    "/device_authorization",
    "/token",
    "/v1/state",
    "/v1/decisions",
    "/v1/withdrawals",
    "/v1/devices",
    "/v1/handoffs",
    "/v1/served",
    "/v1/verify",
)
CLOSED = ("/v1/verify/batch", "/v1/history", "/health/live", "/health/ready", "/schema", "/nowhere")
LENGTH_AND_CHUNKS = b"\r\n".join(
    [
        b"POST /v1/verify HTTP/1.1",
        b"Host: x",
        b"Content-Length: 2",
        b"Transfer-Encoding: chunked",
        b"",
        b"0",
        b"",
        b"GET /v1/state HTTP/1.1",
        b"Host: x",
        b"",
        b"",
    ]
)
EXPIRE_NEWEST = """
UPDATE access_tokens SET expires_at = now()
WHERE token_hash = (SELECT token_hash FROM access_tokens ORDER BY issued_at DESC LIMIT 1)
"""
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
ALLOW_ORIGIN = "access-control-allow-origin"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}


def assert_secure(answer: httpx2.Response) -> None:
    for name, value in SECURITY.items():
        assert answer.headers.get_list(name) == [value], (answer.request.url, name)
    assert "server" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", [*OPEN, *BRANDS, *CLOSED])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_every_answer_carries_the_security_headers(hub: Hub, method: str, path: str) -> None:
    answer = hub.http.request(method, path)
    # Of a log that no worker has opened there is no checkpoint yet.
    may_wait = path == "/v1/ledger/checkpoint" and method in {"GET", "HEAD"}
    assert answer.status_code < 500 or (may_wait and answer.status_code == 503)
    assert_secure(answer)


@pytest.mark.parametrize("path", ["/authorize", "/login/callback", "/interaction/none"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_the_way_of_a_sign_in_keeps_the_window_that_opened_it(
    hub: Hub, method: str, path: str
) -> None:
    answer = hub.http.request(method, path, headers={"Accept": "text/html"})
    assert answer.headers.get_list("cross-origin-opener-policy") == ["unsafe-none"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", ["/preferences", "/logout", "/device", "/interactions", "/token"])
def test_every_other_page_is_cut_off_from_whoever_opened_it(hub: Hub, path: str) -> None:
    answer = hub.http.get(path, headers={"Accept": "text/html"})
    assert answer.headers.get_list("cross-origin-opener-policy") == ["same-origin"]


def test_answers_made_before_any_handler_carry_them_too(hub: Hub) -> None:
    headers = {**hub.client_token(), **fresh_key()}
    large = hub.http.post("/v1/decisions", content=b"x" * 70_000, headers=headers)
    assert large.status_code == 413
    odd = hub.http.post("/v1/decisions", content=b"x", headers=headers)
    assert odd.status_code == 415
    for answer in (large, odd):
        assert_secure(answer)
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/state", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/decisions", "POST, OPTIONS"),
        ("HEAD", "/v1/decisions", "POST, OPTIONS"),
        ("PUT", "/statuslists/1", "GET, HEAD, OPTIONS"),
        ("POST", "/v1/catalogue", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_told_which_ones_there_are(
    hub: Hub, method: str, path: str, allowed: str
) -> None:
    answer = hub.http.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == set(allowed.split(", "))
    if method != "HEAD":
        assert answer.json()["code"] == "method_not_allowed"
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_is_a_problem(hub: Hub) -> None:
    for path in ("/nowhere", "/v1", "/v1/decisions/1", "/statuslists/one", "/%00", "/..%2ftoken"):
        answer = hub.http.get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/catalogue?brand=news", "/jwks.json", "/health/ready"])
def test_head_is_get_without_a_body(hub: Hub, path: str) -> None:
    plain = {"Accept-Encoding": "identity"}  # what is sealed anew compresses a byte more or less
    head, got = hub.http.head(path, headers=plain), hub.http.get(path, headers=plain)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", [*OPEN, *BRANDS, *CLOSED[:-1]])
def test_options_tells_the_methods(hub: Hub, path: str) -> None:
    answer = hub.http.options(path)
    assert answer.status_code == 204
    assert "OPTIONS" in answer.headers["allow"]


def test_options_and_a_refusal_tell_of_all_that_the_document_has(hub: Hub) -> None:
    """Also where an address has several handlers, of which the framework tells of one."""
    paths: dict[str, dict[str, object]] = hub.http.get("/schema").json()["paths"]
    several = {path: set(methods) for path, methods in paths.items() if len(methods) > 1}
    assert len(several) >= 5
    for path, methods in several.items():
        documented = {method.upper() for method in methods} | {"OPTIONS"}
        documented |= {"HEAD"} if "GET" in documented else set()
        at = path.replace("{number}", "7")
        for answer in (hub.http.options(at), hub.http.request("TRACE", at)):
            assert set(answer.headers["allow"].split(", ")) == documented, path


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("origin", ["https://anybody.example", "null", NEWS_ORIGIN, None])
def test_anybody_reads_what_is_public(hub: Hub, path: str, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    assert hub.http.get(path, headers=headers).headers[ALLOW_ORIGIN] == "*"
    if origin is not None:
        preflight = hub.http.options(path, headers={**headers, **PREFLIGHT})
        assert preflight.status_code == 204
        assert preflight.headers[ALLOW_ORIGIN] == "*"


@pytest.mark.parametrize("path", BRANDS)
def test_a_brand_reads_what_is_its_own(hub: Hub, path: str) -> None:
    for origin in (NEWS_ORIGIN, "http://shop.localhost:7600", "http://play.localhost:7600"):
        answer = hub.http.post(path, headers={"Origin": origin})
        assert answer.headers[ALLOW_ORIGIN] == origin
        assert "Origin" in answer.headers["vary"]
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        preflight = hub.http.options(path, headers={"Origin": origin, **PREFLIGHT})
        assert preflight.status_code == 204
        assert preflight.headers[ALLOW_ORIGIN] == origin
        assert preflight.headers["access-control-max-age"] == "600"
        allowed = preflight.headers["access-control-allow-headers"].lower()
        assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.split(", "))
        assert_secure(preflight)


@pytest.mark.parametrize("path", BRANDS)
@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example",
        "null",
        "http://news.localhost",
        "https://news.localhost:7600",
        "http://news.localhost:7600.evil.example",
        "http://NEWS.localhost:7600",
        "http://reach.localhost:7600",
        "*",
        "",
    ],
)
def test_a_stranger_reads_nothing_of_a_brand(hub: Hub, path: str, origin: str) -> None:
    answer = hub.http.post(path, headers={"Origin": origin})
    assert ALLOW_ORIGIN not in answer.headers
    assert "Origin" in answer.headers["vary"]
    preflight = hub.http.options(path, headers={"Origin": origin, **PREFLIGHT})
    assert ALLOW_ORIGIN not in preflight.headers
    assert "Origin" in preflight.headers["vary"]


@pytest.mark.parametrize("path", CLOSED)
def test_no_foreign_page_reads_the_rest(hub: Hub, path: str) -> None:
    for headers in ({"Origin": NEWS_ORIGIN}, {"Origin": NEWS_ORIGIN, **PREFLIGHT}):
        for method in ("GET", "POST", "OPTIONS"):
            answer = hub.http.request(method, path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_who_sends_it_there_changes_nothing(hub: Hub) -> None:
    """Neither ``Host`` nor what a proxy would add is believed."""
    spoofed = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.example;proto=https",
        "X-Original-URL": "/token",
        "X-HTTP-Method-Override": "DELETE",
    }
    for path in ("/.well-known/openid-configuration", "/jwks.json", "/statuslists"):
        plain, odd = hub.http.get(path), hub.http.get(path, headers=spoofed)
        assert odd.status_code == 200
        assert odd.content == plain.content
        assert b"evil" not in odd.content


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /v1/state HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        b"GET /v1/state HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\0b\r\n\r\n",
        b"GET /v1/state\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        LENGTH_AND_CHUNKS,
        b"POST /v1/verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    ],
    ids=["host", "header", "path", "length", "two lengths", "length and chunks", "bad chunk"],
)
def test_a_smuggled_request_is_refused_as_a_whole(hub: Hub, request_text: bytes) -> None:
    before = hub.counts()
    with socket.create_connection(("127.0.0.1", int(hub.url.rpartition(":")[2]))) as raw:
        raw.settimeout(120)
        raw.sendall(request_text)
        raw.shutdown(socket.SHUT_WR)
        answer = b""
        while part := raw.recv(65_536):
            answer += part
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert not answer or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 ", b"HTTP/1.1 404 "))
    assert hub.counts() == before


def test_who_calls_is_asked_for_in_the_words_of_the_standard(hub: Hub) -> None:
    missing = hub.http.get("/v1/state")
    assert missing.status_code == 401
    assert missing.headers["www-authenticate"] == 'Bearer realm="consentid"'
    assert missing.json()["code"] == "token_missing"
    for wrong in ("Bearer x", "Bearer", "Basic eDp4", "bearer " + "x" * 8_000, "Bearer a b", "x"):
        answer = hub.http.get("/v1/state", headers={"Authorization": wrong})
        assert answer.status_code == 401
        challenge = 'Bearer realm="consentid", error="invalid_token"'
        assert answer.headers["www-authenticate"] == challenge
        assert answer.json()["code"] == "invalid_token"
        assert answer.headers["cache-control"] == "no-store"
    right = hub.client_token()["Authorization"]
    twice = hub.http.get("/v1/state", headers=[("Authorization", right), ("Authorization", right)])
    assert twice.status_code == 401


def test_an_expired_access_token_is_refused(hub: Hub) -> None:
    headers = hub.sign_in()
    assert hub.http.get("/v1/state", headers=headers).status_code == 200
    hub.rows(EXPIRE_NEWEST)
    answer = hub.http.get("/v1/state", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"


def test_the_scope_is_needed(hub: Hub) -> None:
    for path in ("/v1/decisions", "/v1/withdrawals", "/v1/devices", "/v1/served"):
        answer = hub.http.post(
            path, json={}, headers={**hub.client_token("reach-api"), **fresh_key()}
        )
        assert answer.status_code == 403
        assert answer.json()["code"] == "insufficient_scope"
    forms = hub.client_token("reach-forms")
    assert hub.http.post("/v1/verify", json={"token": "x"}, headers=forms).status_code == 403
