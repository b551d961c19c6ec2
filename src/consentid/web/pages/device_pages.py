"""``/device``: a person enters the code of a device, or comes by its link, and compares.

Whoever comes by a link sees brand, device and code first all the same: a link proves nothing about
who sent it.  Each look at a code is an attempt, and an attempt that fails counts: for the browser,
for the address and for everybody (``guesses``).  Nothing is decided here but a no.

Spec: RFC 8628 sections 3.3, 3.3.1, 5.1 and 5.4; RFC 10027 (unauthenticated channel, phishing).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from consentid.brandbook.book import Book, Profile
from consentid.brandbook.client import Surface
from consentid.flows.answer_device import DeviceOutcome
from consentid.flows.code_link import FIELD as PROOF
from consentid.flows.code_link import prove_code
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, new_secret
from consentid.flows.match_device import (
    WaitingDevice,
    confirm_match,
    deny_match,
)
from consentid.kit.errors import MalformedError, NotFoundError, RateLimitedError
from consentid.oidc.device_authorization import PAGE
from consentid.oidc.user_code import read_user_code, show_user_code
from consentid.web.callers import neighbourhood_of, network_of, wall_clock_s
from consentid.web.catalogue import accepted_languages
from consentid.web.cookies import Cookie, Jar, jar_of
from consentid.web.forms import parse_form
from consentid.web.pages.device import CodeMistake, DeviceCodeView, DeviceConfirmView
from consentid.web.pages.forgery import check_form, form_token
from consentid.web.pages.frame import Frame, frame_of
from consentid.web.pages.guesses import Guesser, find_by_code
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.rendering import respond
from consentid.web.pages.words import choose_language, words_of
from consentid.web.strict_bodies import body_of

_MAX_ENTERED: Final = 16
_ENTER: Final = "device"
_MATCH: Final = "device/match/"

_TOKEN: Final = "form_token"  # noqa: S105 - a field's name
_CODE: Final = "user_code"
_ACT: Final = "act"
_LANGUAGE: Final = "lang"

_MESSAGES: Final = {
    DeviceOutcome.CONNECTED: Message.DEVICE_APPROVED,
    DeviceOutcome.DENIED: Message.DEVICE_DENIED,
    DeviceOutcome.EXPIRED: Message.DEVICE_EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """A request for the page, and the browser that makes it."""

    request: Request[Any, Any, Any]
    context: Context
    book: Book
    jar: Jar
    browser: Browser
    """With a secret of its own in any case."""
    is_new: bool
    """Whether the secret was made just now, and has to be handed out."""
    query: Mapping[str, str]

    @property
    def secret(self) -> str:
        return self.browser.unverified_secret or ""

    @property
    def language(self) -> str:
        preferred = accepted_languages(self.request.headers.get("accept-language", ""))
        chosen = self.query.get(_LANGUAGE)
        return choose_language(
            preferred if chosen is None else [chosen, *preferred], self.book.group.languages
        )

    def frame(self, profile: Profile | None = None, *, query: str = "") -> Frame:
        frame = frame_of(self.book, profile, self.language, path=PAGE)
        links = (replace(link, href=f"{link.href}{query}") for link in frame.languages)
        return replace(frame, languages=tuple(links))

    def answer(self, response: Response[str]) -> Response[str]:
        if self.is_new:
            self.jar.put(response, Cookie.BROWSER, self.secret)
        return response


@get(PAGE, include_in_schema=False)
async def get_device_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[str]:
    """Ask for a code; where the link carries one, show what it leads to."""
    visit = await _visit(request, context)
    unverified_code = visit.query.get(_CODE)
    if unverified_code is None:
        return visit.answer(_enter(visit))
    return await _look(visit, unverified_code)


@post(PAGE, status_code=HTTPStatus.OK, include_in_schema=False)
async def post_device_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[str]:
    """Show what a code leads to."""
    visit = await _visit(request, context)
    fields = _form(visit, about=_ENTER, known=(_TOKEN, _CODE))
    return await _look(visit, fields.get(_CODE, ""))


@post(f"{PAGE}/match", status_code=HTTPStatus.OK, include_in_schema=False)
async def post_device_match(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Take whether the codes match: on to the choices, or a no for the device."""
    visit = await _visit(request, context)
    fields = parse_form(body_of(request) or b"")
    code = read_user_code(fields.get(_CODE, "")) or ""
    fields = _form(visit, about=f"{_MATCH}{code}", known=(_TOKEN, _CODE, _ACT))
    act = fields.get(_ACT)
    if act not in ("confirm", "deny"):
        raise _malformed()
    found = await _find(visit, code)
    if isinstance(found, Response):
        return found
    if act == "deny":
        is_denied = await deny_match(context, found)
        return _go(f"{PAGE}/{DeviceOutcome.DENIED if is_denied else DeviceOutcome.EXPIRED}")
    interaction = await confirm_match(context, found, visit.browser)
    return _go(f"/interaction/{interaction}?{_LANGUAGE}={visit.language}")


