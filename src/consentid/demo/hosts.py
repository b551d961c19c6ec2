"""Which application answers at which of the demo's hosts."""

from pathlib import Path
from typing import cast

from consentid.demo import halcyon
from consentid.demo.host_dispatch import Application, HostDispatch
from consentid.demo.portal import create_portal
from consentid.demo.portal_book import open_portal
from consentid.flows.opening import open_context
from consentid.settings import Settings
from consentid.web.app import make_app


def create_hosts(chosen: Settings, folder: Path, port: int) -> HostDispatch:
    """The hub, the portal and the sites, behind one port.

    ``folder`` is a demo folder that was prepared.
    """
    del port
    hub = open_context(chosen)
    return HostDispatch(
        {
            f"{halcyon.HUB}.localhost": cast("Application", make_app(hub.context, close=hub.close)),
            f"{halcyon.PORTAL}.localhost": cast(
                "Application", create_portal(*open_portal(folder / "portal"))
            ),
        }
    )
