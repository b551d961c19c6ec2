"""An issuer on loopback: a real HTTP server whose documents a test may change or break."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Page, sync_playwright
from tests.chromium import FLAGS, PATIENCE_MS
from tests.tokens.making import JWKS, KEY, KID, NOW, claims, compact, issue, issue_list

from consentid.tokens.consent import Status, StatusListRef
from consentid.tokens.status import PATH
from consentid.verify.stream import STREAM_PATH


@dataclass
class Issuer:
    """What the server answers, and what it was asked."""

    port: int = 0
    documents: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    asked: list[tuple[str, int]] = field(default_factory=list)
    hold: threading.Event | None = None
    """Where set up, no answer is given before it is."""
    events: SimpleQueue[bytes | None] | None = None
    """Where there is a stream: what it tells next; None breaks it off."""
    last_event_ids: list[str | None] = field(default_factory=list)
    _answered: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def list_uri(self) -> str:
        return f"{self.url}{PATH}1"

    def publish(
        self,
        *set_indices: int,
        iat_s: int = NOW,
        uri: str | None = None,
        key: ec.EllipticCurvePrivateKey = KEY,
        kid: str = KID,
    ) -> None:
        token = issue_list(set_indices, iat_s=iat_s, uri=uri or self.list_uri, key=key, kid=kid)
        self.documents[f"{PATH}1"] = token.encode()

    def token(self, **changed: object) -> str:
        status = Status(status_list=StatusListRef(idx=4_242, uri=self.list_uri))
        return issue(claims(iss=self.url, **{"status": status, **changed}))

    def count(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)

    def note(self, path: str, code: int) -> None:
        with self._answered:
            self.asked.append((path, code))
            self._answered.notify_all()

    def tells(self, asked: BaseHTTPRequestHandler) -> bool:
        """Answer with the stream, where there is one and it was asked for."""
        if self.events is None or asked.path != STREAM_PATH:
            return False
        self.last_event_ids.append(asked.headers.get("Last-Event-ID"))
        self.note(asked.path, 200)
        asked.send_response(200)
        asked.send_header("Content-Type", "text/event-stream")
        asked.send_header("Connection", "close")
        asked.end_headers()
        while (event := self.events.get()) is not None:
            asked.wfile.write(event)
        return True

    def wait_for(self, path: str, count: int) -> None:
        """Until something was asked for so many times: verifiers ask in the background."""
        with self._answered:
            assert self._answered.wait_for(lambda: self.count(path) >= count, timeout=120)


def _media_type(path: str) -> str:
    if path.endswith(".js"):
        return "text/javascript"
    return "text/html" if path == "/" else "application/octet-stream"


class Clock:
    """Unix seconds that pass when a test says so."""

    now_s: float = NOW

    def __call__(self) -> float:
        return self.now_s

    def forward(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    state = Issuer()

    @final
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if state.tells(self):
                return
            if state.hold is not None:
                state.hold.wait(300)
            body = state.documents.get(self.path)
            code = 404 if body is None else state.status
            etag = f'"{sha256(body or b"").hexdigest()[:16]}"'
            if code == 200 and self.headers.get("If-None-Match") == etag:
                code = 304
            state.note(self.path, code)
            self.send_response(code)
            self.send_header("ETag", etag)
            self.send_header("Content-Type", _media_type(self.path))
            for name, value in state.headers.items():
                self.send_header(name, value)
            content = body if code == 200 and body is not None else b""
            if "Content-Length" not in state.headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(  # pyright: ignore[reportImplicitOverride] - typing.override is 3.12
            self,
            format: str,  # noqa: A002 - its name there
            *args: object,
        ) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(  # pyright: ignore[reportImplicitOverride] - typing.override is 3.12
            self, request: object, client_address: object
        ) -> None:
            """A client that hangs up at its limit is what is tested."""

    with Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.port = server.server_port
        state.documents["/.well-known/openid-configuration"] = compact(
            {"issuer": state.url, "jwks_uri": f"{state.url}/jwks.json"}
        )
        state.documents["/jwks.json"] = compact(JWKS)
        state.publish()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")  # its loop must not outlive the tests that need it
def blank_page(chromium: Path) -> Iterator[Callable[[], Page]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=[*FLAGS])

        def new_page() -> Page:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            return page

        yield new_page
        browser.close()
