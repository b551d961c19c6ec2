"""What is asked of the hub: requests as bytes, each of somebody who may ask."""

import base64
import hashlib
import itertools
import re
import secrets
from collections import deque
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import msgspec
from tests.bench.client import Load, NextRequest
from tests.web.hub import Hub, basic_of, fresh_key
from tests.web.pages.visits import CALLBACK, Form, authorize_path, origin_of

_VERIFIER = "v" * 43
_DIGEST = hashlib.sha256(_VERIFIER.encode()).digest()
_CHALLENGE = base64.urlsafe_b64encode(_DIGEST).decode().rstrip("=")
_FORM = "application/x-www-form-urlencoded"


def request_bytes(path: str, body: bytes | None = None, *, number: int, **headers: str) -> bytes:
    """A request of one of many callers, whom our proxy names."""
    told = {
        "Host": "127.0.0.1",
        "X-Forwarded-For": f"192.0.2.{number + 1}",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    if body is not None:
        told["Content-Length"] = str(len(body))
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1"]
    lines += [f"{name}: {text}" for name, text in told.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def bare_load(port: int, pid: int) -> Load:
    return Load(name="bare route", port=port, pid=pid, status=200, next_request=_same("/"))


def hub_loads(hub: Hub, *, connections: int) -> list[Load]:
    """All that is measured, in order: the codes that one hands out, the next one redeems."""
    port = urlsplit(hub.url).port
    assert port is not None
    codes: deque[str] = deque()
    cookies = [_visitor(hub) for _ in range(connections)]
    token, consent_token = _tokens(hub, cookies[0])
    basic = basic_of(hub, "news-web")
    bearer = hub.client_token()

    def authorize(number: int) -> bytes:
        path = authorize_path(prompt="none", code_challenge=_CHALLENGE)
        return request_bytes(path, number=number, Cookie=cookies[number])

    def keep_code(headers: Mapping[bytes, bytes]) -> None:
        told = dict(parse_qsl(urlsplit(headers[b"location"].decode()).query))
        codes.append(told["code"])

    def redeem(number: int) -> bytes | None:
        if not codes:
            return None
        return _form("/token", _redemption(codes.pop()), number=number, Authorization=basic)

    def load(name: str, status: int, next_request: NextRequest) -> Load:
        return Load(name=name, port=port, pid=hub.pid, status=status, next_request=next_request)

    credentials = {"grant_type": "client_credentials"}
    asked = msgspec.json.encode({"token": consent_token, "purposes": ["ads"]})
    return [
        Load(
            name="GET /authorize, prompt=none",
            port=port,
            pid=hub.pid,
            status=303,
            next_request=authorize,
            heard=keep_code,
        ),
        load("POST /token, authorization_code", 200, redeem),
        load(
            "POST /token, client_credentials",
            200,
            lambda number: _form("/token", credentials, number=number, Authorization=basic),
        ),
        load(
            "POST /introspect",
            200,
            lambda number: _form(
                "/introspect", {"token": token}, number=number, Authorization=basic
            ),
        ),
        load("POST /v1/verify", 200, _same("/v1/verify", asked, **_json(), **bearer)),
        decisions_load(hub, connections=connections),
    ]


def decisions_load(hub: Hub, *, connections: int) -> Load:
    """Decisions of as many people as there are connections."""
    port = urlsplit(hub.url).port
    assert port is not None
    return Load(
        name="POST /v1/decisions",
        port=port,
        pid=hub.pid,
        status=201,
        next_request=_decisions(hub, connections=connections),
    )


def _decisions(hub: Hub, *, connections: int) -> NextRequest:
    """Each caller is one person, who changes their mind every time."""
    people = [hub.sign_in() for _ in range(connections)]
    bodies = itertools.cycle(
        msgspec.json.encode(hub.decision(choices=[{"purpose": "ads", "outcome": outcome}]))
        for outcome in ("granted", "refused")
    )

    def decide(number: int) -> bytes:
        headers = {**people[number], **fresh_key(), **_json()}
        return request_bytes("/v1/decisions", next(bodies), number=number, **headers)

    return decide


def _same(path: str, body: bytes | None = None, **headers: str) -> NextRequest:
    made: dict[int, bytes] = {}

    def next_request(number: int) -> bytes:
        if number not in made:
            made[number] = request_bytes(path, body, number=number, **headers)
        return made[number]

    return next_request


def _form(path: str, fields: Mapping[str, str], *, number: int, **headers: str) -> bytes:
    body = urlencode(fields).encode()
    return request_bytes(path, body, number=number, **{"Content-Type": _FORM}, **headers)


def _json() -> dict[str, str]:
    return {"Content-Type": "application/json"}


def _redemption(code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": _VERIFIER,
    }


def _visitor(hub: Hub) -> str:
    """Somebody who never signs in and has accepted: the cookies of their browser."""
    with httpx2.Client(base_url=hub.url, timeout=30) as http:
        answer = http.get(authorize_path())
        path = re.sub(r"^https?://[^/]+", "", answer.headers["location"])
        fields = {**Form(http.get(path).text).hidden, "act": "accept"}
        answer = http.post(
            path,
            data=fields,
            headers={
                "Origin": origin_of(hub),
                "X-Forwarded-For": f"198.51.100.{secrets.randbelow(250)}",
            },
        )
        assert "code=" in answer.headers["location"], answer.text
        return "; ".join(f"{name}={text}" for name, text in http.cookies.items())


def _tokens(hub: Hub, cookies: str) -> tuple[str, str]:
    """An access token and a consent token of a visitor."""
    path = authorize_path(prompt="none", code_challenge=_CHALLENGE)
    answer = hub.http.get(path, headers={"Cookie": cookies})
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]
    told = hub.token(_redemption(code)).json()
    return told["access_token"], told["consent_token"]
