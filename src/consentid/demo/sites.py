"""A partner's site, which uses consentid as any back end would, without a line of script.

It speaks to the hub through ``hub_client`` only: its own client credentials, a device credential or
an exchanged ID token for the visitor, and nothing that the public contract does not say.

Invariants: no script; no device is made, and nothing recorded, before somebody answers; a form
counts only with the token of the visit that it was made for.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import httpx2
import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency, Provide

from consentid.demo import site_pages
from consentid.demo.hub_client import (
    HubRefusalError,
)
from consentid.demo.partner_asking import CALLBACK, hear, push
from consentid.demo.partner_pages import PartnerView, partner_page
from consentid.demo.site import Site
from consentid.demo.site_answers import AnswerForm, choices_of, offered
from consentid.demo.site_style import style_sheet
from consentid.demo.site_visit import DEVICE, VISIT, Visit
from consentid.demo.site_words import pick_language
from consentid.web.pages.home_pages import get_robots

SiteRequest: TypeAlias = Request[Any, Any, State]
_MAX_BODY_BYTES: Final = 16 * 1024
_DEVICE_LIFETIME_S: Final = 396 * 86_400
_SEE_OTHER: Final = 303
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self' {hub};"
    " frame-ancestors 'none'"
)
_HEADERS: Final = {
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@get("/", sync_to_thread=True)
def show_partner(request: SiteRequest, site: NamedDependency[Site]) -> Response[str]:
    """The front page: what the partner asks on the hub, and what came back."""
    visit = site.visits.open(request.cookies.get(VISIT))
    token = None if visit.heard is None else visit.heard.token
    view = PartnerView(
        slug=site.slug,
        name=site.profile.name,
        logo=site.profile.look.logo,
        language=pick_language(request.headers.get("accept-language", "")),
        form_token=site.visits.form_token(visit),
        hub=site.hub.hub,
        client_id=site.hub.client_id,
        origin=site.origin,
        heard=visit.heard,
        is_active=token is not None and site.verify(token).active,
    )
    return _page(partner_page(view), site, visit)


@post("/ask", sync_to_thread=True)
def ask_on_hub(
    request: SiteRequest, site: NamedDependency[Site], form: NamedDependency[dict[str, str]]
) -> Response[str]:
    """Push a request, and send the person to the hub with its reference."""
    visit = site.visits.open(request.cookies.get(VISIT))
    if not site.visits.is_own_form(visit, form.get("form_token", "")):
        return _to("/", visit)
    try:
        visit.asking, address = push(site.hub, site.slug, form.get("offer", ""), origin=site.origin)
    except KeyError:
        return _to("/", visit)
    return _to(address, visit)


@get(CALLBACK, sync_to_thread=True)
def take_back(request: SiteRequest, site: NamedDependency[Site]) -> Response[str]:
    """Hear what came of a request, once; what belongs to no request of this visit is passed by."""
    visit = site.visits.open(request.cookies.get(VISIT))
    asking = visit.asking
    if asking is not None:
        told = dict(request.query_params.items())
        heard = hear(site.hub, asking, told, origin=site.origin)
        if heard is not None:
            visit.heard, visit.asking = heard, None
    return _to("/#back", visit)


@get("/form", sync_to_thread=True)
def show_front(request: SiteRequest, site: NamedDependency[Site]) -> Response[str]:
    """The partner's own form."""
    return _show(request, site, site_pages.front_page)


@get("/choices", sync_to_thread=True)
def show_choices(request: SiteRequest, site: NamedDependency[Site]) -> Response[str]:
    """One by one."""
    return _show(request, site, site_pages.choices_page)


@get("/site.css", sync_to_thread=False)
def show_style(site: NamedDependency[Site]) -> Response[str]:
    """The look."""
    return Response(
        style_sheet(site.profile.look.properties),
        media_type="text/css",
        headers={"cache-control": "public, max-age=60", "x-content-type-options": "nosniff"},
    )


@post("/answer", sync_to_thread=True)
def take_answer(
    request: SiteRequest, site: NamedDependency[Site], form: NamedDependency[dict[str, str]]
) -> Response[str]:
    """Record what the visitor chose; the same act for yes, no and one by one."""
    visit = site.visits.open(request.cookies.get(VISIT))
    if form.get("act") == "choose":
        return _to("/choices", visit)
    device = request.cookies.get(DEVICE)

    def record() -> str | None:
        answer = msgspec.convert(form, AnswerForm, strict=False)
        choices = choices_of(answer.act, answer.asked, form)
        if not choices:
            return None
        made = None
        access = site.access(visit, device)
        if access is None:
            made = site.make_device(visit)
            access = visit.access or ""
        choices = offered(choices, site.hub.state(access))
        recorded = site.hub.decide(
            access,
            answer.shown(site.slug),
            choices,
            reach=site.own_reach,
        )
        visit.consent_token = recorded.consent_token or visit.consent_token
        visit.notices.append("saved")
        return made

    return _act(request, site, visit, form, record)


