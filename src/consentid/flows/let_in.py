"""Let an operator in: a code from the command line opens the operators' page, once, for an hour.

Whoever can run the command holds the database's password, so the code proves no less.  Codes and
sessions have 100 and 256 random bits and are stored hashed.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.kit import base64url
from consentid.kit.instants import HOUR, MINUTE, Instant
from consentid.store import clock, operators
from consentid.store.engine import Database

CODE_MIN: Final = 15
SESSION_H: Final = 1
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing in it is mistaken for something else."""
_MISREAD: Final = str.maketrans("OIL", "011")
_LENGTH: Final = 20
_GROUP: Final = 5
_SESSION_BYTES: Final = 32
_MAX_COOKIE: Final = 128
_LABEL: Final = b"operator-code/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """A code to be typed, shown this once."""

    code: str
    ends_at: Instant


async def make_code(database: Database, randomness: Callable[[int], bytes]) -> NewCode:
    """Make one.  Takes the owner's database.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    drawn = randomness(_LENGTH)
    text = "".join(_ALPHABET[each % len(_ALPHABET)] for each in drawn)
    async with database.writing() as connection:
        now = await clock.now(connection)
        ends_at = Instant(now + CODE_MIN * MINUTE)
        await operators.add_code(connection, _hash(text), at=now, until=ends_at)
    groups = (text[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))
    return NewCode(code="-".join(groups), ends_at=ends_at)


async def let_in(context: Context, unverified_code: str) -> str | None:
    """The token of a new session; None where the code is not good, or not any more.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    text = re.sub(r"[\s-]", "", unverified_code).upper().translate(_MISREAD)
    if len(text) != _LENGTH:
        return None
    token = base64url.encode(context.randomness(_SESSION_BYTES))
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        if not await operators.spend_code(connection, _hash(text), at=now):
            return None
        await operators.add_session(
            connection, hash_token(token), at=now, until=Instant(now + SESSION_H * HOUR)
        )
    return token


async def is_let_in(context: Context, unverified_token: str | None) -> bool:
    """Whether a browser's session goes on.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    if unverified_token is None or len(unverified_token) > _MAX_COOKIE:
        return False
    async with context.database.glancing() as connection:
        now = await clock.now(connection)
        return await operators.is_session(connection, hash_token(unverified_token), at=now)


async def let_out(context: Context, token: str) -> None:
    """End a session.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        await operators.end_session(connection, hash_token(token))


def _hash(text: str) -> bytes:
    return hashlib.sha256(_LABEL + text.encode()).digest()
