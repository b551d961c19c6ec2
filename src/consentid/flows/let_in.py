"""Let an operator in: a code from a command or a program opens the administration for an hour.

Whoever can run the command holds the database's password, so the code proves no less; a program has
a scope for it.  Codes open once; they and sessions have 100 and 256 random bits and are stored
hashed.  Where staff sign in at an issuer of their own, no code opens anything.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.staff import LET_IN
from consentid.flows.stage_act import Noting, noting_of
from consentid.flows.typed_code import make_typed_code, read_typed_code
from consentid.kit import base64url
from consentid.kit.errors import ConflictError
from consentid.kit.instants import HOUR, MINUTE, Instant
from consentid.settings.staff import Role
from consentid.store import clock, operators
from consentid.store.engine import Database

CODE_MIN: Final = 15
SESSION_H: Final = 1
_SESSION_BYTES: Final = 32
_LABEL: Final = b"operator-code/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """A code to be typed, shown this once."""

    code: str
    ends_at: Instant


def check_codes_count(staff_issuer: str | None) -> None:
    """Make no code that opens nothing.

    Raises:
        ConflictError: staff sign in at an issuer of their own.
    """
    if staff_issuer is not None:
        raise ConflictError(
            "staff_signs_in",
            "No code opens /operations here: staff sign in at the issuer that "
            "CONSENTID_STAFF_ISSUER names.",
            where="CONSENTID_STAFF_ISSUER",
        )


async def make_code(database: Database, noted: Noting) -> NewCode:
    """Make one.  Takes the owner's database.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    code = make_typed_code(noted.randomness)
    async with database.writing() as connection:
        now = await clock.now(connection)
        ends_at = Instant(now + CODE_MIN * MINUTE)
        await operators.add_code(connection, _hash(code.replace("-", "")), at=now, until=ends_at)
        await noted.note(connection, "operations/let-in", at=now)
    return NewCode(code=code, ends_at=ends_at)


async def let_in(context: Context, unverified_code: str) -> str | None:
    """The token of a new session; None where the code is not good, or no code is.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    text = read_typed_code(unverified_code)
    if text is None or context.settings.staff_issuer is not None:
        return None
    token = base64url.encode(context.randomness(_SESSION_BYTES))
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        if not await operators.spend_code(connection, _hash(text), at=now):
            return None
        await operators.add_session(
            connection, hash_token(token), at=now, until=Instant(now + SESSION_H * HOUR)
        )
        noted = noting_of(context, LET_IN)
        await noted.note(connection, "staff/sign-in", at=now, roles=[Role.OPERATOR])
    return token


def _hash(text: str) -> bytes:
    return hashlib.sha256(_LABEL + text.encode()).digest()
