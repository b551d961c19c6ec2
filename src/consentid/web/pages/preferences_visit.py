"""A visit to the preference centre: the browser, where it comes from, and what stands around."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, Response

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, new_secret
from consentid.flows.preference_page import Coming, Errand, PreferencePage
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.catalogue import accepted_languages
from consentid.web.cookies import Cookie, Jar, jar_of
from consentid.web.forms import parse_form
from consentid.web.pages.forgery import check_form, check_same_origin, form_token
from consentid.web.pages.frame import Frame, frame_of
from consentid.web.pages.preferences import TOKEN, Centre, Tab, TabLink
from consentid.web.pages.rendering import View, respond
from consentid.web.strict_bodies import body_of

PATH: Final = "/preferences"
_ABOUT: Final = "preferences"
_KEPT: Final = ("lang", "client_id", "return_to")
"""What an address of the preference centre carries on."""
SUPPORT_PATH: Final = f"{PATH}/support"
BEFORE: Final = "before"
"""What an older page of a list is asked by."""
_MAX_CURSOR: Final = 1_024
_MAX_KEPT: Final = 2_048
_VISITS: Final = Limit(name="preference_visits", most=600, window_s=60)
_CHANGES: Final = Limit(name="preference_changes", most=300, window_s=60)
_PATHS: Final = {
    Tab.CHOICES: PATH,
    Tab.HISTORY: f"{PATH}/history",
    Tab.CAPTURES: f"{PATH}/captures",
    Tab.READS: f"{PATH}/reads",
    Tab.DEVICES: f"{PATH}/devices",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request, and the browser that makes it."""

    request: Request[Any, Any, Any]
    context: Context
    jar: Jar
    browser: Browser
    """With a secret of its own: a new one where it brought none."""
    is_new: bool
    kept: Mapping[str, str]

    @property
    def languages(self) -> list[str]:
        """What the person chose on the page, then what the browser prefers."""
        chosen = self.kept.get("lang")
        preferred = accepted_languages(self.request.headers.get("accept-language", ""))
        return [*([] if chosen is None else [chosen]), *preferred]

    @property
    def coming(self) -> Coming:
        """What the page is asked with."""
        return Coming(
            browser=self.browser,
            languages=self.languages,
            client_id=self.kept.get("client_id"),
            return_to=self.kept.get("return_to"),
        )

    @property
    def sends_gpc(self) -> bool:
        """Whether the browser sends Global Privacy Control."""
        return self.request.headers.get("sec-gpc") == "1"

    def address(self, path: str = PATH, anchor: str | None = None, **more: str) -> str:
        """An address of the preference centre that keeps where the person comes from."""
        query = urlencode({**self.kept, **more})
        head = f"{path}?{query}" if query else path
        return head if anchor is None else f"{head}#{anchor}"

    def centre(self, tab: Tab, page: PreferencePage, errand: Errand) -> Centre:
        """What stands around a page."""
        is_signed_in = page.visitor.login is not None
        can_sign_in = self.context.settings.portal_client_secret is not None and not is_signed_in
        path = self.request.scope["path"].rstrip("/")
        return Centre(
            frame=self._frame(page, errand, path),
            tabs=tuple(
                TabLink(tab=each, href=self.address(of), is_current=each is tab)
                for each, of in _PATHS.items()
            ),
            form_token=form_token(self.browser.unverified_secret or "", _ABOUT),
            is_signed_in=is_signed_in,
            is_known=page.visitor.session is not None,
            sign_in_path=self.address(f"{PATH}/sign-in") if can_sign_in else None,
            sign_out_action=self.address(f"{PATH}/sign-out"),
            download_path=f"{PATH}/data",
            data_path=self.address(f"{PATH}/everything"),
            support_path=self.address(SUPPORT_PATH),
            back=errand.return_to,
        )

    def respond(self, view: View, status: HTTPStatus = HTTPStatus.OK) -> Response[Any]:
        """Answer with a page; a browser without a secret gets one."""
        response = respond(view, status)
        if self.is_new:
            self.jar.put(response, Cookie.BROWSER, self.browser.unverified_secret or "")
        return response

    async def check_origin(self) -> None:
        """Insist that no other site sent the browser here.

        Raises:
            ForbiddenError: the browser names another site.
        """
        async with self.context.database.reading() as connection:
            issuer = (await self.context.book(connection)).group.issuer
        check_same_origin(self.request, issuer=issuer)

    async def read_form(self) -> dict[str, str]:
        """The fields of a form that came from our page in this browser.

        Raises:
            ForbiddenError: it came from elsewhere.
            RateLimitedError: too many forms came from this address.
        """
        fields = parse_form(body_of(self.request) or b"")
        async with self.context.database.reading() as connection:
            issuer = (await self.context.book(connection)).group.issuer
        check_form(
            self.request,
            issuer=issuer,
            browser_secret=None if self.is_new else self.browser.unverified_secret,
            about=_ABOUT,
            unverified_token=fields.get(TOKEN, ""),
        )
        await self.context.limiter.check(_CHANGES, network_of(self.request), now_s=wall_clock_s())
        return fields

    def _frame(self, page: PreferencePage, errand: Errand, path: str) -> Frame:
        profile = None if errand.party is None else page.book.find_profile(errand.party)
        frame = frame_of(page.book, profile, page.language, path=path)
        return replace(
            frame,
            languages=tuple(
                replace(link, href=self.address(path, lang=link.tag)) for link in frame.languages
            ),
        )


async def open_visit(request: Request[Any, Any, Any], context: Context) -> Visit:
    """Read what the request brings.

    Raises:
        RateLimitedError: too many come from this address.
    """
    await context.limiter.check(_VISITS, network_of(request), now_s=wall_clock_s())
    jar = await jar_of(context)
    browser = jar.read(request, may_visit=True)
    is_new = browser.unverified_secret is None
    if is_new:
        browser = replace(browser, unverified_secret=new_secret(context))
    kept = {
        name: text
        for name in _KEPT
        for text in request.query_params.getall(name, [])[:1]
        if 0 < len(text) <= _MAX_KEPT
    }
    return Visit(
        request=request,
        context=context,
        jar=jar,
        browser=browser,
        is_new=is_new,
        kept=kept,
    )


def cursor_of(visit: Visit) -> str | None:
    """Where in a list the page that is asked for begins; None: with the newest."""
    found = visit.request.query_params.getall(BEFORE, [])[:1]
    return found[0][:_MAX_CURSOR] if found else None


def go(address: str) -> Response[Any]:
    """Send the browser on."""
    return Response(
        None,
        status_code=HTTPStatus.SEE_OTHER,
        headers={
            "Location": address,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )
