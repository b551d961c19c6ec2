"""Answer an authorization request: with a code, with a reason why not, or with a page to go to.

The client and its address come first: before both are right, nothing is sent to any client.
``prompt=none`` shows nothing and records nothing about anybody: it answers from what is known.

Spec: OpenID Connect Core section 3.1.2, RFC 6749 section 4.1, RFC 9126 section 4, RFC 9700.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import ApplicationType, GrantType
from consentid.flows import pushed_requests
from consentid.flows.context import Context
from consentid.flows.find_need import Asked, Need, find_need
from consentid.flows.hand_over import hand_over, page_of
from consentid.flows.hub_session import Browser, find_visitor, hash_browser, new_secret
from consentid.flows.interaction_state import AuthorizeTask, InteractionState, begin_interaction
from consentid.flows.issue_code import granted_scopes, issue_code
from consentid.flows.portal_login import asking_the_portal
from consentid.kit.errors import MalformedError, UnavailableError
from consentid.kit.instants import Instant
from consentid.net.portal_keys import PortalUnaskedError
from consentid.oidc.authorization_request import (
    MAX_STATE,
    AuthorizationRequest,
    parse_request,
)
from consentid.oidc.prompt import Prompt
from consentid.oidc.redirect import answer_uri, is_registered
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import clients, clock
from consentid.store.clients import Client
from consentid.telemetry.tracing import step

_MAX_CLIENT_ID: Final = 128
_UNMET: Final = {
    Need.LOGIN: ("login_required", "The person has to sign in."),
    Need.SESSION: ("login_required", "Nobody is known in this browser."),
    Need.CHOICES: ("consent_required", "The person has to choose."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized:
    """Where to send the browser."""

    redirect: str
    browser_secret: str | None = None
    """Set it as the browser cookie: this browser had none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Client:
    """A client, and the address that it may be answered at."""

    row: Client
    redirect_uri: str
    state: str | None
    book: Book
    now: Instant
    pushed: AuthorizationRequest | None
    """What it pushed before, judged then.  Parameters beside it count for nothing."""

    def refuse(self, refused: RefusedRequestError) -> Authorized:
        """Tell the client why not.  Spec: RFC 6749 section 4.1.2.1, RFC 9207."""
        answer = {
            "error": refused.error,
            "error_description": refused.description,
            "state": self.state,
        }
        return Authorized(
            redirect=answer_uri(self.redirect_uri, issuer=self.book.group.issuer, answer=answer)
        )


@step("authorize")
async def authorize(context: Context, fields: Mapping[str, str], browser: Browser) -> Authorized:
    """Judge a request; ``fields`` come from the person's browser, each once.

    Raises:
        MalformedError: the client or the address is not one that may be answered: this is for the
            person to read, and goes to no client.
        UnavailableError: the database is away.
    """
    return await asking_the_portal(lambda: _authorize(context, fields, browser))


async def _authorize(context: Context, fields: Mapping[str, str], browser: Browser) -> Authorized:
    async with context.database.writing() as connection:
        client = await _find_client(context, connection, fields)
        try:
            request = _request(client, fields)
            return await _answer(context, connection, client, request, browser)
        except RefusedRequestError as refused:
            return client.refuse(refused)


async def _find_client(
    context: Context, connection: AsyncConnection, fields: Mapping[str, str]
) -> _Client:
    """Find who asks, and where the answer may go.

    Raises:
        MalformedError: nowhere.
    """
    client_id = fields.get("client_id", "")
    row = (
        await clients.find(connection, client_id) if 0 < len(client_id) <= _MAX_CLIENT_ID else None
    )
    if row is None:
        raise MalformedError(
            "client_unknown", "No site or app is known by this client_id.", where="client_id"
        )
    book = await context.book(connection)
    pushed = await _take_pushed(context, connection, row, fields)
    if pushed is not None:
        redirect_uri, state = pushed.redirect_uri, pushed.state
    else:
        redirect_uri, state = _check_address(row, fields), fields.get("state")
    return _Client(
        row=row,
        redirect_uri=redirect_uri,
        state=state,
        book=book,
        now=await clock.now(connection),
        pushed=pushed,
    )


