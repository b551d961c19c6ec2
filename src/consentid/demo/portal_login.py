"""The portal's front door: an authorization request comes in, somebody signs in, a code goes out.

Invariants: nobody is sent anywhere but to an address that the client registered; a code stands for
somebody whose password was right; a form counts only in the browser that it was given to; failures
of one login are limited.

Spec: OpenID Connect Core section 3.1.2, Initiating User Registration 1.0 (``prompt=create``).
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError
from authlib.oauth2.rfc6749 import UnsupportedResponseTypeError as UnsupportedTypeError
from joserfc.jwk import RSAKey
from litestar import Response, get, post
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.demo import portal_pages, portal_requests, portal_store
from consentid.demo.portal_book import PortalBook
from consentid.demo.portal_customers import Customer, is_password_of
from consentid.demo.portal_limits import FailedSignIns
from consentid.demo.portal_requests import SESSION, PortalRequest
from consentid.demo.portal_server import (
    Answered,
    Asked,
    Granted,
    PortalServer,
    PortalTransaction,
    wall_clock_s,
)
from consentid.demo.portal_store import PortalSession
from consentid.kit.errors import MalformedError
from consentid.store.engine import Database

SESSION_LIFETIME_S: Final = 12 * 3600
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account", "create"})
_AGAIN: Final = frozenset({"login", "select_account"})
_MAX_AGE_DIGITS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A running portal."""

    book: PortalBook
    key: RSAKey
    database: Database
    failures: FailedSignIns = field(default_factory=FailedSignIns)
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """One stretching takes 16 MiB and a core; two at a time keep the demo answering."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a session ends: somebody may have to be told."""

    def server(self, connection: AsyncConnection) -> PortalServer:
        """Authlib's server for one transaction."""
        return PortalServer(
            PortalTransaction(
                book=self.book, key=self.key, connection=connection, now_s=wall_clock_s()
            )
        )

    async def check_password(self, login: str, password: str) -> "Customer | int | None":
        """Whose name and password these are; seconds to wait after too many failures."""
        customer, now_s = self.book.find_customer(login), wall_clock_s()
        # The count is read and raised inside the gate, or a burst would pass it all at once.
        async with self.hashing:
            if wait_s := self.failures.wait_s(login, now_s):
                return wait_s
            is_right = await asyncio.to_thread(is_password_of, customer, password)
            if customer is None or not is_right:
                self.failures.note_failure(login, now_s)
                return None
        self.failures.note_success(login)
        return customer


class UnknownSenderError(Exception):
    """A request whose sender is not known, so that there is nowhere to send an error to."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why: str = why


@get("/authorize")
async def authorize(request: PortalRequest, portal: NamedDependency[Portal]) -> Response[str]:
    """Take an authorization request from the query."""
    return await _authorize(request, portal, portal_requests.read_query(request))


@post("/authorize", status_code=200)
async def authorize_by_form(
    request: PortalRequest, portal: NamedDependency[Portal]
) -> Response[str]:
    """Take an authorization request from a form.  Spec: OpenID Connect Core section 3.1.2.1."""
    return await _authorize(request, portal, await portal_requests.read_body(request))


@post("/login", status_code=200)
async def login(request: PortalRequest, portal: NamedDependency[Portal]) -> Response[str]:
    """Take name and password; the query has the client's request, which is judged once more."""
    fields = portal_requests.read_query(request)
    form = await portal_requests.read_body(request)
    asked = _read(portal, fields)
    async with portal.database.writing() as connection:
        refused = await _judge(portal.server(connection), asked)
    if refused is not None:
        return _send(refused)
    if not portal_requests.is_own_form(request, form):
        return _show_login(request, fields, hint=form.get("login", ""), problem="stale")
    if form.get("act") == "cancel":
        async with portal.database.writing() as connection:
            return _send(portal.server(connection).refuse(asked, AccessDeniedError()))
    name = form.get("login", "")
    customer = await portal.check_password(name, form.get("password", ""))
    if not isinstance(customer, Customer):
        problem, seconds = ("wrong", 0) if customer is None else ("limited", customer)
        return _show_login(request, fields, hint=name, problem=problem, seconds=seconds)
    return await _enter(request, portal, asked, customer)


async def _enter(
    request: PortalRequest, portal: Portal, asked: Asked, customer: Customer
) -> Response[str]:
    """Open a new session in place of the browser's former one, and send a code out."""
    now_s, cookie = wall_clock_s(), secrets.token_urlsafe(32)
    session = PortalSession(
        sid=secrets.token_urlsafe(16),
        sub=customer.sub,
        auth_time=now_s,
        expires_at=now_s + SESSION_LIFETIME_S,
    )
    async with portal.database.writing() as connection:
        former = await portal_store.find_session(
            connection, request.cookies.get(SESSION), now_s=now_s
        )
        if former is not None:
            await portal_store.end_session(connection, former.sid, now_s=now_s)
        await portal_store.forget_expired(connection, now_s=now_s)
        await portal_store.open_session(connection, session, cookie)
        answered = await _grant(portal.server(connection), asked, customer, session)
    portal.ended.set()
    return _send(answered, session=cookie)


