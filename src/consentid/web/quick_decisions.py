"""A decision in its plainest form skips what the framework does between the body and the handler.

It stands right before the handler, after all that is the same for every request: the body was read
and checked, and whatever is raised here becomes the answer that it always becomes.  Anything out of
the usual (a parameter, a second header, a signal, a body that does not fit) goes the long way,
untouched, and gets its answer or its error there.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar, final

import msgspec
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from consentid.brandbook.client import Scope as ApiScope
from consentid.flows.authenticate import Caller, authenticate
from consentid.flows.context import Context
from consentid.flows.idempotency import MAX_KEY_LENGTH, Repeatable, repeatable
from consentid.flows.record_decision import DecisionOut
from consentid.web.guards import context_of
from consentid.web.strict_bodies import body_of

_JSON: Final = (b"content-type", b"application/json")
_BEARER: Final = re.compile(rb"bearer ([!-~]{1,256})", re.IGNORECASE)
_KEY: Final = re.compile(rb"[!-~]{1,%d}" % MAX_KEY_LENGTH)
_ONCE: Final = frozenset({b"authorization", b"idempotency-key"})
_SIGNAL: Final = b"sec-gpc"
T = TypeVar("T")


@final
class QuickDecisions(Generic[T]):
    """Middleware of one handler: ``record`` does the same as that, with what it is given."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        body: type[T],
        record: Callable[[Context, Caller, T, Repeatable], Awaitable[DecisionOut]],
    ) -> None:
        self._app: ASGIApp = app
        self._decoder: Final = msgspec.json.Decoder(body)
        self._record: Final = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record and answer, or hand on.

        Raises:
            ConsentidError: what is refused.
        """
        plain = None
        if scope["type"] == ScopeType.HTTP and not scope["query_string"]:
            plain = _read_plainly(scope["headers"])
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        body = body_of(connection)
        data = None if plain is None or body is None else self._decode(body)
        if plain is None or body is None or data is None:
            await self._app(scope, receive, send)
            return
        context, (access_token, key) = context_of(connection), plain
        caller = await authenticate(context, access_token)
        caller.require(ApiScope.DECISIONS_WRITE)
        request = repeatable(
            context,
            client_id=caller.client.client_id,
            route="decisions",
            key=key,
            subject=caller.subject,
            body=body,
        )
        answer = msgspec.json.encode(await self._record(context, caller, data, request))
        await send(
            {
                "type": "http.response.start",
                "status": HTTPStatus.CREATED,
                "headers": [_JSON, (b"content-length", str(len(answer)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": answer, "more_body": False})

    def _decode(self, body: bytes) -> T | None:
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError:
            return None


def _read_plainly(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str] | None:
    """The access token and the idempotency key; None where anything is out of the usual."""
    found: dict[bytes, bytes] = {}
    for name, text in headers:
        if name == _SIGNAL or name in found:
            return None
        if name in _ONCE:
            found[name] = text
    access_token = _BEARER.fullmatch(found.get(b"authorization", b""))
    key = _KEY.fullmatch(found.get(b"idempotency-key", b""))
    if access_token is None or key is None:
        return None
    return access_token[1].decode(), key[0].decode()
