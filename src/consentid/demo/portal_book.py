"""What the portal knows when it starts: issuer, clients, customers, signing key; on disk, 0600."""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from joserfc.jwk import RSAKey

from consentid.demo.portal_customers import INVENTED, Customer, invent
from consentid.demo.private_files import write_private

_BOOK: Final = "portal.json"
_KEY: Final = "portal-key.json"
_KEY_BITS: Final = 2048


class PortalBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The portal's issuer, its clients and its customers."""

    issuer: str
    clients: dict[str, bytes]
    """Client id to the SHA-256 of its secret; a secret is 256 random bits, so this suffices."""
    customers: tuple[Customer, ...]

    def find_customer(self, login: str) -> Customer | None:
        """The customer with this login, or None."""
        return next((one for one in self.customers if one.login == login), None)

    def is_secret_of(self, client: str, secret: str) -> bool:
        """Whether the secret is this client's."""
        given = hashlib.sha256(secret.encode()).digest()
        return hmac.compare_digest(self.clients.get(client, bytes(32)), given)


def found_portal(
    folder: Path, *, issuer: str, clients: Mapping[str, str], passwords: Mapping[str, str]
) -> PortalBook:
    """Write a portal into the folder: its book with hashed secrets, and its RS256 key.

    ``clients`` maps client ids to secrets, ``passwords`` logins to passwords.  A portal that is
    there keeps its customers and its key, so that everybody stays who they are.
    """
    known = _read_book(folder).customers if (folder / _BOOK).exists() else _invent(passwords)
    book = PortalBook(
        issuer=issuer,
        clients={
            client: hashlib.sha256(secret.encode()).digest() for client, secret in clients.items()
        },
        customers=known,
    )
    if not (folder / _KEY).exists():
        key = RSAKey.generate_key(_KEY_BITS, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        write_private(folder / _KEY, msgspec.json.encode(key.as_dict(private=True)))
    write_private(folder / _BOOK, msgspec.json.encode(book))
    return book


def _invent(passwords: Mapping[str, str]) -> tuple[Customer, ...]:
    return tuple(
        invent(login, name, adult=adult, password=passwords[login])
        for login, name, adult in INVENTED
    )


def _read_book(folder: Path) -> PortalBook:
    return msgspec.json.decode((folder / _BOOK).read_bytes(), type=PortalBook)


def open_portal(folder: Path) -> tuple[PortalBook, RSAKey]:
    """Read a portal back from its folder."""
    book = _read_book(folder)
    parameters = msgspec.json.decode((folder / _KEY).read_bytes(), type=dict[str, str | list[str]])
    key = RSAKey.import_key(parameters)
    return book, key
