"""``/operations/catalogues`` and its like: what was changed, by whom, who is here, what waits.

They only read, and no person is in them.
"""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency

from consentid.flows.context import Context
from consentid.flows.hold_captures import list_held
from consentid.flows.manage_field_devices import list_devices
from consentid.flows.show_administration import show_acts, show_clients, show_versions
from consentid.flows.staff import Staff
from consentid.web.pages.operations import Tab
from consentid.web.pages.operations_list_views import (
    act_item,
    device_groups,
    held_groups,
    party_items,
    version_item,
)
from consentid.web.pages.operations_lists import (
    ActsView,
    CataloguesView,
    ClientsView,
    FieldDevicesView,
    HeldView,
)
from consentid.web.pages.operations_visit import PATH, PATHS, Visit, open_visit
from consentid.web.pages.preferences_visit import go

_BEFORE: Final = "before"
_MAX_NUMBER: Final = 9
_MOST: Final = 200
"""Of held captures and devices on a page; the commands and ``/v1/admin`` tell of all."""


@get(PATHS[Tab.CATALOGUES][0], include_in_schema=False)
async def get_catalogues_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Every version of the configuration, and what it changed."""
    visit = await open_visit(request, context)
    staff = visit.staff
    if staff is None:
        return _away()
    path = _enter(staff, Tab.CATALOGUES)
    found = await show_versions(context, before=_number(visit.parameter(_BEFORE)))
    newest = found.book.catalogue.version
    return visit.respond(
        CataloguesView(
            frame=visit.frame(path),
            desk=visit.desk(staff, Tab.CATALOGUES),
            versions=tuple(version_item(each, newest, visit.language) for each in found.versions),
            next_path=_next(path, visit, found.next),
        )
    )


@get(PATHS[Tab.ACTS][0], include_in_schema=False)
async def get_acts_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Who changed what."""
    visit = await open_visit(request, context)
    staff = visit.staff
    if staff is None:
        return _away()
    path = _enter(staff, Tab.ACTS)
    found = await show_acts(context, before=_entry(visit.parameter(_BEFORE)))
    return visit.respond(
        ActsView(
            frame=visit.frame(path),
            desk=visit.desk(staff, Tab.ACTS),
            acts=tuple(act_item(each) for each in found.acts),
            next_path=_next(path, visit, found.next),
        )
    )


@get(PATHS[Tab.CLIENTS][0], include_in_schema=False)
async def get_clients_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Brands and partners, and their clients."""
    visit = await open_visit(request, context)
    staff = visit.staff
    if staff is None:
        return _away()
    path = _enter(staff, Tab.CLIENTS)
    found = await show_clients(context)
    return visit.respond(
        ClientsView(
            frame=visit.frame(path),
            desk=visit.desk(staff, Tab.CLIENTS),
            parties=party_items(found.book, found.clients),
        )
    )


@get(PATHS[Tab.CAPTURES][0], include_in_schema=False)
async def get_held_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """What came too fast and waits for somebody."""
    visit = await open_visit(request, context)
    staff = visit.staff
    if staff is None:
        return _away()
    path = _enter(staff, Tab.CAPTURES)
    held = await list_held(context)
    return visit.respond(
        HeldView(
            frame=visit.frame(path),
            desk=visit.desk(staff, Tab.CAPTURES),
            groups=held_groups(held[:_MOST]),
            total=len(held),
            is_cut=len(held) > _MOST,
        )
    )


@get(PATHS[Tab.DEVICES][0], include_in_schema=False)
async def get_field_devices_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Capture devices, and how far each came."""
    visit = await open_visit(request, context)
    staff = visit.staff
    if staff is None:
        return _away()
    path = _enter(staff, Tab.DEVICES)
    async with context.database.reading() as connection:
        devices = await list_devices(connection, None)
    return visit.respond(
        FieldDevicesView(
            frame=visit.frame(path),
            desk=visit.desk(staff, Tab.DEVICES),
            groups=device_groups(devices[:_MOST]),
            is_cut=len(devices) > _MOST,
        )
    )


def _away() -> Response[Any]:
    return go(PATH)


def _enter(staff: Staff, tab: Tab) -> str:
    path, verb = PATHS[tab]
    staff.check(verb)
    return path


def _next(path: str, visit: Visit, before: str | None) -> str | None:
    if before is None:
        return None
    return f"{path}?{urlencode({'lang': visit.language, _BEFORE: before})}"


def _number(unverified: str | None) -> int | None:
    if unverified is None or not (unverified.isascii() and unverified.isdigit()):
        return None
    return int(unverified) if len(unverified) <= _MAX_NUMBER else None


def _entry(unverified: str | None) -> UUID | None:
    try:
        return None if unverified is None else UUID(unverified)
    except ValueError:
        return None
