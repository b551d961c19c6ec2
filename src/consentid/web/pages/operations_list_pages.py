"""``/operations/catalogues`` and its like: what was changed, by whom, who is here, what waits.

They only read, and no person is in them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from consentid.flows.context import Context
from consentid.flows.hold_captures import list_held
from consentid.flows.manage_field_devices import list_devices
from consentid.flows.show_administration import show_acts, show_clients, show_versions
from consentid.web.pages.frame import Frame
from consentid.web.pages.operations import Desk, Tab
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
from consentid.web.pages.rendering import View

_BEFORE: Final = "before"
_MAX_NUMBER: Final = 9
_MOST: Final = 200
"""Of held captures and devices on a page; the commands and ``/v1/admin`` tell of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A list that somebody may see."""

    visit: Visit
    frame: Frame
    desk: Desk
    path: str

    def next_path(self, before: str | None) -> str | None:
        """The page after this one, None where there is none."""
        if before is None:
            return None
        return f"{self.path}?{urlencode({'lang': self.visit.language, _BEFORE: before})}"


def _page(tab: Tab, show: Callable[[Context, _Opened], Awaitable[View]]) -> HTTPRouteHandler:
    """The page of a list, for whoever is signed in and may see it."""
    path, verb = PATHS[tab]

    @get(path, include_in_schema=False, name=f"operations {tab}")
    async def page(
        request: Request[Any, Any, Any], context: NamedDependency[Context]
    ) -> Response[Any]:
        visit = await open_visit(request, context)
        staff = visit.staff
        if staff is None:
            return go(PATH)
        staff.check(verb)
        opened = _Opened(
            visit=visit, frame=visit.frame(path), desk=visit.desk(staff, tab), path=path
        )
        return visit.respond(await show(context, opened))

    return page


async def _catalogues(context: Context, opened: _Opened) -> View:
    """Every version of the configuration, and what it changed."""
    visit = opened.visit
    found = await show_versions(context, before=_number(visit.parameter(_BEFORE)))
    newest = found.book.catalogue.version
    return CataloguesView(
        frame=opened.frame,
        desk=opened.desk,
        versions=tuple(version_item(each, newest, visit.language) for each in found.versions),
        next_path=opened.next_path(found.next),
    )


async def _acts(context: Context, opened: _Opened) -> View:
    """Who changed what."""
    found = await show_acts(context, before=_entry(opened.visit.parameter(_BEFORE)))
    return ActsView(
        frame=opened.frame,
        desk=opened.desk,
        acts=tuple(act_item(each) for each in found.acts),
        next_path=opened.next_path(found.next),
    )


async def _clients(context: Context, opened: _Opened) -> View:
    """Brands and partners, and their clients."""
    found = await show_clients(context)
    return ClientsView(
        frame=opened.frame, desk=opened.desk, parties=party_items(found.book, found.clients)
    )


async def _held(context: Context, opened: _Opened) -> View:
    """What came too fast and waits for somebody."""
    held = await list_held(context)
    return HeldView(
        frame=opened.frame,
        desk=opened.desk,
        groups=held_groups(held[:_MOST]),
        total=len(held),
        is_cut=len(held) > _MOST,
    )


async def _field_devices(context: Context, opened: _Opened) -> View:
    """Capture devices, and how far each came."""
    async with context.database.reading() as connection:
        devices = await list_devices(connection, None)
    return FieldDevicesView(
        frame=opened.frame,
        desk=opened.desk,
        groups=device_groups(devices[:_MOST]),
        is_cut=len(devices) > _MOST,
    )


LIST_PAGES: Final = (
    _page(Tab.CATALOGUES, _catalogues),
    _page(Tab.ACTS, _acts),
    _page(Tab.CLIENTS, _clients),
    _page(Tab.CAPTURES, _held),
    _page(Tab.DEVICES, _field_devices),
)


def _number(unverified: str | None) -> int | None:
    if unverified is None or not (unverified.isascii() and unverified.isdigit()):
        return None
    return int(unverified) if len(unverified) <= _MAX_NUMBER else None


def _entry(unverified: str | None) -> UUID | None:
    try:
        return None if unverified is None else UUID(unverified)
    except ValueError:
        return None
