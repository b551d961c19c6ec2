"""A visit to the administration: the browser, whoever is signed in, and what stands around."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, Response

from consentid.brandbook.book import Book
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, new_secret
from consentid.flows.staff import Staff, Verb
from consentid.flows.staff_session import find_staff
from consentid.kit.errors import ForbiddenError
from consentid.web.catalogue import accepted_languages
from consentid.web.cookies import Cookie, Jar, jar_of
from consentid.web.forms import parse_form
from consentid.web.pages.forgery import check_form, form_token
from consentid.web.pages.frame import Frame, frame_of
from consentid.web.pages.operations import Desk, LetInView, Tab, TabLink
from consentid.web.pages.preferences import TOKEN
from consentid.web.pages.rendering import View, respond
from consentid.web.pages.words import choose_language
from consentid.web.strict_bodies import body_of

PATH: Final = "/operations"
SIGN_IN: Final = f"{PATH}/sign-in"
SIGN_OUT: Final = f"{PATH}/sign-out"
OVER: Final = "over"
_ABOUT: Final = "operations"
_LANGUAGE: Final = "lang"
PATHS: Final = {
    Tab.DELIVERIES: (PATH, Verb.SEE_DELIVERIES),
    Tab.CATALOGUES: (f"{PATH}/catalogues", Verb.SEE_CATALOGUES),
    Tab.ACTS: (f"{PATH}/acts", Verb.SEE_ACTS),
    Tab.CLIENTS: (f"{PATH}/clients", Verb.SEE_CLIENTS),
    Tab.CAPTURES: (f"{PATH}/captures", Verb.SEE_CAPTURES),
    Tab.DEVICES: (f"{PATH}/devices", Verb.SEE_DEVICES),
    Tab.SUPPORT: (f"{PATH}/support", Verb.LOOK_UP),
}
"""Where each page is, and what a role has to be able to do there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request, and the browser that makes it."""

    request: Request[Any, Any, Any]
    context: Context
    book: Book
    jar: Jar
    browser: Browser
    """With a secret of its own: a new one where it brought none."""
    is_new: bool
    staff: Staff | None
    """Whoever is signed in."""

    @property
    def unverified_session(self) -> str | None:
        """The cookie of the session."""
        return self.jar.find(self.request, Cookie.OPERATOR)

    @property
    def form_token(self) -> str:
        """What the page's forms carry."""
        return form_token(self.browser.unverified_secret or "", _ABOUT)

    @property
    def language(self) -> str:
        """The page's."""
        preferred = accepted_languages(self.request.headers.get("accept-language", ""))
        wanted = [*self.request.query_params.getall(_LANGUAGE, [])[:1], *preferred]
        return choose_language(wanted, self.book.group.languages)

    def frame(self, path: str = PATH) -> Frame:
        """What stands around a page."""
        return frame_of(self.book, None, self.language, path=path)

    def parameter(self, name: str) -> str | None:
        """What the address says, not verified."""
        return next(iter(self.request.query_params.getall(name, [])), None)

    def desk(self, staff: Staff, current: Tab) -> Desk:
        """What every page of the area shows to whoever is signed in."""
        query = urlencode({_LANGUAGE: self.language})
        return Desk(
            name=staff.name,
            by=staff.by,
            roles=tuple(sorted(staff.roles)),
            tabs=tuple(
                TabLink(tab=tab, href=f"{path}?{query}", is_current=tab is current)
                for tab, (path, verb) in PATHS.items()
                if staff.may(verb)
            ),
            sign_out_action=SIGN_OUT,
            form_token=self.form_token,
        )

    def respond(self, view: View, status: HTTPStatus = HTTPStatus.OK) -> Response[Any]:
        """Answer with a page."""
        return self.answer(respond(view, status))

    def answer(self, response: Response[Any]) -> Response[Any]:
        """Answer, and give the browser its secret where it brought none."""
        if self.is_new:
            self.jar.put(response, Cookie.BROWSER, self.browser.unverified_secret or "")
        return response

    def ask_to_sign_in(self, *, is_wrong: bool = False, is_too_many: bool = False) -> Response[Any]:
        """The way in: a form for the code, or a link to the issuer of staff."""
        has_issuer = self.context.settings.staff_issuer is not None
        return self.respond(
            LetInView(
                frame=self.frame(),
                action=SIGN_IN,
                form_token=self.form_token,
                staff_sign_in=f"{SIGN_IN}?{urlencode({_LANGUAGE: self.language})}"
                if has_issuer
                else None,
                is_wrong=is_wrong,
                is_too_many=is_too_many,
                is_over=OVER in self.request.query_params,
            )
        )

    def read_form(self) -> dict[str, str]:
        """The fields of a form of ours.

        Raises:
            ForbiddenError: it is none, or another browser's.
            MalformedError: it cannot be read.
        """
        fields = parse_form(body_of(self.request) or b"")
        check_form(
            self.request,
            issuer=self.book.group.issuer,
            browser_secret=None if self.is_new else self.browser.unverified_secret,
            about=_ABOUT,
            unverified_token=fields.pop(TOKEN, ""),
        )
        return fields


async def open_visit(request: Request[Any, Any, Any], context: Context) -> Visit:
    """Find out who is there.

    Raises:
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    jar = await jar_of(context)
    browser = jar.read(request)
    is_new = browser.unverified_secret is None
    async with context.database.glancing() as connection:
        book = await context.book(connection)
    return Visit(
        request=request,
        context=context,
        book=book,
        jar=jar,
        browser=replace(browser, unverified_secret=new_secret(context)) if is_new else browser,
        is_new=is_new,
        staff=await find_staff(context, jar.find(request, Cookie.OPERATOR)),
    )


def first_path(staff: Staff) -> str:
    """The first page that somebody may see.

    Raises:
        ForbiddenError: there is none.
    """
    for path, verb in PATHS.values():
        if staff.may(verb):
            return path
    raise ForbiddenError("role_missing", "None of your roles may see anything here.")