@post("/withdraw", sync_to_thread=True)
def take_withdrawal(
    request: SiteRequest, site: NamedDependency[Site], form: NamedDependency[dict[str, str]]
) -> Response[str]:
    """Withdraw everything, here or everywhere: one act, as easy as accepting."""
    visit = site.visits.open(request.cookies.get(VISIT))

    def withdraw() -> None:
        access = site.access(visit, request.cookies.get(DEVICE))
        if access is not None:
            ended = site.hub.withdraw(access, reach=site.own_reach)
            visit.consent_token = ended.consent_token or visit.consent_token
            visit.notices.append("withdrawn")

    return _act(request, site, visit, form, withdraw)


def create_site(site: Site) -> Litestar:
    """The site as an ASGI application."""

    def provide_site() -> Site:
        return site

    return Litestar(
        route_handlers=[
            *(show_partner, ask_on_hub, take_back),
            *(show_front, show_choices, show_style, get_robots),
            *(take_answer, take_withdrawal),
        ],
        dependencies={
            "site": Provide(provide_site, sync_to_thread=False),
            "form": Provide(_read_form),
        },
        exception_handlers={HubRefusalError: _unavailable, httpx2.HTTPError: _unavailable},
        openapi_config=None,
        logging_config=None,  # whoever runs us has set logging up
        request_max_body_size=_MAX_BODY_BYTES,
    )


async def _read_form(request: SiteRequest) -> dict[str, str]:
    """The form's fields; what cannot be read is an empty form, which no visit accepts."""
    try:
        pairs = parse_qsl((await request.body()).decode("ascii"), max_num_fields=100)
    except ValueError:
        return {}
    return dict(pairs)


def _show(
    request: SiteRequest, site: Site, page: Callable[[site_pages.View], str]
) -> Response[str]:
    visit = site.visits.open(request.cookies.get(VISIT))
    language = pick_language(request.headers.get("accept-language", ""))
    view = site.view(visit, request.cookies.get(DEVICE), language)
    return _page(page(view), site, visit)


def _page(text: str, site: Site, visit: Visit) -> Response[str]:
    return Response(
        text,
        media_type="text/html",
        headers={
            **_HEADERS,
            "content-security-policy": _POLICY.format(hub=site.hub.hub),
            "vary": "accept-language, cookie",
        },
        cookies=[_cookie(VISIT, visit.id)],
    )


def _act(
    request: SiteRequest,
    site: Site,
    visit: Visit,
    form: Mapping[str, str],
    act: Callable[[], str | None],
) -> Response[str]:
    """Do what a form of ours asks, and go back to the front page, which says how it went."""
    del request
    device: str | None = None
    if not site.visits.is_own_form(visit, form.get("form_token", "")):
        visit.notices.append("stale")
    else:
        try:
            device = act()
        except HubRefusalError as refusal:
            visit.failure = refusal.detail
        except msgspec.ValidationError:
            visit.notices.append("stale")
    return _to("/form", visit, device)


def _to(path: str, visit: Visit, device: str | None = None) -> Response[str]:
    """Go on to a page by GET, so that reloading sends nothing twice."""
    cookies = [_cookie(VISIT, visit.id)]
    if device is not None:
        cookies.append(_cookie(DEVICE, device, lifetime_s=_DEVICE_LIFETIME_S))
    return Response(
        "", status_code=_SEE_OTHER, headers={**_HEADERS, "location": path}, cookies=cookies
    )


def _cookie(name: str, value: str, *, lifetime_s: int | None = None) -> Cookie:
    # Not Secure: the demo has no TLS, and not every browser takes http on loopback as secure.
    return Cookie(
        key=name, value=value, max_age=lifetime_s, httponly=True, samesite="lax", path="/"
    )


def _unavailable(_request: SiteRequest, error: Exception) -> Response[str]:
    """The site works without the hub, with nothing permitted; here it says so plainly."""
    why = error.detail if isinstance(error, HubRefusalError) else type(error).__name__
    return Response(
        f"The consent hub gives no answer now, so nothing is permitted: {why}\n",
        status_code=503,
        media_type="text/plain",
        headers={**_HEADERS, "retry-after": "2"},
    )
