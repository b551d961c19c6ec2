"""A client's back end over real HTTP, to which a hub says that a session has ended."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import final
from urllib.parse import parse_qs

from typing_extensions import override


@dataclass(slots=True, kw_only=True)
class LogoutReceiver:
    """A running back end."""

    port: int
    status: int = 200
    """What it answers from now on."""
    location: str | None = None
    tokens: list[str] = field(default_factory=list)
    """What it was sent, oldest first."""
    paths: list[str] = field(default_factory=list)
    types: list[str | None] = field(default_factory=list)

    def uri(self, host: str = "news.localhost", path: str = "/backchannel-logout") -> str:
        return f"http://{host}:{self.port}{path}"


@contextmanager
def running_receiver() -> Generator[LogoutReceiver]:
    """One on a free port."""

    @final
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            receiver.types.append(self.headers["content-type"])
            receiver.paths.append(self.path)
            fields = parse_qs(body, strict_parsing=True)
            assert list(fields) == ["logout_token"]
            receiver.tokens += fields["logout_token"]
            self.send_response(receiver.status)
            if receiver.location is not None:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    @final
    class Server(ThreadingHTTPServer):
        request_queue_size: int = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver = LogoutReceiver(port=server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