@get(f"{PAGE}/{{outcome:str}}", include_in_schema=False)
async def get_device_outcome(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    outcome: Annotated[str, PathParameter(max_length=16)],
) -> Response[str]:
    """Say what came of it.  The page knows of no device: anybody may look at it."""
    visit = await _visit(request, context)
    told = next((each for each in DeviceOutcome if each == outcome), None)
    if told is None:
        raise NotFoundError("not_found", "There is nothing at this address.")
    return respond(
        MessageView(
            frame=frame_of(visit.book, None, visit.language, path=f"{PAGE}/{told}"),
            message=_MESSAGES[told],
            is_good=told is DeviceOutcome.CONNECTED,
            next_path=PAGE if told is DeviceOutcome.EXPIRED else None,
        )
    )


async def _visit(request: Request[Any, Any, Any], context: Context) -> _Visit:
    query = parse_form(request.scope["query_string"])
    async with context.database.reading() as connection:
        book = await context.book(connection)
    jar = await jar_of(context)
    browser = jar.read(request)
    is_new = browser.unverified_secret is None
    if is_new:
        browser = replace(browser, unverified_secret=new_secret(context))
    return _Visit(
        request=request,
        context=context,
        book=book,
        jar=jar,
        browser=browser,
        is_new=is_new,
        query=query,
    )


def _form(visit: _Visit, *, about: str, known: tuple[str, ...]) -> Mapping[str, str]:
    """The fields of a form of ours, sent from this very browser."""
    fields = parse_form(body_of(visit.request) or b"")
    check_form(
        visit.request,
        issuer=visit.book.group.issuer,
        browser_secret=None if visit.is_new else visit.secret,
        about=about,
        unverified_token=fields.get(_TOKEN, ""),
    )
    if not set(fields) <= set(known):
        raise _malformed()
    return fields


async def _look(visit: _Visit, unverified_code: str) -> Response[str]:
    found = await _find(visit, unverified_code)
    return found if isinstance(found, Response) else visit.answer(_compare(visit, found))


async def _find(visit: _Visit, unverified_code: str) -> WaitingDevice | Response[str]:
    """The device that waits under a code, or the page that says that none does."""
    guesser = Guesser(
        browser_secret=visit.secret,
        network=network_of(visit.request),
        neighbourhood=neighbourhood_of(visit.request),
        unverified_proof=visit.query.get(PROOF, ""),
    )
    try:
        return await find_by_code(visit.context, unverified_code, guesser, now_s=wall_clock_s())
    except NotFoundError:
        return visit.answer(_enter(visit, unverified_code, CodeMistake.UNKNOWN))
    except RateLimitedError as error:
        return visit.answer(
            _enter(visit, unverified_code, CodeMistake.TOO_MANY, retry_after_s=error.retry_after_s)
        )


def _enter(
    visit: _Visit,
    unverified_code: str = "",
    mistake: CodeMistake | None = None,
    *,
    retry_after_s: int | None = None,
) -> Response[str]:
    status = {
        None: HTTPStatus.OK,
        CodeMistake.UNKNOWN: HTTPStatus.NOT_FOUND,
        CodeMistake.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    }[mistake]
    code = read_user_code(unverified_code)
    return respond(
        DeviceCodeView(
            frame=visit.frame(),
            action=f"{PAGE}?{_LANGUAGE}={visit.language}",
            form_token=form_token(visit.secret, _ENTER),
            entered=unverified_code[:_MAX_ENTERED] if code is None else show_user_code(code),
            mistake=mistake,
        ),
        status,
        retry_after_s=retry_after_s,
    )


def _compare(visit: _Visit, found: WaitingDevice) -> Response[str]:
    profile = visit.book.find_profile(found.client.party)
    if profile is None:
        msg = "a party of the catalogue has no profile"
        raise RuntimeError(msg)
    shown = show_user_code(found.user_code)
    proof = prove_code(visit.context, found.user_code, created_at=found.code.created_at)
    return respond(
        DeviceConfirmView(
            frame=visit.frame(profile, query=f"&{_CODE}={shown}&{PROOF}={proof}"),
            action=f"{PAGE}/match?{_LANGUAGE}={visit.language}&{PROOF}={proof}",
            form_token=form_token(visit.secret, f"{_MATCH}{found.user_code}"),
            brand=profile.name,
            device=_kind(found, visit.language),
            device_name=found.device_name,
            code=shown,
            kept=((_CODE, shown),),
        )
    )


def _kind(found: WaitingDevice, language: str) -> str:
    """What kind of device it is, as its client is registered."""
    words = words_of(language)
    kinds = {
        Surface.TV: words.say("a TV"),
        Surface.APP: words.say("an app"),
        Surface.WEB: words.say("a website"),
    }
    return kinds[Surface(found.client.surface)]


def _go(address: str) -> Response[None]:
    return Response(
        None,
        status_code=HTTPStatus.SEE_OTHER,
        headers={"Location": address, "Cache-Control": "no-store"},
    )


def _malformed() -> MalformedError:
    return MalformedError("form_malformed", "This is not a form of ours: open the page again.")
