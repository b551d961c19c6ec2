"""``/preferences``: what a person chose everywhere, and the way to change it.

Showing records nothing.  Every change is a form of ours, answered with the page as it is then.
"""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.core.decision import SignalSource
from consentid.flows import portal_login
from consentid.flows.change_preferences import AnswerOne, Understood, change_preferences
from consentid.flows.context import Context
from consentid.flows.portal_login import ToPreferences
from consentid.flows.show_preferences import show_preferences
from consentid.flows.sign_out import sign_out
from consentid.web.cookies import Cookie
from consentid.web.pages.preferences import Tab
from consentid.web.pages.preferences_form import read_submission
from consentid.web.pages.preferences_list_views import arrival_item
from consentid.web.pages.preferences_view import Request as Asked
from consentid.web.pages.preferences_view import anchor_of, preferences_view
from consentid.web.pages.preferences_visit import PATH, go, open_visit
from consentid.web.pages.rendering import preferences_layout_digest

_SAVED: Final = "saved"
_AT: Final = "at"
_MAX_AT: Final = 64


@get(PATH, include_in_schema=False)
async def get_preferences(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Show what holds, and why."""
    visit = await open_visit(request, context)
    overview = await show_preferences(context, visit.coming, sends_gpc=visit.sends_gpc)
    opened = next(iter(request.query_params.getall(_AT, [])), "")[:_MAX_AT]
    view = preferences_view(
        overview,
        visit.centre(Tab.CHOICES, overview.page, overview.errand),
        Asked(
            action=visit.address(),
            notice_address=lambda slug: visit.address(f"{PATH}/notices/{slug}"),
            opened=opened or None,
            is_saved=overview.has_just_decided and _SAVED in request.query_params,
            arrival=arrival_item(overview.page.book, overview.arrivals),
        ),
    )
    return visit.respond(view)


@post(PATH, include_in_schema=False)
async def post_preferences(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Take a change, and show the page again as it is then."""
    visit = await open_visit(request, context)
    submission = read_submission(await visit.read_form())
    changed = await change_preferences(
        context,
        visit.browser,
        submission.change,
        unverified_page=submission.unverified_page,
        layout=preferences_layout_digest(),
        signals={SignalSource.GPC: visit.sends_gpc},
    )
    match submission.change:
        case Understood():
            address = visit.address()
        case AnswerOne(purpose=purpose, reach=reach):
            at = {} if reach is None else {_AT: str(purpose)}
            address = visit.address(anchor=anchor_of(purpose), **{_SAVED: "1"}, **at)
        case _:
            address = visit.address(**{_SAVED: "1"})
    response = go(address)
    if changed.device_credential is not None:
        visit.jar.put(response, Cookie.DEVICE, changed.device_credential)
    if changed.known_here is not None:
        visit.jar.put(response, Cookie.KNOWN, changed.known_here)
    return response


@get(f"{PATH}/sign-in", include_in_schema=False)
async def get_preferences_sign_in(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Hand over to the portal; the person comes back to the page.

    A link rather than a form: browsers would hold the portal's own redirects to ``form-action``.
    """
    visit = await open_visit(request, context)
    await visit.check_origin()

    async def start() -> str:
        async with context.database.writing() as connection:
            return await portal_login.start(
                context,
                connection,
                browser=visit.browser,
                back=ToPreferences(kept=dict(visit.kept)),
                ui_locales=visit.languages[:1],
            )

    response = go(await portal_login.asking_the_portal(start))
    if visit.is_new:
        visit.jar.put(response, Cookie.BROWSER, visit.browser.unverified_secret or "")
    return response


@post(f"{PATH}/sign-out", include_in_schema=False)
async def post_preferences_sign_out(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """End the session here.  Signing out withdraws nothing."""
    visit = await open_visit(request, context)
    await visit.read_form()
    await sign_out(context, visit.browser)
    response = go(visit.address())
    visit.jar.remove(response, Cookie.SESSION)
    return response
