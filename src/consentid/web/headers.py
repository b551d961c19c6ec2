"""The headers that every answer carries, and cross-origin rules where the contract has them.

Cookies are never allowed across origins.  Spec: Fetch standard (CORS).
"""

from typing import Final, final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from consentid.flows.context import Context
from consentid.kit.errors import UnavailableError

_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_CSP: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_SCHEMA: Final = "/schema"

_OPEN: Final = ("/.well-known/", "/jwks.json", "/statuslists", "/v1/catalogue", "/sdk/")
_BRANDS: Final = frozenset(
    {
        "/token",
        "/revoke",
        "/v1/state",
        "/v1/decisions",
        "/v1/withdrawals",
        "/v1/devices",
        "/v1/handoffs",
        "/v1/served",
    }
)
_MAX_AGE_S: Final = b"600"


@final
class EdgeHeaders:
    """Middleware: security headers always, CORS where it is due, preflights answered."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app: ASGIApp = app
        self._context: Context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add headers on the way out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        extra = [*_ALWAYS]
        if not scope["path"].startswith(_SCHEMA):
            extra.append(_CSP)
        extra += await self._cross_origin(scope["path"], headers.get(b"origin"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await _preflight(send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    async def _cross_origin(self, path: str, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        if path.startswith(_OPEN):
            return _allow(b"*")
        if path not in _BRANDS:
            return []
        vary = (b"vary", b"Origin")
        if origin is None or origin.decode("latin-1") not in await self._origins():
            return [vary]
        return [*_allow(origin), vary]

    async def _origins(self) -> frozenset[str]:
        try:
            async with self._context.database.reading() as connection:
                book = await self._context.book(connection)
        except UnavailableError:
            return frozenset()
        return frozenset(origin for brand in book.brands.values() for origin in brand.origins)


def _allow(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key"),
        (b"access-control-expose-headers", b"ETag, Retry-After"),
        (b"access-control-max-age", _MAX_AGE_S),
    ]


async def _preflight(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
