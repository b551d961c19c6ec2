"""``/logout``: a person signs out; a client may ask for it, and the person is asked in turn.

A form that another site makes is answered by the same request as GET, with which the browser sends
our cookies; our own page's form carries its token.  What is refused is told to the person.

Spec: OpenID Connect RP-Initiated Logout 1.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.brandbook.book import Profile
from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, new_secret
from consentid.flows.sign_out import FIELDS, SignOutRequest, judge_sign_out, sign_out
from consentid.kit.errors import MalformedError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.catalogue import accepted_languages
from consentid.web.cookies import Cookie, Jar, jar_of
from consentid.web.forms import parse_form
from consentid.web.pages.forgery import check_form, form_token
from consentid.web.pages.frame import Frame, frame_of
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.rendering import form_target, respond
from consentid.web.pages.sign_out import SignOutView
from consentid.web.pages.words import choose_language
from consentid.web.strict_bodies import body_of

PATH: Final = "/logout"
_ABOUT: Final = "logout"
_ACT: Final = "act"
_LEAVE: Final = "leave"
_STAY: Final = "stay"
_TOKEN: Final = "form_token"  # noqa: S105 - a field's name
_MAX_BYTES: Final = 16_384
_SIGN_OUTS: Final = Limit(name="sign_outs", most=600, window_s=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """A request that may be followed, and the browser that makes it."""

    request: Request[Any, Any, Any]
    context: Context
    jar: Jar
    browser: Browser
    fields: Mapping[str, str]
    asked: SignOutRequest

    @property
    def profile(self) -> Profile | None:
        client = self.asked.client
        return None if client is None else self.asked.book.find_profile(client.party)

    @property
    def home(self) -> str:
        """Where whoever stays goes back to: the brand's own site, or the portal."""
        if self.profile is not None and self.profile.origins:
            return f"{self.profile.origins[0]}/"
        return self.asked.book.group.portal.issuer

    @property
    def frame(self) -> Frame:
        wanted = self.fields.get("ui_locales", "").split(" ")
        preferred = accepted_languages(self.request.headers.get("accept-language", ""))
        language = choose_language(
            [*(tag for tag in wanted if tag), *preferred], self.asked.book.group.languages
        )
        return frame_of(self.asked.book, self.profile, language, path=None)


@get(PATH, include_in_schema=False)
async def get_logout(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Sign out where a client proves that it may ask; else ask the person."""
    visit = await _visit(request, context, _read(request.scope["query_string"]))
    if visit.asked.is_signed_in and not visit.asked.is_proven:
        return _ask(visit)
    return await _leave(visit)


@post(PATH, status_code=HTTPStatus.OK, include_in_schema=False)
async def post_logout(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Take a client's form, or the person's answer to our page."""
    query = request.scope["query_string"]
    fields = _read(b"&".join(part for part in (query, body_of(request) or b"") if part))
    if _ACT not in fields:
        return _go(f"{PATH}?{urlencode(fields)}")
    visit = await _visit(request, context, fields)
    check_form(
        request,
        issuer=visit.asked.book.group.issuer,
        browser_secret=visit.browser.unverified_secret,
        about=_ABOUT,
        unverified_token=fields.get(_TOKEN, ""),
    )
    match fields[_ACT]:
        case act if act == _LEAVE:
            return await _leave(visit)
        case act if act == _STAY:
            return _go(visit.home)
        case _:
            raise MalformedError("form_malformed", "This is not a form of ours.")


async def _visit(
    request: Request[Any, Any, Any], context: Context, fields: Mapping[str, str]
) -> _Visit:
    await context.limiter.check(_SIGN_OUTS, network_of(request), now_s=wall_clock_s())
    jar = await jar_of(context)
    browser = jar.read(request)
    return _Visit(
        request=request,
        context=context,
        jar=jar,
        browser=browser,
        fields=fields,
        asked=await judge_sign_out(context, fields, browser),
    )


def _ask(visit: _Visit) -> Response[Any]:
    secret = visit.browser.unverified_secret or new_secret(visit.context)
    view = SignOutView(
        frame=visit.frame,
        action=PATH,
        form_token=form_token(secret, _ABOUT),
        kept=tuple((name, visit.fields[name]) for name in FIELDS if name in visit.fields),
        asked_by=None if visit.profile is None else visit.profile.name,
    )
    leads_to = [visit.home, *([] if visit.asked.onward is None else [visit.asked.onward])]
    response = respond(view, form_targets=[form_target(address) for address in leads_to])
    if visit.browser.unverified_secret is None:
        visit.jar.put(response, Cookie.BROWSER, secret)
    return response


async def _leave(visit: _Visit) -> Response[Any]:
    await sign_out(visit.context, visit.browser, sessions=visit.asked.sessions)
    if visit.asked.onward is not None:
        response: Response[Any] = _go(visit.asked.onward)
    else:
        view = MessageView(
            frame=visit.frame,
            message=Message.SIGNED_OUT,
            is_good=True,
            next_path=None if visit.profile is None else visit.home,
            next_name=None if visit.profile is None else visit.profile.name,
        )
        response = respond(view)
    visit.jar.remove(response, Cookie.SESSION)
    return response


def _read(parameters: bytes) -> dict[str, str]:
    if len(parameters) > _MAX_BYTES:
        raise MalformedError(
            "invalid_request", f"All parameters together are at most {_MAX_BYTES} bytes."
        )
    return parse_form(parameters)


def _go(address: str) -> Response[Any]:
    return Response(
        None,
        status_code=HTTPStatus.SEE_OTHER,
        headers={
            "Location": address,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )
