"""``/operations``: for whoever runs the hub, until staff sign in with accounts of their own.

A code that ``consentid operations let-in`` prints opens it; it is typed into a form and in no
address.  Everything that changes something is a form of ours, and a line in the log.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.brandbook.book import Book
from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, new_secret
from consentid.flows.let_in import is_let_in, let_in, let_out
from consentid.flows.manage_webhooks import Office, enable_webhook, redrive_webhook, try_webhook
from consentid.flows.show_operations import show_operations
from consentid.kit.errors import MalformedError, RateLimitedError
from consentid.net.guarded import make_endpoint_transport
from consentid.net.webhook_sender import Delivered
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.catalogue import accepted_languages
from consentid.web.cookies import Cookie, Jar, jar_of
from consentid.web.forms import parse_form
from consentid.web.pages.forgery import check_form, form_token
from consentid.web.pages.frame import Frame, frame_of
from consentid.web.pages.operations import Act, Did, LetInView, OperationsView
from consentid.web.pages.operations_view import moment_of, system_items
from consentid.web.pages.preferences import TOKEN
from consentid.web.pages.preferences_visit import go
from consentid.web.pages.rendering import View, respond
from consentid.web.pages.words import choose_language
from consentid.web.strict_bodies import body_of

PATH: Final = "/operations"
_ABOUT: Final = "operations"
_DID: Final = "did"
_TO: Final = "to"
_OVER: Final = "over"
_CODE: Final = "code"
_MAX_NUMBER: Final = 9
_CODES: Final = Limit(name="operator_codes", most=20, window_s=600)
_log: Final = logging.getLogger("consentid.operations")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """A request, and the browser that makes it."""

    request: Request[Any, Any, Any]
    context: Context
    book: Book
    jar: Jar
    browser: Browser
    """With a secret of its own: a new one where it brought none."""
    is_new: bool

    @property
    def unverified_session(self) -> str | None:
        return self.jar.find(self.request, Cookie.OPERATOR)

    @property
    def form_token(self) -> str:
        return form_token(self.browser.unverified_secret or "", _ABOUT)

    @property
    def frame(self) -> Frame:
        preferred = accepted_languages(self.request.headers.get("accept-language", ""))
        wanted = [*self.request.query_params.getall("lang", [])[:1], *preferred]
        language = choose_language(wanted, self.book.group.languages)
        return frame_of(self.book, None, language, path=PATH)

    def respond(self, view: View) -> Response[Any]:
        response = respond(view)
        if self.is_new:
            self.jar.put(response, Cookie.BROWSER, self.browser.unverified_secret or "")
        return response

    def ask_code(self, *, is_wrong: bool = False, is_too_many: bool = False) -> Response[Any]:
        return self.respond(
            LetInView(
                frame=self.frame,
                action=f"{PATH}/sign-in",
                form_token=self.form_token,
                is_wrong=is_wrong,
                is_too_many=is_too_many,
                is_over=_OVER in self.request.query_params,
            )
        )

    def read_form(self) -> dict[str, str]:
        fields = parse_form(body_of(self.request) or b"")
        check_form(
            self.request,
            issuer=self.book.group.issuer,
            browser_secret=None if self.is_new else self.browser.unverified_secret,
            about=_ABOUT,
            unverified_token=fields.pop(TOKEN, ""),
        )
        return fields


async def _open(request: Request[Any, Any, Any], context: Context) -> _Visit:
    jar = await jar_of(context)
    browser = jar.read(request)
    is_new = browser.unverified_secret is None
    async with context.database.glancing() as connection:
        book = await context.book(connection)
    return _Visit(
        request=request,
        context=context,
        book=book,
        jar=jar,
        browser=replace(browser, unverified_secret=new_secret(context)) if is_new else browser,
        is_new=is_new,
    )


@get(PATH, include_in_schema=False)
async def get_operations(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """The page, or the form for a code."""
    visit = await _open(request, context)
    if not await is_let_in(context, visit.unverified_session):
        return visit.ask_code()
    found = await show_operations(context)
    items = system_items(found)
    did, to = (request.query_params.getall(name, [])[:1] for name in (_DID, _TO))
    return visit.respond(
        OperationsView(
            frame=visit.frame,
            action=PATH,
            sign_out_action=f"{PATH}/sign-out",
            form_token=visit.form_token,
            systems=items,
            now=moment_of(found.now),
            deadline_min=max(1, context.settings.confirm_within_s // 60),
            did=next((each for each in Did if [each] == did), None),
            did_to=next((each for each in items if [str(each.number)] == to), None),
        )
    )


@post(f"{PATH}/sign-in", include_in_schema=False)
async def post_operator_sign_in(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Take a code."""
    visit = await _open(request, context)
    fields = visit.read_form()
    try:
        await context.limiter.check(_CODES, network_of(request), now_s=wall_clock_s())
    except RateLimitedError:
        return visit.ask_code(is_too_many=True)
    session = await let_in(context, fields.get(_CODE, ""))
    if session is None:
        _log.warning("a code that opens nothing was tried at %s", PATH)
        return visit.ask_code(is_wrong=True)
    _log.warning("an operator was let in, for an hour")
    response = go(PATH)
    visit.jar.put(response, Cookie.OPERATOR, session)
    return response


@post(f"{PATH}/sign-out", include_in_schema=False)
async def post_operator_sign_out(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """End the session now."""
    visit = await _open(request, context)
    visit.read_form()
    if visit.unverified_session is not None:
        await let_out(context, visit.unverified_session)
    response = go(PATH)
    visit.jar.remove(response, Cookie.OPERATOR)
    return response


@post(PATH, include_in_schema=False)
async def post_operations(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Do what a button says, to one endpoint."""
    visit = await _open(request, context)
    fields = visit.read_form()
    if not await is_let_in(context, visit.unverified_session):
        return go(f"{PATH}?{_OVER}=1")
    act, number = _read_act(fields)
    _log.warning("an operator asks to %s endpoint %d", act, number)
    match act:
        case Act.REDRIVE:
            await redrive_webhook(_office(context), number)
            did = Did.REDRIVEN
        case Act.ENABLE:
            await enable_webhook(_office(context), number)
            did = Did.ENABLED
        case Act.TEST:
            did = _did(await _try(context, visit.book, number))
        case _:
            assert_never(act)
    return go(f"{PATH}?{_DID}={did}&{_TO}={number}")


def _read_act(fields: dict[str, str]) -> tuple[Act, int]:
    act, _, number = fields.get("act", "").partition(" ")
    is_number = number.isascii() and number.isdigit() and len(number) <= _MAX_NUMBER
    if fields.keys() != {"act"} or act not in set(Act) or not is_number:
        raise MalformedError("form_malformed", "This is not a form of ours.")
    return Act(act), int(number)


def _office(context: Context) -> Office:
    return Office(
        database=context.database,
        master=context.keyring.master,
        randomness=context.randomness,
        ledger_origin=context.settings.ledger_origin,
    )


async def _try(context: Context, book: Book, number: int) -> Delivered:
    localhost_hosts = context.settings.localhost_hosts
    async with make_endpoint_transport(localhost_hosts=localhost_hosts, kept=0) as way:
        return await try_webhook(_office(context), way, number, issuer=book.group.issuer)


def _did(delivered: Delivered) -> Did:
    if delivered.is_taken:
        return Did.TEST_TAKEN
    return Did.TEST_REFUSED if delivered.outcome.isdigit() else Did.TEST_UNHEARD
