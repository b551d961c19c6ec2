"""Middleware for ASGI and WSGI: each request carries the answer about its consent token.

The token comes as ``Authorization: Bearer``, or in a cookie where one is named; without a token the
answer is ``Inactive``.  Nothing is refused here: the application asks for the purpose it needs.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, final

from consentid.verify.online import AsyncVerifier, Verifier

ANSWER: Final = "consentid"
"""Where the answer is found: in the ASGI scope, in the WSGI environ."""

_Scope = MutableMapping[str, Any]
_Asgi = Callable[[_Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]
_Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@final
class ConsentAsgi:
    """Puts ``Active`` or ``Inactive`` into ``scope["consentid"]``.  Spec: ASGI 3.0."""

    def __init__(self, app: _Asgi, verifier: AsyncVerifier, *, cookie: str | None = None) -> None:
        self._app, self._verifier, self._cookie = app, verifier, cookie

    async def __call__(
        self, scope: _Scope, receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        """Verify the request's token, then hand the request on."""
        if scope["type"] in {"http", "websocket"}:
            sent = {name: text.decode("latin-1") for name, text in scope["headers"]}
            token = find_token(sent.get(b"authorization"), sent.get(b"cookie"), self._cookie)
            scope = {**scope, ANSWER: await self._verifier.verify(token)}
        await self._app(scope, receive, send)


@final
class ConsentWsgi:
    """Puts ``Active`` or ``Inactive`` into ``environ["consentid"]``.  Spec: PEP 3333."""

    def __init__(self, app: _Wsgi, verifier: Verifier, *, cookie: str | None = None) -> None:
        self._app, self._verifier, self._cookie = app, verifier, cookie

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Verify the request's token, then hand the request on."""
        authorization, cookies = environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_COOKIE")
        token = find_token(authorization, cookies, self._cookie)
        return self._app({**environ, ANSWER: self._verifier.verify(token)}, start_response)


def find_token(authorization: str | None, cookies: str | None, cookie: str | None) -> str:
    """The unverified token of a request, empty if there is none.  Spec: RFC 6750, RFC 6265.

    Where a cookie is named it alone counts: the header may carry another party's credential.
    """
    if cookie is None:
        scheme, _, unverified = (authorization or "").partition(" ")
        return unverified.strip() if scheme.lower() == "bearer" else ""
    try:
        found = SimpleCookie(cookies or "").get(cookie)
    except CookieError:
        return ""
    return "" if found is None else found.value
