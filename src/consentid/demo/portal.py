"""*Halcyon ID*, the group's customer portal in the demo: a small OpenID Provider.

It signs in a handful of invented customers on a page of its own, gives their ID tokens to the
brands and to the consent hub by authorization code, and tells them all when a session ends.

Invariants: a token is issued only to an authenticated client, for a code that is good once and for
sixty seconds; no password is kept or shown to a brand; failures of one login are limited.

Spec: OpenID Connect Core 1.0, Discovery 1.0, RFC 6749, RFC 7636, RFC 9207.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any, Final

from joserfc.jwk import RSAKey
from litestar import Litestar, Response, get, post
from litestar.di import NamedDependency, Provide

from consentid.demo import portal_pages, portal_requests, portal_store
from consentid.demo.portal_book import PortalBook
from consentid.demo.portal_login import (
    Portal,
    UnknownSenderError,
    authorize,
    authorize_by_form,
    login,
    show_malformed,
    show_unknown_sender,
)
from consentid.demo.portal_requests import SESSION, PortalRequest
from consentid.demo.portal_server import Asked, wall_clock_s
from consentid.demo.portal_sign_out import sign_out, sign_out_by_form, tell_clients
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.net.guarded import make_client
from consentid.store.engine import Database
from consentid.web.forms import parse_basic
from consentid.web.pages.home_pages import get_robots

_MAX_BODY_BYTES: Final = 32 * 1024
_PUBLIC: Final = {"cache-control": "public, max-age=60", "access-control-allow-origin": "*"}
_SECRET: Final = {"cache-control": "no-store"}
_CHALLENGE: Final = 'Basic realm="Halcyon ID"'


@get("/.well-known/openid-configuration")
async def show_metadata(portal: NamedDependency[Portal]) -> Response[dict[str, Any]]:
    """The portal's metadata."""
    issuer = portal.book.issuer
    return Response(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "end_session_endpoint": f"{issuer}/logout",
            "jwks_uri": f"{issuer}/jwks.json",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
            "ui_locales_supported": ["en", "fr"],
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "scopes_supported": ["openid"],
            "claims_supported": [
                *("iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "jti", "sid", "adult"),
                *("name", "preferred_username"),
            ],
        },
        headers=_PUBLIC,
    )


@get("/jwks.json")
async def show_keys(
    portal: NamedDependency[Portal],
) -> Response[dict[str, list[dict[str, str | list[str]]]]]:
    """The portal's public keys.  Spec: RFC 7517."""
    return Response({"keys": [portal.key.as_dict(private=False)]}, headers=_PUBLIC)


@post("/token", status_code=200)
async def redeem_code(request: PortalRequest, portal: NamedDependency[Portal]) -> Response[Any]:
    """Redeem an authorization code."""
    try:
        form = await portal_requests.read_body(request)
        basic = parse_basic(request.headers.getall("authorization", []))
    except MalformedError as error:
        return _refuse("invalid_request", error.message)
    except UnauthenticatedError as error:
        return _refuse("invalid_client", error.message, status=HTTPStatus.UNAUTHORIZED)
    if form.get("grant_type") != "authorization_code":
        return _refuse("unsupported_grant_type", "grant_type must be authorization_code")
    asked = Asked(form, unverified_basic=None if basic is None else (basic.client_id, basic.secret))
    async with portal.database.writing() as connection:
        server = portal.server(connection)
        status, body, headers = await connection.run_sync(lambda _: server.answer(asked))
    if "error" in dict(body):
        found = dict(body)
        return _refuse(found["error"], found.get("error_description", ""), status=status)
    return Response(body, status_code=status, headers=headers)


@get("/userinfo")
async def show_customer(
    request: PortalRequest, portal: NamedDependency[Portal]
) -> Response[dict[str, Any]]:
    """Who an access token speaks for.  Spec: OpenID Connect Core section 5.3."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    customer = None
    if scheme.lower() == "bearer":
        async with portal.database.reading() as connection:
            sub = await portal_store.find_access(connection, token, now_s=wall_clock_s())
        customer = None if sub is None else portal.book.find_sub(sub)
    if customer is None:
        return Response(
            {"error": "invalid_token"},
            status_code=HTTPStatus.UNAUTHORIZED,
            headers={**_SECRET, "www-authenticate": 'Bearer error="invalid_token"'},
        )
    return Response(
        {
            "sub": customer.sub,
            "name": customer.name,
            "preferred_username": customer.login,
            "adult": customer.adult,
        },
        headers=_SECRET,
    )


@get("/")
async def show_home(request: PortalRequest, portal: NamedDependency[Portal]) -> Response[str]:
    """Who is signed in here."""
    browser = portal_requests.browser_of(request)
    fields = portal_requests.read_query(request)
    async with portal.database.reading() as connection:
        session = await portal_store.find_session(
            connection, request.cookies.get(SESSION), now_s=wall_clock_s()
        )
    customer = None if session is None else portal.book.find_sub(session.sub)
    view = portal_requests.view_of(request, fields, None)
    other = "fr" if view.language == "en" else "en"
    page = portal_pages.home_page(
        portal_pages.View(
            language=view.language, other_href=f"/?{portal_requests.LANGUAGE}={other}"
        ),
        name=None if customer is None else customer.name,
        form_token=portal_requests.form_token(browser),
    )
    return portal_requests.show(page, browser=browser)


@get("/portal.css", sync_to_thread=False)
def show_style() -> Response[str]:
    """The portal's look."""
    headers = {"cache-control": "public, max-age=60", "x-content-type-options": "nosniff"}
    return Response(portal_pages.STYLE, media_type="text/css", headers=headers)


def create_portal(book: PortalBook, key: RSAKey, database: Database) -> Litestar:
    """The portal as an ASGI application.  The database has its schema; it is closed at the end."""
    portal = Portal(book=book, key=key, database=database)

    @contextlib.asynccontextmanager
    async def live(_app: Litestar) -> AsyncGenerator[None]:
        http = make_client(localhost_hosts=True)
        telling = asyncio.create_task(tell_clients(portal, http))
        try:
            yield
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
            await http.aclose()
            await database.close()

    async def provide_portal() -> Portal:
        return portal

    return Litestar(
        route_handlers=[
            *(show_metadata, show_keys, show_home, show_style, get_robots),
            *(authorize, authorize_by_form, login, redeem_code, show_customer),
            *(sign_out, sign_out_by_form),
        ],
        lifespan=[live],
        dependencies={"portal": Provide(provide_portal)},
        exception_handlers={
            UnknownSenderError: show_unknown_sender,
            MalformedError: show_malformed,
        },
        openapi_config=None,
        logging_config=None,  # whoever runs us has set logging up
        request_max_body_size=_MAX_BODY_BYTES,
    )


def _refuse(
    error: str, description: str, *, status: int = HTTPStatus.BAD_REQUEST
) -> Response[dict[str, str]]:
    """Refuse in OAuth's words.  Spec: RFC 6749 section 5.2."""
    headers = dict(_SECRET)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = _CHALLENGE
    return Response(
        {"error": error, "error_description": description}, status_code=status, headers=headers
    )
