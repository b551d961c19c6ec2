"""``/preferences/support``: a person makes a code, and tells it to support."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.flows.context import Context
from consentid.flows.preference_page import receive
from consentid.flows.support_code import SupportCode, make_support_code
from consentid.kit.errors import MalformedError
from consentid.kit.instants import to_datetime
from consentid.web.pages.preferences import TOKEN, Tab
from consentid.web.pages.preferences_lists import SupportCodeView
from consentid.web.pages.preferences_visit import PATH, SUPPORT_PATH, Visit, open_visit


@get(SUPPORT_PATH, include_in_schema=False)
async def get_support_code(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """What it is, and the button that makes a code."""
    return await _show(await open_visit(request, context), None)


@post(SUPPORT_PATH, status_code=200, include_in_schema=False)
async def post_support_code(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Make a code, and show it this once."""
    visit = await open_visit(request, context)
    fields = await visit.read_form()
    if fields.keys() != {TOKEN}:
        raise MalformedError("form_malformed", "This is not a form of ours.")
    return await _show(visit, await make_support_code(context, visit.browser))


async def _show(visit: Visit, made: SupportCode | None) -> Response[Any]:
    async with visit.context.database.reading() as connection:
        page, errand = await receive(visit.context, connection, visit.coming)
    return visit.respond(
        SupportCodeView(
            centre=visit.centre(Tab.READS, page, errand),
            action=visit.address(SUPPORT_PATH),
            reads_href=visit.address(f"{PATH}/reads"),
            code=None if made is None else made.code,
            ends_at=None if made is None else to_datetime(made.ends_at).strftime("%H:%M"),
        )
    )
