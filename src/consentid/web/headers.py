"""The outermost layer: what every answer carries, HEAD, and cross-origin rules where they are due.

It stands before routing, so that answers made there (404, 405) carry the same headers.
Credentials (cookies) are never allowed across origins.  Spec: Fetch standard (CORS protocol),
RFC 9110 section 9.3.2 (HEAD).
"""

import contextlib
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias, cast, final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from consentid.flows.context import Context
from consentid.flows.watch_revocations import RevocationWatch, origins_of
from consentid.kit.errors import UnavailableError

_Headers: TypeAlias = list[tuple[bytes, bytes]]

ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)

_IN_POPUPS: Final = frozenset({"/authorize", "/login/callback"})
_IN_POPUPS_FOLDER: Final = "/interaction/"
"""The way from a client's authorization request to its answer: some sign-in libraries walk it in a
window that they opened, and listen for its end through the opener, which ``same-origin`` cuts off.
Frames stay forbidden, and a window's opener reads nothing of another origin.  Spec: HTML standard,
section 7.1.3 (cross-origin opener policy).
"""
_WITH_OPENER: Final = tuple(
    (name, b"unsafe-none" if name == b"cross-origin-opener-policy" else text)
    for name, text in ALWAYS
)

_OPEN: Final = frozenset({"/jwks.json", "/link-keys.json", "/statuslists", "/v1/catalogue"})
_OPEN_FOLDERS: Final = ("/.well-known/", "/statuslists/", "/sdk/", "/v1/ledger/")
_BRANDS: Final = frozenset(
    {
        "/device_authorization",
        "/token",
        "/revoke",
        "/userinfo",
        "/v1/state",
        "/v1/decisions",
        "/v1/withdrawals",
        "/v1/devices",
        "/v1/handoffs",
        "/v1/served",
        "/v1/verify",
    }
)
VARY: Final = (b"vary", b"Origin")
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"GET, POST"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer",
    ),
    (b"access-control-max-age", b"600"),
)
EXPOSED: Final = (
    b"access-control-expose-headers",
    b"Date, ETag, Preference-Applied, Retry-After, WWW-Authenticate",
)


class _Openness(Enum):
    """Which foreign pages may read the answers of an address."""

    ANYBODY = 1
    BRANDS = 2
    NOBODY = 3


@final
class EdgeHeaders:
    """Security headers always, CORS where it is due, preflights answered, HEAD as GET."""

    def __init__(
        self,
        app: ASGIApp,
        context: Context,
        watch: RevocationWatch,
        *,
        methods: Mapping[str, bytes],
    ) -> None:
        """``methods``: what each address takes, by its template, as ``Allow`` has it."""
        self._app: ASGIApp = app
        self._methods: Final = methods
        self._context: Context = context
        self._watch: Final = watch
        self._origins: frozenset[bytes] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and add headers on the way out."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        openness = _openness(scope["path"])
        origin = headers.get(b"origin")
        allowed = await self._allowed(openness, origin)
        extra: _Headers = [*(_WITH_OPENER if _is_in_popup(scope["path"]) else ALWAYS)]
        if openness is _Openness.BRANDS:
            extra.append(VARY)
        if allowed is not None:
            extra.append((b"access-control-allow-origin", allowed))
        is_preflight = (
            scope["method"] == "OPTIONS"
            and origin is not None
            and b"access-control-request-method" in headers
        )
        if is_preflight and openness is not _Openness.NOBODY:
            await _answer_preflight(extra if allowed is None else [*extra, *_PREFLIGHT], send)
            return
        if allowed is not None:
            extra.append(EXPOSED)
        is_head = scope["method"] == "HEAD"
        asked = cast("HTTPScope", cast("object", {**scope, "method": "GET"} if is_head else scope))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [self._told(asked, *header) for header in message.get("headers", [])]
                named = {name.lower() for name, _ in own} - {b"vary"}
                # A page may have its own policy.
                message["headers"] = [*own, *(each for each in extra if each[0] not in named)]
            elif message["type"] == "http.response.body" and is_head:
                message["body"] = b""
            await send(message)

        try:
            await self._app(asked, receive, send_with_headers)
        finally:
            if is_head and "path_template" in asked:
                scope["path_template"] = asked["path_template"]  # for who counts requests

    def _told(self, scope: HTTPScope, name: bytes, text: bytes) -> tuple[bytes, bytes]:
        """A header of an answer; ``Allow`` with all that the address takes."""
        if name.lower() != b"allow":
            return name, text
        if scope["method"] == "OPTIONS":  # the framework tells of one handler of several
            # The router has noted it, if there is such an address.
            template = cast("Mapping[str, str]", cast("object", scope)).get("path_template", "")
            return name, self._methods.get(template, text)
        return _with_head(name, text)

    async def _allowed(self, openness: _Openness, origin: bytes | None) -> bytes | None:
        if openness is _Openness.ANYBODY:
            return b"*"
        if openness is _Openness.NOBODY or origin is None:
            return None
        ground = self._watch.ground()
        if ground is not None:
            self._origins = ground.origins
            if origin in self._origins:
                return origin
        # One that memory does not know may have been applied this very second.
        return origin if origin in await self._brand_origins() else None

    async def _brand_origins(self) -> frozenset[bytes]:
        """As the configuration in force has them; where the database is away, as it last had."""
        with contextlib.suppress(UnavailableError):
            async with self._context.database.reading() as connection:
                self._origins = origins_of(await self._context.book(connection))
        return self._origins


def _is_in_popup(unverified_path: str) -> bool:
    return unverified_path.rstrip("/") in _IN_POPUPS or unverified_path.startswith(
        _IN_POPUPS_FOLDER
    )


def _openness(unverified_path: str) -> _Openness:
    # The router reads "/v1/state/" as "/v1/state".
    path = unverified_path.rstrip("/")
    if path in _OPEN or path.startswith(_OPEN_FOLDERS):
        return _Openness.ANYBODY
    return _Openness.BRANDS if path in _BRANDS else _Openness.NOBODY


def _with_head(name: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Whoever takes GET takes HEAD, and ``Allow`` says so."""
    if b"GET" in text and b"HEAD" not in text:
        return name, text.replace(b"GET", b"GET, HEAD")
    return name, text


async def _answer_preflight(headers: _Headers, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
