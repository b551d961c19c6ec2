"""The middleware in front of real servers, and in front of callables."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx2
import pytest
from tests.tokens.making import AUDIENCE
from tests.verify.conftest import Clock, Issuer
from typing_extensions import override

from consentid.verify import Active, AsyncVerifier, ConsentAsgi, ConsentWsgi, Verifier
from consentid.verify.middleware import find_token


class Quiet(WSGIRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def page(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    consent = environ["consentid"]
    may = isinstance(consent, Active) and consent.allows("audience")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"personal" if may else b"plain"]


@pytest.fixture
def site(issuer: Issuer, clock: Clock) -> Iterator[str]:
    with Verifier(issuer=issuer.url, audience=AUDIENCE, now=clock) as verifier:
        app = ConsentWsgi(page, verifier, cookie="consent")
        with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()


def test_a_wsgi_application_finds_the_answer(site: str, issuer: Issuer) -> None:
    token = issuer.token()
    with httpx2.Client(trust_env=False) as http:
        answer = http.get(site, headers={"Cookie": f"other=1; consent={token}"})
        assert answer.text == "personal"
        assert http.get(site).text == "plain"
        assert http.get(site, headers={"Cookie": "consent=x.y.z"}).text == "plain"
        bearer = {"Authorization": f"Bearer {token}"}
        assert http.get(site, headers=bearer).text == "plain"  # a cookie was named


async def test_an_asgi_application_finds_the_answer(issuer: Issuer, clock: Clock) -> None:
    seen: list[object] = []

    async def app(scope: Any, *_: object) -> None:
        seen.append(scope.get("consentid"))

    async def nothing(*_: object) -> None:
        await asyncio.sleep(0)

    async with AsyncVerifier(issuer=issuer.url, audience=AUDIENCE, now=clock) as verifier:
        guarded = ConsentAsgi(app, verifier)
        for kind in ("http", "websocket"):
            headers = [(b"authorization", b"Bearer " + issuer.token().encode())]
            await guarded({"type": kind, "headers": headers}, nothing, nothing)
            assert isinstance(seen.pop(), Active)
        await guarded({"type": "http", "headers": []}, nothing, nothing)
        assert not isinstance(seen.pop(), Active)
        await guarded({"type": "lifespan"}, nothing, nothing)
        assert seen.pop() is None


@pytest.mark.parametrize(
    ("authorization", "cookies", "cookie", "token"),
    [
        (None, None, None, ""),
        ("Bearer a.b.c", None, None, "a.b.c"),
        ("bearer  a.b.c ", None, None, "a.b.c"),
        ("Basic a.b.c", None, None, ""),
        ("Bearer a.b.c", None, "consent", ""),
        ("Bearer a.b.c", "consent=d.e.f", "consent", "d.e.f"),
        (None, "x=1; consent=d.e.f; y=2", "consent", "d.e.f"),
        (None, "x=1;;;=;", "consent", ""),
        (None, 'consent="d.e.f"', "consent", "d.e.f"),
    ],
)
def test_where_a_token_is_found(
    authorization: str | None, cookies: str | None, cookie: str | None, token: str
) -> None:
    assert find_token(authorization, cookies, cookie) == token
