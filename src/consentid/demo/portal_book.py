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


class NewClient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client about to be registered."""

    secret: str
    redirect_uris: tuple[str, ...] = ()
    """Where its people may be sent with a code, exactly."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    """Where they may be sent signed out, exactly."""
    backchannel_logout_uri: str | None = None
    """Where it wants to be told of sign-outs."""


class RegisteredClient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client of the portal."""

    secret_hash: bytes
    """SHA-256; a secret is 256 random bits, so this suffices."""
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None


class PortalBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The portal's issuer, its clients and its customers."""

    issuer: str
    clients: dict[str, RegisteredClient]
    """By client id."""
    customers: tuple[Customer, ...]

    def find_customer(self, login: str) -> Customer | None:
        """The customer with this login, or None."""
        return next((one for one in self.customers if one.login == login), None)

    def find_sub(self, sub: str) -> Customer | None:
        """The customer with this subject identifier, or None."""
        return next((one for one in self.customers if one.sub == sub), None)

    def is_secret_of(self, client_id: str, secret: str) -> bool:
        """Whether the secret is this client's."""
        client = self.clients.get(client_id)
        known = bytes(32) if client is None else client.secret_hash
        return hmac.compare_digest(known, _hashed(secret))


def found_portal(
    folder: Path, *, issuer: str, clients: Mapping[str, NewClient], passwords: Mapping[str, str]
) -> PortalBook:
    """Write a portal into the folder: its book with hashed secrets, and its RS256 key.

    ``clients`` go by client id, ``passwords`` by login.  A portal that is
    there keeps its customers and its key, so that everybody stays who they are.
    """
    known = _read_customers(folder) if (folder / _BOOK).exists() else _invent(passwords)
    book = PortalBook(
        issuer=issuer,
        clients={
            id_: RegisteredClient(
                secret_hash=_hashed(new.secret),
                redirect_uris=new.redirect_uris,
                post_logout_redirect_uris=new.post_logout_redirect_uris,
                backchannel_logout_uri=new.backchannel_logout_uri,
            )
            for id_, new in clients.items()
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


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class _Customers(msgspec.Struct, frozen=True, kw_only=True):
    customers: tuple[Customer, ...]


def _read_customers(folder: Path) -> tuple[Customer, ...]:
    """Only those: the clients of an older folder may be written in another way."""
    return msgspec.json.decode((folder / _BOOK).read_bytes(), type=_Customers).customers


def _read_book(folder: Path) -> PortalBook:
    return msgspec.json.decode((folder / _BOOK).read_bytes(), type=PortalBook)


def open_portal(folder: Path) -> tuple[PortalBook, RSAKey]:
    """Read a portal back from its folder."""
    book = _read_book(folder)
    parameters = msgspec.json.decode((folder / _KEY).read_bytes(), type=dict[str, str | list[str]])
    key = RSAKey.import_key(parameters)
    return book, key
