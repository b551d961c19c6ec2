import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import nullcontext
from pathlib import Path

import httpx2
import pytest
import uvicorn
from joserfc.jwk import RSAKey
from tests.ports import free_port

from consentid.demo.portal import create_portal
from consentid.demo.portal_book import NewClient, PortalBook, found_portal, open_portal
from consentid.demo.portal_customers import INVENTED
from consentid.demo.portal_store import found_store
from consentid.demo.stage import Stage
from consentid.embedded.postgres import SERVING, DatabaseUrls
from consentid.store.engine import Database

BRANDS = Path(__file__).parents[2] / "brands"
ISSUER = "http://id.localhost:7600"
CLIENTS = {"halcyon-news": "news secret", "halcyon-shop": "shop secret"}
NEW_CLIENTS = {
    id_: NewClient(
        secret=secret,
        redirect_uris=(f"http://{id_}.localhost/signed-in",),
        post_logout_redirect_uris=(f"http://{id_}.localhost/",),
    )
    for id_, secret in CLIENTS.items()
}
PASSWORDS = {login: f"{login} rows at dawn" for login, _, _ in INVENTED}


@pytest.fixture(scope="module")
def stage(server_folder: Path) -> Generator[Stage]:
    """The whole demo, for the tests of one module."""
    port = free_port()
    folder = server_folder / f"stage-{port}"
    started = Stage(folder=folder, brands=BRANDS, port=port, progress=lambda _label: nullcontext())
    with started:
        yield started


@pytest.fixture(scope="session")
def portal_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("portal")
    found_portal(folder, issuer=ISSUER, clients=NEW_CLIENTS, passwords=PASSWORDS)
    return folder


@pytest.fixture
def opened(portal_folder: Path) -> tuple[PortalBook, RSAKey]:
    return open_portal(portal_folder)


@pytest.fixture
async def portal(
    opened: tuple[PortalBook, RSAKey], database_urls: DatabaseUrls
) -> AsyncIterator[httpx2.AsyncClient]:
    await found_store(database_urls.owner, serving_role=SERVING)
    app = create_portal(*opened, Database(database_urls.serving))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        serving = asyncio.create_task(server.serve([listening]))
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
        server.should_exit = True
        await serving
