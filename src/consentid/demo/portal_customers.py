"""The portal's customers: invented people, with their passwords hashed.

Spec: RFC 7914 (scrypt), at the cost its section 2 names for interactive sign-in (N = 2^14, r = 8,
p = 1).  That suffices where, as here, passwords are random: stronger stretching pays for weak ones.
"""

import hashlib
import hmac
import secrets
from typing import Final

import msgspec

_COST: Final = 2**14
_BLOCK: Final = 8
_LANES: Final = 1
_MEMORY_BYTES: Final = 32 * 1024 * 1024
_SALT_BYTES: Final = 16

INVENTED: Final[tuple[tuple[str, str, bool], ...]] = (
    ("mila", "Mila Fontaine", True),
    ("noah", "Noah Verhoeven", True),
    ("ines", "Ines Carvalho", False),
    ("arthur", "Arthur Lindqvist", True),
    ("salma", "Salma Okafor", True),
)
"""Login, name, adult.  Nobody of flesh and blood is meant."""


class Customer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person as the portal knows them."""

    login: str
    name: str
    sub: str
    """Opaque, the same for every client of the portal."""
    adult: bool
    salt: bytes
    password_hash: bytes


def invent(login: str, name: str, *, adult: bool, password: str) -> Customer:
    """Make a customer with a fresh subject identifier and a salted password hash."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return Customer(
        login=login,
        name=name,
        sub=secrets.token_hex(16),
        adult=adult,
        salt=salt,
        password_hash=hash_password(password, salt),
    )


def hash_password(password: str, salt: bytes) -> bytes:
    """Stretch a password.  32 bytes; takes tens of milliseconds, so keep it off the event loop."""
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=_COST,
        r=_BLOCK,
        p=_LANES,
        maxmem=_MEMORY_BYTES,
        dklen=32,
    )


def is_password_of(customer: Customer | None, password: str) -> bool:
    """Whether the password is theirs; an unknown customer costs the same time and is a no."""
    salt = customer.salt if customer else bytes(_SALT_BYTES)
    expected = customer.password_hash if customer else bytes(32)
    return hmac.compare_digest(hash_password(password, salt), expected) and customer is not None
