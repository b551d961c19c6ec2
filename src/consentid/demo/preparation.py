"""What an operator does before the first start, done for the demo's folder, and repeatable.

Migrate, make keys, put the group's files in force, give each client its secret, found the portal.
"""

import secrets as randomness
from dataclasses import dataclass
from pathlib import Path

from consentid.brandbook.book import Book
from consentid.brandbook.folder import load
from consentid.demo import halcyon
from consentid.demo.halcyon import DemoSecrets
from consentid.demo.portal_book import NewClient, found_portal
from consentid.demo.portal_client import SIGNED_IN
from consentid.demo.portal_store import found_store
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.register_client import hash_secret
from consentid.keyring.generating import generate
from consentid.settings import Settings
from consentid.store import clients, clock
from consentid.store.engine import Database
from consentid.store.migrating import role_of, upgrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A folder that is ready to be served from."""

    book: Book
    """The files as they were read; the applied version has the same content."""
    secrets: DemoSecrets
    keys: Path
    portal: Path
    """The portal's folder."""


async def prepare(chosen: Settings, folder: Path, *, port: int) -> Prepared:
    """Bring a demo folder up to date; running it again changes nothing."""
    await upgrade(chosen.migration_database(), serving_role=role_of(chosen.database()))
    draft = load(chosen.brands_dir)
    secrets = _complete_secrets(folder, draft.book)
    database = Database(chosen.migration_database())
    try:
        async with database.reading() as connection:
            now = await clock.now(connection)
        generate(chosen.keys_dir, now=now, randomness=randomness.token_bytes)
        await publish_catalogue(database, draft, randomness=randomness.token_bytes)
        await _register_secrets(database, secrets)
    finally:
        await database.close()
    portal = folder / "portal"
    portal.mkdir(mode=0o700, exist_ok=True)
    found_portal(
        portal,
        issuer=halcyon.url_of(halcyon.PORTAL, port),
        clients=_portal_clients(draft.book, secrets, port=port),
        passwords=secrets.passwords,
    )
    await found_store(chosen.migration_database(), serving_role=role_of(chosen.database()))
    return Prepared(book=draft.book, secrets=secrets, keys=chosen.keys_dir, portal=portal)


def _complete_secrets(folder: Path, book: Book) -> DemoSecrets:
    """The folder's secrets, with new ones for what has none yet."""
    return halcyon.keep_secrets(
        folder,
        clients=halcyon.secret_clients(book),
        portal_clients=[book.group.portal.client_id, *book.group.portal.clients.values()],
    )


def _portal_clients(book: Book, secrets: DemoSecrets, *, port: int) -> dict[str, NewClient]:
    """The hub and the brands, as clients of the portal."""
    hub = book.group.issuer
    clients = {
        book.group.portal.client_id: NewClient(
            secret=secrets.portal_clients[book.group.portal.client_id],
            redirect_uris=(f"{hub}/login/callback",),
            backchannel_logout_uri=f"{hub}/backchannel_logout",
        )
    }
    for brand, client_id in book.group.portal.clients.items():
        site = halcyon.url_of(str(brand), port)
        clients[client_id] = NewClient(
            secret=secrets.portal_clients[client_id],
            redirect_uris=(f"{site}{SIGNED_IN}",),
            post_logout_redirect_uris=(f"{site}/",),
        )
    return clients


async def _register_secrets(database: Database, secrets: DemoSecrets) -> None:
    """Make each client's secret hold, once."""
    async with database.writing() as connection:
        now = await clock.now(connection)
        for client, secret in secrets.clients.items():
            hashed = hash_secret(secret)
            if hashed not in await clients.secret_hashes(connection, client, at=now):
                await clients.add_secret(connection, client, secret_hash=hashed, at=now)
