import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.conftest import copied, run_apart
from tests.flows.town import SECRET_CLIENTS, Town, halcyon, open_node
from tests.net.portal_server import PortalServer, running_portal

from consentid.brandbook.folder import load
from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.register_client import rotate_secret
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.store import clients, clock
from consentid.store.engine import Database

_TEMPLATE = "template_town"
CIBA = "urn:openid:params:grant-type:ciba"


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """What the towns of one run share."""

    template: str
    keys: Path
    secrets: Mapping[str, str]
    portal: PortalServer


@pytest.fixture(scope="session")
def running() -> Iterator[PortalServer]:
    with running_portal() as portal:
        yield portal


@pytest.fixture
def portal(running: PortalServer) -> Iterator[PortalServer]:
    """The portal, whole again after each test."""
    keys = list(running.keys)
    yield running
    running.keys[:] = keys
    running.metadata.clear()
    running.broken.clear()
    running.asked.clear()


@pytest.fixture(scope="session")
def founded(
    postgres: EmbeddedPostgres,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    running: PortalServer,
) -> Founded:
    """A database with Halcyon applied, to copy from; keys and secrets that fit it."""
    keys = tmp_path_factory.mktemp("keys")
    generate(keys, now=from_seconds(int(time.time())), randomness=secrets.token_bytes)
    brands = halcyon(tmp_path_factory.mktemp("town") / "brands", running.issuer)

    async def found() -> dict[str, str]:
        urls = await postgres.create_database(_TEMPLATE, template=template_database)
        owner = Database(urls.owner)
        await publish_catalogue(owner, load(brands), randomness=secrets.token_bytes)
        given = {
            client: await rotate_secret(owner, client_id=client, randomness=secrets.token_bytes)
            for client in SECRET_CLIENTS
        }
        await _forget_founding(owner)
        await owner.close()
        return {client: new.secret for client, new in given.items()}

    return Founded(template=_TEMPLATE, keys=keys, secrets=run_apart(found()), portal=running)


async def _forget_founding(owner: Database) -> None:
    """Of who founded the town nothing is in its log: it begins with the catalogue, alone."""
    async with owner.writing() as connection:
        for table in ("staged_entries", "entry_bodies"):
            for statement in (
                f"ALTER TABLE {table} DISABLE TRIGGER USER",
                f"DELETE FROM {table} WHERE kind = 'admin'",
                f"ALTER TABLE {table} ENABLE TRIGGER USER",
            ):
                await connection.execute(text(statement))


@pytest.fixture
def town_urls(postgres: EmbeddedPostgres, founded: Founded) -> Iterator[DatabaseUrls]:
    with copied(postgres, founded.template) as urls:
        yield urls


@pytest.fixture
async def town(
    town_urls: DatabaseUrls, founded: Founded, portal: PortalServer
) -> AsyncIterator[Town]:
    """Halcyon, on a database of this test's own."""
    node = open_node(town_urls, founded.keys)
    owner = Database(town_urls.owner)
    yield Town(
        urls=town_urls,
        context=node.context,
        owner=owner,
        secrets=founded.secrets,
        portal=portal,
    )
    await node.close()
    await owner.close()


@pytest.fixture
def halcyon_folder(tmp_path: Path, founded: Founded) -> Path:
    """The files that are in force, to change and apply again."""
    return halcyon(tmp_path / "brands", founded.portal.issuer)


@pytest.fixture
async def erasing(town: Town) -> AsyncIterator[Database]:
    """The database as the role that may destroy a key, and little else."""
    database = Database(town.urls.erasing, connections=2)
    yield database
    await database.close()


@pytest.fixture
async def desks(town: Town) -> Town:
    """The town, where three clients more may ask people who are elsewhere."""
    async with town.owner.writing() as connection:
        now = await clock.now(connection)
        for name in ("news-web", "shop-web", "bazaar-web"):
            found = await clients.find(connection, name)
            assert found is not None
            grants = (*found.registration.grant_types, CIBA)
            registration = type(found.registration)(
                grant_types=grants, redirect_uris=found.registration.redirect_uris
            )
            await clients.save(connection, replace(found, registration=registration), at=now)
    return town
