"""*Halcyon ID*, the group's customer portal in the demo: a small OpenID Provider.

It speaks discovery, publishes its keys, and signs ID tokens for a handful of invented customers.
Until it has a login page, a brand's back end hands it the customer's login and password itself
(``grant_type=password``, RFC 6749 section 4.3).  That grant shows passwords to the brands, which is
why OAuth 2.1 dropped it; here every party is the same demo.  No access token is issued, as there is
nothing that it would open.

Invariants: a token is issued only to an authenticated client and only with a right password; the
password is never kept; failures of one login are limited.

Spec: OpenID Connect Core 1.0, OpenID Connect Discovery 1.0, RFC 6749 sections 2.3.1, 4.3 and 5.
"""

import asyncio
import base64
import binascii
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from joserfc.jwk import RSAKey
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide

from consentid.demo.portal_book import PortalBook
from consentid.demo.portal_customers import is_password_of
from consentid.demo.portal_limits import FailedSignIns
from consentid.demo.portal_tokens import LIFETIME_S, sign_id_token

_FIELDS: Final = frozenset({"grant_type", "username", "password", "scope", "nonce"})
_MAX_BODY_BYTES: Final = 8 * 1024
_MAX_VALUE: Final = 256
_PUBLIC: Final = {"cache-control": "public, max-age=60", "access-control-allow-origin": "*"}
_SECRET: Final = {"cache-control": "no-store"}


class _OAuthError(Exception):
    """A refusal in OAuth's words.  Spec: RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, *, status: int = 400, wait_s: int = 0) -> None:
        super().__init__(description)
        self.error: str = error
        self.description: str = description
        self.status: int = status
        self.wait_s: int = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A running portal."""

    book: PortalBook
    key: RSAKey
    failures: FailedSignIns = field(default_factory=FailedSignIns)
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """One stretching takes 16 MiB and a core; two at a time keep the demo answering."""

    async def sign_in(
        self, *, client: str, login: str, password: str, nonce: str | None, now_s: float
    ) -> str:
        """Check the password and answer an ID token for the client."""
        customer = self.book.find_customer(login)
        # The count is read and raised inside the gate, or a burst would pass it all at once.
        async with self.hashing:
            if wait_s := self.failures.wait_s(login, now_s):
                raise _OAuthError(
                    "invalid_grant", "too many failures for this login", status=429, wait_s=wait_s
                )
            is_right = await asyncio.to_thread(is_password_of, customer, password)
            if customer is None or not is_right:
                self.failures.note_failure(login, now_s)
                raise _OAuthError("invalid_grant", "login or password is wrong")
        self.failures.note_success(login)
        return sign_id_token(
            self.key,
            customer,
            issuer=self.book.issuer,
            audience=client,
            now_s=int(now_s),
            nonce=nonce,
        )


@get("/.well-known/openid-configuration")
async def show_metadata(portal: NamedDependency[Portal]) -> Response[dict[str, str | list[str]]]:
    """The portal's metadata.  It has no authorization endpoint, and so no response type."""
    issuer = portal.book.issuer
    return Response(
        {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks.json",
            "response_types_supported": [],
            "grant_types_supported": ["password"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "scopes_supported": ["openid"],
            "claims_supported": [
                *("iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "jti", "adult")
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
async def issue_id_token(
    request: Request[None, None, State], portal: NamedDependency[Portal]
) -> Response[dict[str, str | int]]:
    """Sign a customer in and answer an ID token for the calling client."""
    client = _authenticate(portal.book, request.headers.get("authorization", ""))
    form = _read_form(request.headers.get("content-type", ""), await request.body())
    if form.get("grant_type") != "password":
        raise _OAuthError("unsupported_grant_type", "grant_type must be password")
    if "openid" not in form.get("scope", "").split(" "):
        raise _OAuthError("invalid_scope", "scope must contain openid")
    for name in ("username", "password"):
        if not form.get(name):
            raise _OAuthError("invalid_request", f"{name} is missing")
    id_token = await portal.sign_in(
        client=client,
        login=form["username"],
        password=form["password"],
        nonce=form.get("nonce"),
        now_s=time.time(),
    )
    return Response(
        {"id_token": id_token, "token_type": "N_A", "expires_in": LIFETIME_S, "scope": "openid"},
        headers=_SECRET,
    )


def create_portal(book: PortalBook, key: RSAKey) -> Litestar:
    """The portal as an ASGI application."""
    portal = Portal(book=book, key=key)

    async def provide_portal() -> Portal:
        return portal

    return Litestar(
        route_handlers=[show_metadata, show_keys, issue_id_token],
        dependencies={"portal": Provide(provide_portal)},
        exception_handlers={_OAuthError: _answer_refusal},
        openapi_config=None,
        logging_config=None,  # whoever runs us has set logging up
        request_max_body_size=_MAX_BODY_BYTES,
    )


def _authenticate(book: PortalBook, header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name, colon, secret = "", "", ""
        client = unquote_plus(name)
        if colon and book.is_secret_of(client, unquote_plus(secret)):
            return client
    raise _OAuthError("invalid_client", "unknown client or wrong secret", status=401)


def _read_form(content_type: str, body: bytes) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise _OAuthError("invalid_request", "the body must be a form")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=len(_FIELDS),
        )
    except ValueError as error:
        raise _OAuthError("invalid_request", "the form cannot be read") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _OAuthError("invalid_request", "a parameter is repeated")
    if unknown := form.keys() - _FIELDS:
        raise _OAuthError("invalid_request", f"{len(unknown)} parameters are unknown here")
    if any(len(value) > _MAX_VALUE or "\0" in value for value in form.values()):
        raise _OAuthError("invalid_request", "a value is too long or has a NUL")
    return form


def _answer_refusal(
    _request: Request[None, None, State], refusal: _OAuthError
) -> Response[dict[str, str]]:
    headers = dict(_SECRET)
    if refusal.status == 401:  # noqa: PLR2004 - the status that names the scheme, RFC 6749 5.2
        headers["www-authenticate"] = 'Basic realm="Halcyon ID"'
    if refusal.wait_s:
        headers["retry-after"] = str(refusal.wait_s)
    return Response(
        {"error": refusal.error, "error_description": refusal.description},
        status_code=refusal.status,
        headers=headers,
    )
