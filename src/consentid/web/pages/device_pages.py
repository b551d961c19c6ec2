"""``/device``: a person enters the code of a device, or comes by its link, and compares.

Whoever comes by a link sees brand, device and code first all the same: a link proves nothing about
who sent it.  Each look at a code is an attempt, and an attempt that fails counts: for the browser,
for the address and for everybody (``guesses``).  Nothing is decided here but a no.

Spec: RFC 8628 sections 3.3, 3.3.1, 5.1 and 5.4; RFC 10027 (unauthenticated channel, phishing).
"""

from http import HTTPStatus
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from consentid.brandbook.client import Surface
from consentid.flows.answer_device import DeviceOutcome
from consentid.flows.code_link import FIELD as PROOF
from consentid.flows.code_link import prove_code
from consentid.flows.context import Context
from consentid.flows.match_device import (
    WaitingDevice,
    confirm_match,
    deny_match,
)
from consentid.kit.errors import NotFoundError, RateLimitedError
from consentid.oidc.device_authorization import PAGE
from consentid.oidc.user_code import read_user_code, show_user_code
from consentid.web.callers import neighbourhood_of, network_of, wall_clock_s
from consentid.web.forms import parse_form
from consentid.web.pages.device import CodeMistake, DeviceCodeView, DeviceConfirmView
from consentid.web.pages.forgery import form_token
from consentid.web.pages.frame import frame_of
from consentid.web.pages.guesses import Guesser, find_by_code
from consentid.web.pages.hub_visit import LANGUAGE, HubVisit, malformed, open_hub_visit
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.preferences_visit import go
from consentid.web.pages.rendering import respond
from consentid.web.pages.words import words_of
from consentid.web.strict_bodies import body_of

_MAX_ENTERED: Final = 16
_ENTER: Final = "device"
_MATCH: Final = "device/match/"

_CODE: Final = "user_code"
_ACT: Final = "act"

_MESSAGES: Final = {
    DeviceOutcome.CONNECTED: Message.DEVICE_APPROVED,
    DeviceOutcome.DENIED: Message.DEVICE_DENIED,
    DeviceOutcome.EXPIRED: Message.DEVICE_EXPIRED,
}


@get(PAGE, include_in_schema=False)
async def get_device_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[str]:
    """Ask for a code; where the link carries one, show what it leads to."""
    visit = await open_hub_visit(request, context)
    unverified_code = visit.query.get(_CODE)
    if unverified_code is None:
        return visit.answer(_enter(visit))
    return await _look(visit, unverified_code)


@post(PAGE, status_code=HTTPStatus.OK, include_in_schema=False)
async def post_device_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[str]:
    """Show what a code leads to."""
    visit = await open_hub_visit(request, context)
    fields = visit.read_form(about=_ENTER, known=(_CODE,))
    return await _look(visit, fields.get(_CODE, ""))


@post(f"{PAGE}/match", status_code=HTTPStatus.OK, include_in_schema=False)
async def post_device_match(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Take whether the codes match: on to the choices, or a no for the device."""
    visit = await open_hub_visit(request, context)
    fields = parse_form(body_of(request) or b"")
    code = read_user_code(fields.get(_CODE, "")) or ""
    fields = visit.read_form(about=f"{_MATCH}{code}", known=(_CODE, _ACT))
    act = fields.get(_ACT)
    if act not in ("confirm", "deny"):
        raise malformed()
    found = await _find(visit, code)
    if isinstance(found, Response):
        return found
    if act == "deny":
        is_denied = await deny_match(context, found)
        return go(f"{PAGE}/{DeviceOutcome.DENIED if is_denied else DeviceOutcome.EXPIRED}")
    interaction = await confirm_match(context, found, visit.browser)
    return go(f"/interaction/{interaction}?{LANGUAGE}={visit.language}")


@get(f"{PAGE}/{{outcome:str}}", include_in_schema=False)
async def get_device_outcome(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    outcome: Annotated[str, PathParameter(max_length=16)],
) -> Response[str]:
    """Say what came of it.  The page knows of no device: anybody may look at it."""
    visit = await open_hub_visit(request, context)
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


async def _look(visit: HubVisit, unverified_code: str) -> Response[str]:
    found = await _find(visit, unverified_code)
    return found if isinstance(found, Response) else visit.answer(_compare(visit, found))


async def _find(visit: HubVisit, unverified_code: str) -> WaitingDevice | Response[str]:
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
    visit: HubVisit,
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
            frame=visit.frame(PAGE),
            action=f"{PAGE}?{LANGUAGE}={visit.language}",
            form_token=form_token(visit.secret, _ENTER),
            entered=unverified_code[:_MAX_ENTERED] if code is None else show_user_code(code),
            mistake=mistake,
        ),
        status,
        retry_after_s=retry_after_s,
    )


def _compare(visit: HubVisit, found: WaitingDevice) -> Response[str]:
    profile = visit.book.find_profile(found.client.party)
    if profile is None:
        msg = "a party of the catalogue has no profile"
        raise RuntimeError(msg)
    shown = show_user_code(found.user_code)
    proof = prove_code(visit.context, found.user_code, created_at=found.code.created_at)
    return respond(
        DeviceConfirmView(
            frame=visit.frame(PAGE, profile, query=f"&{_CODE}={shown}&{PROOF}={proof}"),
            action=f"{PAGE}/match?{LANGUAGE}={visit.language}&{PROOF}={proof}",
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
