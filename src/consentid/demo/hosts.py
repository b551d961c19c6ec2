"""Which application answers at which of the demo's hosts."""

from pathlib import Path
from typing import cast

import httpx2
import msgspec

from consentid.brandbook.book import Book
from consentid.brandbook.client import Scope
from consentid.brandbook.folder import load
from consentid.demo import halcyon, loopback
from consentid.demo.brand_content import LANGUAGES, content_of
from consentid.demo.brand_logout import LogoutReceiver
from consentid.demo.brand_pages import BrandPages, BrandSite, Neighbour
from consentid.demo.brand_site import create_brand_site
from consentid.demo.halcyon import DemoSecrets
from consentid.demo.host_dispatch import Application, HostDispatch
from consentid.demo.hub_client import HubClient
from consentid.demo.portal import create_portal
from consentid.demo.portal_book import open_portal
from consentid.demo.site import Site
from consentid.demo.site_visit import Visits
from consentid.demo.sites import create_site
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
    for brand in halcyon.BRANDS:
        apps[brand] = create_brand_site(
            BrandPages(site=_brand(brand, book, port)),
            LogoutReceiver(
                http=http,
                hub=halcyon.url_of(halcyon.HUB, port),
                client_ids=frozenset(halcyon.profile_of(book, brand).clients),
            ),
        )
    for partner in halcyon.PARTNERS:
        apps[partner] = create_site(_partner(partner, book, secrets, http, port=port))
    return HostDispatch(
        {f"{host}.localhost": cast("Application", app) for host, app in apps.items()}
    )


def _brand(slug: str, book: Book, port: int) -> BrandSite:
    profile = halcyon.profile_of(book, slug)
    return BrandSite(
        slug=slug,
        name=profile.name,
        logo=profile.look.logo,
        look=profile.look.properties,
        origin=halcyon.url_of(slug, port),
        hub=halcyon.url_of(halcyon.HUB, port),
        client_id=halcyon.page_client_of(book, slug),
        tv_client=halcyon.tv_client_of(book, slug),
        others=tuple(
            Neighbour(
                name=halcyon.profile_of(book, other).name,
                origin=halcyon.url_of(other, port),
                tagline={each: content_of(other, each).tagline for each in LANGUAGES},
            )
            for other in halcyon.BRANDS
            if other != slug
        ),
    )


def _partner(
    party: str, book: Book, secrets: DemoSecrets, http: httpx2.Client, *, port: int
) -> Site:
    hub = halcyon.url_of(halcyon.HUB, port)

    def client(scope: Scope) -> HubClient:
        id_ = halcyon.client_of(book, party, scope)
        return HubClient(http=http, hub=hub, client_id=id_, secret=secrets.clients[id_])

    return Site(
        profile=halcyon.profile_of(book, party),
        origin=halcyon.url_of(party, port),
        hub=client(Scope.DECISIONS_WRITE),
        checker=client(Scope.VERIFY),
        visits=Visits(f"{party}/{secrets.cookies}"),
    )
