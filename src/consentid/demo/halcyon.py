"""The demo group's names: where its hosts are, and what the demo keeps secret for them."""

import secrets
from pathlib import Path
from typing import Final

import msgspec

from consentid.brandbook.book import Book, Profile
from consentid.brandbook.client import AuthMethod, Scope, Surface
from consentid.core.party import Slug
from consentid.demo.errors import DemoError
from consentid.demo.portal_customers import INVENTED
from consentid.demo.private_files import write_private

PORT: Final = 7600
HUB: Final = "consent"
PORTAL: Final = "id"
BRANDS: Final = ("news", "shop", "play")
PARTNER: Final = "reach"
MARKETPLACE: Final = "bazaar"
PARTNERS: Final = (PARTNER, MARKETPLACE)
PARTIES: Final = (*BRANDS, *PARTNERS)

_FILE: Final = "secrets.json"


def url_of(host: str, port: int = PORT) -> str:
    """The address of one of the group's hosts."""
    return f"http://{host}.localhost:{port}"


class DemoSecrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What back ends and customers know by heart.  Made afresh for each demo folder."""

    clients: dict[str, str]
    """Hub client id to secret."""
    portal_clients: dict[str, str]
    """Portal client id to secret."""
    passwords: dict[str, str]
    """Customer's login to password."""
    cookies: str
    """What the demo's sites sign their cookies with."""


def keep_secrets(folder: Path, *, clients: list[str], portal_clients: list[str]) -> DemoSecrets:
    """The folder's secrets, for its owner's eyes only; what is missing is drawn and kept."""
    kept = DemoSecrets(clients={}, portal_clients={}, passwords={}, cookies="")
    if (folder / _FILE).exists():
        kept = read_secrets(folder)
    complete = DemoSecrets(
        clients=_complete(kept.clients, clients),
        portal_clients=_complete(kept.portal_clients, portal_clients),
        passwords={
            login: kept.passwords.get(login) or secrets.token_urlsafe(9) for login, _, _ in INVENTED
        },
        cookies=kept.cookies or secrets.token_urlsafe(32),
    )
    write_private(folder / _FILE, msgspec.json.encode(complete))
    return complete


def read_secrets(folder: Path) -> DemoSecrets:
    """The secrets of a folder that was prepared."""
    return msgspec.json.decode((folder / _FILE).read_bytes(), type=DemoSecrets)


def _complete(kept: dict[str, str], names: list[str]) -> dict[str, str]:
    return {name: kept.get(name) or secrets.token_urlsafe(32) for name in names}


def profile_of(book: Book, party: str) -> Profile:
    """A brand or a partner of the group.

    Raises:
        DemoError: these are not the demo group's files.
    """
    profile = book.brands.get(Slug(party)) or book.partners.get(Slug(party))
    if profile is None:
        raise DemoError("no_party", f"the brands folder has no {party!r}: the demo needs Halcyon's")
    return profile


def client_of(book: Book, party: str, scope: Scope = Scope.DECISIONS_WRITE) -> str:
    """The first client of a party that keeps a secret and has the scope.

    Raises:
        DemoError: the party declares none.
    """
    for id_, client in profile_of(book, party).clients.items():
        if client.auth is AuthMethod.CLIENT_SECRET_BASIC and scope in client.scopes:
            return id_
    raise DemoError("no_client", f"{party} declares no back end with a secret and {scope}")


def page_client_of(book: Book, party: str) -> str:
    """The client of a brand's own pages: in a browser, so without a secret.

    Raises:
        DemoError: the brand declares none.
    """
    for id_, client in profile_of(book, party).clients.items():
        if client.auth is AuthMethod.NONE and client.surface is Surface.WEB:
            return id_
    raise DemoError("no_client", f"{party} declares no client for the pages of its site")


def tv_client_of(book: Book, party: str) -> str | None:
    """The client of a brand's app on televisions."""
    clients = profile_of(book, party).clients
    return next((id_ for id_, one in clients.items() if one.surface is Surface.TV), None)


def secret_clients(book: Book) -> list[str]:
    """All clients that keep a secret."""
    return [id_ for id_, one in book.clients.items() if one.auth is AuthMethod.CLIENT_SECRET_BASIC]


def portal_client_of(book: Book, party: str) -> str:
    """The portal's client whose ID tokens a party's back end may exchange.

    Raises:
        DemoError: ``group.toml`` names none.
    """
    client = book.group.portal.clients.get(Slug(party))
    if client is None:
        raise DemoError("no_client", f"group.toml [portal] names no client for {party}")
    return client