async def _authorize(
    request: PortalRequest, portal: Portal, fields: Mapping[str, str]
) -> Response[str]:
    asked = _read(portal, fields)
    prompts = frozenset(fields.get("prompt", "").split())
    async with portal.database.writing() as connection:
        server, now_s = portal.server(connection), wall_clock_s()
        refused = await _judge(server, asked)
        if refused is not None:
            return _send(refused)
        session = await portal_store.find_session(
            connection, request.cookies.get(SESSION), now_s=now_s
        )
        customer = None if session is None else portal.book.find_sub(session.sub)
        is_enough = (
            session is not None
            and not prompts & {*_AGAIN, "create"}
            and now_s - session.auth_time < _max_age_s(fields)
        )
        if is_enough and session is not None and customer is not None:
            return _send(await _grant(server, asked, customer, session))
        if "none" in prompts:
            return _send(
                server.refuse(
                    asked, OAuth2Error("Somebody has to sign in.", error="login_required")
                )
            )
    if "create" in prompts:
        onward = urlencode({**fields, "prompt": "login"})
        view = _view(request, fields)
        page = portal_pages.create_page(view, onward=f"/authorize?{onward}")
        return portal_requests.show(page, browser=portal_requests.browser_of(request))
    return _show_login(request, fields, hint=fields.get("login_hint", ""))


def _read(portal: Portal, fields: Mapping[str, str]) -> Asked:
    """Find out who asks, and whether answers may go where they want them.

    Raises:
        UnknownSenderError: the client is unknown, or the address is not one of its own.
    """
    client = portal.book.clients.get(fields.get("client_id", ""))
    if client is None:
        raise UnknownSenderError("client")
    if fields.get("redirect_uri") not in client.redirect_uris:
        raise UnknownSenderError("redirect")
    return Asked(fields)


async def _judge(server: PortalServer, asked: Asked) -> Answered | None:
    """What is wrong with a request, told to its client; None where nothing is."""
    fields = asked.fields
    prompts = fields.get("prompt", "").split()
    max_age = fields.get("max_age", "0")
    if fields.get("response_type") != "code":
        return server.refuse(asked, UnsupportedTypeError("Only code is answered."))
    if "openid" not in fields.get("scope", "").split():
        return server.refuse(asked, InvalidRequestError("scope has to name openid."))
    if not _PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        return server.refuse(asked, InvalidRequestError("That prompt is not known."))
    if not (max_age.isascii() and max_age.isdigit() and len(max_age) <= _MAX_AGE_DIGITS):
        return server.refuse(asked, InvalidRequestError("max_age is a number of seconds."))
    if "request" in fields or "request_uri" in fields:
        return server.refuse(asked, InvalidRequestError("Send parameters as such."))
    connection = server.transaction.connection
    return await connection.run_sync(lambda _: server.check(asked))


async def _grant(
    server: PortalServer, asked: Asked, customer: Customer, session: PortalSession
) -> Answered:
    granted = Granted(customer=customer, session=session)
    return await server.transaction.connection.run_sync(lambda _: server.grant(asked, granted))


def _max_age_s(fields: Mapping[str, str]) -> int:
    return int(fields.get("max_age", SESSION_LIFETIME_S))


def _send(answered: Answered, *, session: str | None = None) -> Response[str]:
    _, _, headers = answered
    return portal_requests.go(headers["Location"], session=session)


def _view(request: PortalRequest, fields: Mapping[str, str]) -> portal_pages.View:
    view = portal_requests.view_of(request, fields, None)
    other = "fr" if view.language == "en" else "en"
    href = f"/authorize?{urlencode({**fields, portal_requests.LANGUAGE: other})}"
    return portal_pages.View(language=view.language, other_href=href)


def _show_login(
    request: PortalRequest,
    fields: Mapping[str, str],
    *,
    hint: str,
    problem: str | None = None,
    seconds: int = 0,
) -> Response[str]:
    view, browser = _view(request, fields), portal_requests.browser_of(request)
    page = portal_pages.login_page(
        view,
        action=f"/login?{urlencode(fields)}",
        form_token=portal_requests.form_token(browser),
        client=urlsplit(fields["redirect_uri"]).hostname or "",
        hint=hint[: portal_pages.MAX_LOGIN],
        problem=None if problem is None else view.word(problem, seconds=str(seconds)),
    )
    return portal_requests.show(page, browser=browser, status=_status(problem))


def _status(problem: str | None) -> int:
    match problem:
        case None:
            return 200
        case "limited":
            return 429
        case "stale":
            return 409
        case _:
            return 401


def show_unknown_sender(request: PortalRequest, error: UnknownSenderError) -> Response[str]:
    """Say what cannot be sent back."""
    view = portal_requests.view_of(request, {}, None)
    page = portal_pages.error_page(view, error.why)
    return portal_requests.show(page, browser=portal_requests.browser_of(request), status=400)


def show_malformed(request: PortalRequest, _error: MalformedError) -> Response[str]:
    """Say that a request cannot be read."""
    return show_unknown_sender(request, UnknownSenderError("malformed"))
