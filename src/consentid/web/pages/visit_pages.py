"""``/preferences/visit``: from a brand's page to the preference centre, by a code in the fragment.

A fragment is sent to nobody, so a script of ours reads it, takes it out of the address and sends it
by a form of ours: no credential is in a URL that anybody logs.
"""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.flows.context import Context
from consentid.flows.preference_page import receive
from consentid.flows.visit_from_page import visit_from_page
from consentid.web.cookies import Cookie
from consentid.web.pages.preferences import TOKEN, Tab
from consentid.web.pages.preferences_visit import PATH, go, open_visit
from consentid.web.pages.visit import VisitView

VISIT_PATH: Final = f"{PATH}/visit"
_CODE: Final = "code"
_REFERRER: Final = "referrer"


@get(VISIT_PATH, include_in_schema=False)
async def get_visit(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Pass through."""
    visit = await open_visit(request, context)
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, visit.coming)
    centre = visit.centre(Tab.CHOICES, page, errand)
    view = VisitView(
        frame=centre.frame,
        action=visit.address(VISIT_PATH),
        kept=((TOKEN, centre.form_token),),
    )
    return visit.respond(view)


@post(VISIT_PATH, include_in_schema=False)
async def post_visit(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Show what the device behind the code chose; without a good one, what the hub itself knows."""
    visit = await open_visit(request, context)
    fields = await visit.read_form()
    found = await visit_from_page(
        context,
        visit.browser,
        unverified_code=fields.get(_CODE, ""),
        unverified_referrer=fields.get(_REFERRER, ""),
    )
    response = go(visit.address())
    if found is None:
        visit.jar.remove(response, Cookie.VISIT)
    else:
        visit.jar.put(response, Cookie.VISIT, found)
    return response
