"""``/preferences/...``: history, receipts, notices, who read what, devices, the download."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.end_pairing import end_pairing
from consentid.flows.export_own_data import export_own_data
from consentid.flows.manage_devices import (
    forget_browser,
    forget_device,
    show_places,
    sign_out_elsewhere,
)
from consentid.flows.own_history import show_own_decision, show_own_history
from consentid.flows.own_reads import show_own_reads
from consentid.flows.preference_page import receive
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.cookies import Cookie
from consentid.web.pages.preferences import TOKEN, Tab
from consentid.web.pages.preferences_data_view import data_view
from consentid.web.pages.preferences_list_views import (
    decision_view,
    devices_view,
    history_view,
    reads_view,
    receipt_view,
)
from consentid.web.pages.preferences_lists import NoticeView
from consentid.web.pages.preferences_visit import BEFORE, PATH, cursor_of, go, open_visit
from consentid.web.pages.receipt_pages import PATH as VERIFY_RECEIPT

_SIGN_OUT_OTHERS: Final = "sign-out-others"
_FORGET_BROWSER: Final = "forget-browser"
_DOWNLOADS: Final = Limit(name="own_data_downloads", most=20, window_s=60)
_HISTORY: Final = f"{PATH}/history"
_READS: Final = f"{PATH}/reads"
_DEVICES: Final = f"{PATH}/devices"

_Id = Annotated[str, PathParameter(max_length=64)]


@get(_HISTORY, include_in_schema=False)
async def get_own_history(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """What the person decided, a page at a time."""
    visit = await open_visit(request, context)
    cursor = cursor_of(visit)
    found = await show_own_history(context, visit.coming, unverified_cursor=cursor)
    view = history_view(
        found,
        visit.centre(Tab.HISTORY, found.page, found.errand),
        visit.address,
        older=None if found.older is None else visit.address(_HISTORY, **{BEFORE: found.older}),
        newest=None if cursor is None else visit.address(_HISTORY),
    )
    return visit.respond(view)


@get(f"{PATH}/decisions/{{decision_id:str}}", include_in_schema=False)
async def get_own_decision(
    request: Request[Any, Any, Any], context: NamedDependency[Context], decision_id: _Id
) -> Response[Any]:
    """One decision, and the exact text that it answered."""
    visit = await open_visit(request, context)
    found = await show_own_decision(context, visit.coming, _read_id(decision_id))
    centre = visit.centre(Tab.HISTORY, found.page, found.errand)
    return visit.respond(decision_view(found, centre, visit.address))


@get(f"{PATH}/receipts/{{decision_id:str}}", include_in_schema=False)
async def get_own_receipt(
    request: Request[Any, Any, Any], context: NamedDependency[Context], decision_id: _Id
) -> Response[Any]:
    """The receipt of one decision, to keep."""
    visit = await open_visit(request, context)
    found = await show_own_decision(context, visit.coming, _read_id(decision_id))
    return _file(f"receipt-{found.receipt.decision}.json", found.receipt)


@get(f"{PATH}/receipts/{{decision_id:str}}/page", include_in_schema=False)
async def get_own_receipt_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context], decision_id: _Id
) -> Response[Any]:
    """The same to read and to print."""
    visit = await open_visit(request, context)
    found = await show_own_decision(context, visit.coming, _read_id(decision_id))
    centre = visit.centre(Tab.HISTORY, found.page, found.errand)
    verify_href = f"{VERIFY_RECEIPT}?lang={found.page.language}"
    return visit.respond(receipt_view(found, centre, visit.address, verify_href=verify_href))


@get(f"{PATH}/notices/{{slug:str}}", include_in_schema=False)
async def get_notice(
    request: Request[Any, Any, Any], context: NamedDependency[Context], slug: _Id
) -> Response[Any]:
    """A brand's or partner's notice in force, in full."""
    visit = await open_visit(request, context)
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, visit.coming)
    notice = page.book.find_notice(slug, page.language)
    if notice is None:
        raise NotFoundError("notice_unknown", "There is no such notice.")
    view = NoticeView(
        centre=visit.centre(Tab.CHOICES, page, errand), notice=notice, back_href=visit.address()
    )
    return visit.respond(view)


@get(_READS, include_in_schema=False)
async def get_own_reads(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Who read what of the person."""
    visit = await open_visit(request, context)
    cursor = cursor_of(visit)
    found = await show_own_reads(context, visit.coming, unverified_cursor=cursor)
    view = reads_view(
        found,
        visit.centre(Tab.READS, found.page, found.errand),
        older=None if found.older is None else visit.address(_READS, **{BEFORE: found.older}),
        newest=None if cursor is None else visit.address(_READS),
    )
    return visit.respond(view)


@get(_DEVICES, include_in_schema=False)
async def get_own_devices(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Where the person is signed in, and on what."""
    visit = await open_visit(request, context)
    places = await show_places(context, visit.coming)
    centre = visit.centre(Tab.DEVICES, places.page, places.errand)
    return visit.respond(devices_view(places, centre, visit.address(_DEVICES)))


@post(_DEVICES, include_in_schema=False)
async def post_own_devices(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Sign out elsewhere, disconnect a television, forget a device or this very browser."""
    visit = await open_visit(request, context)
    fields = await visit.read_form()
    response = go(visit.address(_DEVICES))
    match {name: text for name, text in fields.items() if name != TOKEN}:
        case {"act": act, **rest} if act == _SIGN_OUT_OTHERS and not rest:
            await sign_out_elsewhere(context, visit.browser)
        case {"act": act, **rest} if act == _FORGET_BROWSER and not rest:
            await forget_browser(context, visit.browser)
            visit.jar.remove(response, Cookie.DEVICE)
        case {"pairing": pairing, **rest} if not rest:
            await end_pairing(context, visit.browser, unverified_pairing=pairing)
        case {"device": device, **rest} if not rest:
            if await forget_device(context, visit.browser, unverified_device=device):
                visit.jar.remove(response, Cookie.SESSION)
        case _:
            raise MalformedError("form_malformed", "This is not a form of ours.")
    return response


@get(f"{PATH}/data", include_in_schema=False)
async def get_own_data(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """All that is kept of the person, as one file."""
    visit = await open_visit(request, context)
    await context.limiter.check(_DOWNLOADS, network_of(request), now_s=wall_clock_s())
    return _file("my-choices.json", await export_own_data(context, visit.coming))


@get(f"{PATH}/everything", include_in_schema=False)
async def get_own_data_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """The same, to read and to print."""
    visit = await open_visit(request, context)
    await context.limiter.check(_DOWNLOADS, network_of(request), now_s=wall_clock_s())
    data = await export_own_data(context, visit.coming)
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, visit.coming)
    centre = visit.centre(Tab.CHOICES, page, errand)
    return visit.respond(data_view(data, centre, page.book, page.language, visit.address))


def _file(name: str, content: msgspec.Struct) -> Response[Any]:
    return Response(
        msgspec.json.format(msgspec.json.encode(content), indent=2),
        status_code=HTTPStatus.OK,
        media_type="application/json",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


def _read_id(unverified: str) -> UUID:
    try:
        return UUID(unverified)
    except ValueError:
        raise NotFoundError("decision_unknown", "You made no such decision.") from None
