"""Which application answers at which of the demo's hosts."""

from pathlib import Path
from typing import cast

import httpx2
import msgspec

from consentid.brandbook.book import Book
from consentid.brandbook.client import Collects, Scope
from consentid.brandbook.folder import load
from consentid.demo import halcyon, loopback
from consentid.demo.halcyon import DemoSecrets
from consentid.demo.host_dispatch import Application, HostDispatch
from consentid.demo.hub_client import HubClient
from consentid.demo.portal import create_portal
from consentid.demo.portal_book import open_portal
from consentid.demo.portal_client import PortalClient
from consentid.demo.site_visit import Visits
from consentid.demo.sites import Site, create_site
from consentid.flows.opening import open_context
from consentid.settings import Settings
from consentid.store.engine import Database
from consentid.web.app import make_app


def create_hosts(chosen: Settings, folder: Path, port: int) -> HostDispatch:
    """The hub, the portal and the sites, behind one port.

    ``folder`` is a demo folder that was prepared.
    """
    book = load(chosen.brands_dir).book
    secrets = halcyon.read_secrets(folder)
    ours = secrets.portal_clients[book.group.portal.client_id]
    hub = open_context(msgspec.structs.replace(chosen, portal_client_secret=ours))
    http = loopback.client()
    apps = {
        halcyon.HUB: make_app(hub.context, close=hub.close),
        halcyon.PORTAL: create_portal(*open_portal(folder / "portal"), Database(chosen.database())),
    }
    for party in halcyon.PARTIES:
        apps[party] = create_site(_site(party, book, secrets, http, port))
    return HostDispatch(
        {f"{host}.localhost": cast("Application", app) for host, app in apps.items()}
    )


def _site(party: str, book: Book, secrets: DemoSecrets, http: httpx2.Client, port: int) -> Site:
    profile = halcyon.profile_of(book, party)
    hub, portal = halcyon.url_of(halcyon.HUB, port), halcyon.url_of(halcyon.PORTAL, port)

    def client(scope: Scope) -> HubClient:
        id_ = halcyon.client_of(book, party, scope)
        return HubClient(http=http, hub=hub, client_id=id_, secret=secrets.clients[id_])

    writer, portal_client = client(Scope.DECISIONS_WRITE), None
    if party in book.group.portal.clients:
        id_ = halcyon.portal_client_of(book, party)
        portal_client = PortalClient(
            http=http,
            portal=portal,
            client_id=id_,
            secret=secrets.portal_clients[id_],
            site=halcyon.url_of(party, port),
        )
    return Site(
        profile=profile,
        origin=halcyon.url_of(party, port),
        hub=writer,
        checker=client(Scope.VERIFY),
        portal=portal_client,
        visits=Visits(f"{party}/{secrets.cookies}"),
        collects_for_group=any(
            one.id == writer.client_id and one.collects is Collects.GROUP
            for one in profile.clients.values()
        ),
    )
