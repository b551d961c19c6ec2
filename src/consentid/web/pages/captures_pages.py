"""``/preferences/captures``: what others say that the person told them, and one step against it."""

from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.flows.context import Context
from consentid.flows.own_captures import (
    confirm_own_capture,
    dispute_own_capture,
    show_own_captures,
)
from consentid.kit.errors import MalformedError
from consentid.web.pages.captures_view import captures_view
from consentid.web.pages.preferences import TOKEN, Tab
from consentid.web.pages.preferences_visit import BEFORE, PATH, cursor_of, go, open_visit

_CAPTURES: Final = f"{PATH}/captures"


@get(_CAPTURES, include_in_schema=False)
async def get_own_captures(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """What others captured of the person."""
    visit = await open_visit(request, context)
    cursor = cursor_of(visit)
    found = await show_own_captures(context, visit.coming, unverified_cursor=cursor)
    view = captures_view(
        found,
        visit.centre(Tab.CAPTURES, found.page, found.errand),
        visit.address,
        older=None if found.older is None else visit.address(_CAPTURES, **{BEFORE: found.older}),
        newest=None if cursor is None else visit.address(_CAPTURES),
    )
    return visit.respond(view)


@post(_CAPTURES, include_in_schema=False)
async def post_own_capture(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Confirm or dispute one of them."""
    visit = await open_visit(request, context)
    fields = await visit.read_form()
    match {name: text for name, text in fields.items() if name != TOKEN}:
        case {"confirm": capture, **rest} if not rest:
            await confirm_own_capture(context, visit.browser, _read_id(capture))
        case {"dispute": capture, **rest} if not rest:
            await dispute_own_capture(context, visit.browser, _read_id(capture))
        case _:
            raise MalformedError("form_malformed", "This is not a form of ours.")
    return go(visit.address(_CAPTURES))


def _read_id(unverified: str) -> UUID:
    try:
        return UUID(unverified)
    except ValueError:
        raise MalformedError("form_malformed", "This is not a form of ours.") from None
