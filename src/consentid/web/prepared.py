"""Answers whose head is known before the question is: they leave as one piece.

The server looks through each field of each answer's head, which takes as long as many an answer
does.  A head that never changes is written once, and goes with its body straight to the connection
where the server offers that (``JoiningProtocol`` does, by an extension of its own in the scope).
Spec: ASGI 3.0, "Extensions"; RFC 9112 sections 4 and 6.
"""

from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast, final
from weakref import ref

from litestar.types import Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_EXTENSIONS: Final = "extensions"
_WHOLE: Final = "consentid.whole"
Field = tuple[bytes, bytes]


@final
class Prepared:
    """A status and the fields of its head, but for the length and what the server adds."""

    def __init__(self, status: HTTPStatus, fields: Iterable[Field]) -> None:
        self.status: Final = status
        self._fields: Final = tuple(fields)
        self._has_body: Final = status is not HTTPStatus.NO_CONTENT
        line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        self._head: Final = line + _written(self._fields)

    async def send(
        self, scope: Scope, send: Send, body: bytes = b"", *, extra: Iterable[Field] = ()
    ) -> None:
        """Answer a request with a body; ``extra`` fields are this answer's own."""
        told = [(b"content-length", b"%d" % len(body)), *extra] if self._has_body else [*extra]
        extensions: dict[str, Any] | None = _open(scope).get(_EXTENSIONS)
        whole = None if extensions is None else extensions.get(_WHOLE)
        if whole is not None and whole(self._head + _written(told), body):
            return
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*told, *self._fields],
            }
        )
        await send({"type": "http.response.body", "body": body, "more_body": False})


def offer_whole(cycle: RequestResponseCycle) -> None:
    """Let who answers this request do so in one piece."""
    _open(cycle.scope)[_EXTENSIONS] = {_WHOLE: partial(_send_whole, ref(cycle))}


def withdraw_whole(scope: Scope) -> None:
    """Have this request answered message by message: somebody listens to what is sent."""
    _open(scope).pop(_EXTENSIONS, None)


def _send_whole(answering: "ref[RequestResponseCycle]", head: bytes, body: bytes) -> bool:
    """Write an answer; False where it has to go the server's own way.

    Held weakly: what holds itself stays until the collector comes, and that is seldom here.
    """
    cycle = answering()
    if cycle is None:
        return False
    if cycle.flow.write_paused or cycle.response_started or cycle.scope["method"] == "HEAD":
        return False
    if cycle.disconnected:
        return True  # nobody is there to hear it
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    ending = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    cycle.transport.write(b"".join((head, _written(cycle.default_headers), ending, body)))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def _written(fields: Iterable[Field]) -> bytes:
    return b"".join([b"%b: %b\r\n" % field for field in fields])


def _open(scope: object) -> dict[str, Any]:
    return cast("dict[str, Any]", scope)
