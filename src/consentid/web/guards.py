"""Who may call: an access token, found before the body is even looked at.

Each handler says in ``opt`` which scope it needs, and which query parameters it knows.
"""

from typing import Any, Final, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from consentid.flows.authenticate import Caller, authenticate
from consentid.flows.context import Context
from consentid.kit.errors import MalformedError, UnauthenticatedError

SCOPE: Final = "scope"
QUERY: Final = "query"
_CALLER: Final = "caller"


async def bearer_guard(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Authenticate the caller and insist on the handler's scope.

    Raises:
        UnauthenticatedError: no access token, or one that does not hold.
        ForbiddenError: it lacks the scope.
    """
    unverified = read_bearer(connection)
    caller = await authenticate(context_of(connection), unverified)
    caller.require(str(handler.opt[SCOPE]))
    connection.state[_CALLER] = caller


async def bearer_or_page_guard(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """As ``bearer_guard``; a page may come without a token, and its handler finds out whose it is.

    Raises:
        UnauthenticatedError, ForbiddenError: as there; and there is neither a token nor a page.
    """
    headers = connection.headers
    if headers.getall("authorization", []) or "origin" not in headers:
        await bearer_guard(connection, handler)


def read_bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The access token of the ``Authorization`` header, not yet verified.  Spec: RFC 6750.

    Raises:
        UnauthenticatedError: there is none, or more than one, or another scheme.
    """
    headers = connection.headers.getall("authorization", [])
    if not headers:
        raise token_missing()
    scheme, _, unverified = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not unverified:
        raise UnauthenticatedError(
            "invalid_token", "Send exactly one Authorization header of scheme Bearer."
        )
    return unverified.strip()


def token_missing() -> UnauthenticatedError:
    """Nobody says who is calling."""
    return UnauthenticatedError(
        "token_missing", "Send an access token: Authorization: Bearer <token from /token>."
    )


def context_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Context:
    """The process's context."""
    return cast("Context", connection.app.state["context"])


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Whom the guard let in."""
    return cast("Caller", connection.state[_CALLER])


def find_caller(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller | None:
    """Whom ``bearer_or_page_guard`` let in by a token; None for a page without one."""
    return cast("Caller | None", connection.state.get(_CALLER))


async def check_query(request: Request[Any, Any, Any]) -> None:
    """Refuse query parameters that a handler does not know, or that come twice, and any NUL.

    The database takes none, in whatever text it stands.

    It waits for nothing, but what is no coroutine goes through a thread, at every request.

    Raises:
        MalformedError: naming the first such parameter.
    """
    if "\0" in request.scope["path"]:
        raise MalformedError("nul", "A NUL is in no address of ours.", where="path")
    known = request.route_handler.opt.get(QUERY)
    if known is None:
        return
    seen: set[str] = set()
    for name, text in request.query_params.multi_items():
        if name not in known:
            raise MalformedError(
                "unknown_parameter", "This address does not know this parameter.", where=name[:64]
            )
        if name in seen:
            raise MalformedError(
                "duplicate_parameter", "This parameter is given twice.", where=name[:64]
            )
        if "\0" in text:
            raise MalformedError("nul", "A NUL is no part of this.", where=name[:64])
        seen.add(name)