async def _take_pushed(
    context: Context, connection: AsyncConnection, client: Client, fields: Mapping[str, str]
) -> AuthorizationRequest | None:
    """What the client pushed; None where it refers to nothing of ours.  Spec: RFC 9126 section 4.

    Raises:
        MalformedError: it is used, expired, or another client's: where to answer is not known.
    """
    request_uri = fields.get("request_uri", "")
    if not request_uri.startswith(pushed_requests.URN):
        return None
    try:
        return await pushed_requests.take(context, connection, client, request_uri)
    except RefusedRequestError as refused:
        raise MalformedError(
            "request_uri_unknown",
            "This link was used already, or is too old: begin again at the site.",
            where="request_uri",
        ) from refused


def _check_address(client: Client, fields: Mapping[str, str]) -> str:
    redirect_uri = fields.get("redirect_uri")
    is_native = client.registration.application_type == ApplicationType.NATIVE
    if redirect_uri is None or not is_registered(
        redirect_uri, client.registration.redirect_uris, is_native=is_native
    ):
        raise MalformedError(
            "redirect_uri_unknown",
            "This redirect_uri is not registered for the client, letter by letter.",
            where="redirect_uri",
        )
    if len(fields.get("state", "")) > MAX_STATE:
        raise MalformedError(
            "state_too_long", f"state is longer than {MAX_STATE} characters.", where="state"
        )
    return redirect_uri


def _request(client: _Client, fields: Mapping[str, str]) -> AuthorizationRequest:
    terms = client.book.catalogue.parties.get(client.row.party)
    if terms is None or GrantType.AUTHORIZATION_CODE not in client.row.registration.grant_types:
        raise RefusedRequestError("unauthorized_client", "This client may not ask for codes.")
    if client.pushed is not None:
        return client.pushed
    if "request_uri" in fields:
        raise RefusedRequestError(
            "request_uri_not_supported", "Nothing is fetched: push the request to /par."
        )
    if "authorization_details" in fields:
        raise RefusedRequestError(
            "invalid_request", "authorization_details have to be pushed to /par."
        )
    if pushed_requests.must_push(client.row):
        raise RefusedRequestError("invalid_request", "This client has to push its requests.")
    request = parse_request(fields, audiences=terms.audiences)
    granted_scopes(client.row, request.scopes)
    return request


async def _answer(
    context: Context,
    connection: AsyncConnection,
    client: _Client,
    request: AuthorizationRequest,
    browser: Browser,
) -> Authorized:
    visitor = await find_visitor(context, connection, browser, now=client.now)
    asked = Asked(book=client.book, client=client.row, request=request, now=client.now)
    need = find_need(context, asked, visitor)
    if need is Need.NOTHING and visitor.session is not None:
        return Authorized(
            redirect=await issue_code(
                context, connection, asked, visitor, visitor.session, details=request.details
            )
        )
    if Prompt.NONE in request.prompt:
        raise RefusedRequestError(*_UNMET[need])
    try:
        async with connection.begin_nested():  # nothing is begun that leads nowhere
            return await _begin(context, connection, asked, browser, need=need)
    except PortalUnaskedError:
        raise
    except UnavailableError as error:  # the portal, not the database: that one says so itself
        raise RefusedRequestError("temporarily_unavailable", error.message) from error


async def _begin(
    context: Context, connection: AsyncConnection, asked: Asked, browser: Browser, *, need: Need
) -> Authorized:
    """Begin an interaction, at the portal where a sign-in has to come first."""
    secret = None
    browser_hash = hash_browser(browser)
    if browser_hash is None:
        secret = new_secret(context)
        browser = replace(browser, unverified_secret=secret)
        browser_hash = hash_browser(browser)
        assert browser_hash is not None  # noqa: S101 a secret of ours has a hash
    id_ = await begin_interaction(
        context,
        connection,
        client=asked.client,
        state=InteractionState(task=AuthorizeTask(request=asked.request)),
        browser_hash=browser_hash,
        at=asked.now,
    )
    redirect = (
        await hand_over(
            context,
            connection,
            browser=browser,
            interaction=id_,
            request=asked.request,
            must_be_asked=True,
        )
        if need is Need.LOGIN
        else page_of(asked.book.group.issuer, id_)
    )
    return Authorized(redirect=redirect, browser_secret=secret)
