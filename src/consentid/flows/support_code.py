"""A person lets support see what they chose: by a code that they make, for ten minutes, once.

Support finds nobody in any other way.  A code has 50 random bits; what is kept of it is a keyed
hash, and guesses are counted where it is typed.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, find_visitor
from consentid.flows.typed_code import make_typed_code, read_typed_code
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import MINUTE, Instant
from consentid.store import clock, support_codes
from consentid.telemetry.tracing import step

CODE_MIN: Final = 10
LENGTH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportCode:
    """A code to be told to support, shown this once."""

    code: str
    ends_at: Instant


@step("make_support_code")
async def make_support_code(context: Context, browser: Browser) -> SupportCode:
    """Make one for whoever is there: the account, or the device where nobody is signed in.

    Raises:
        NotFoundError: nobody is known in this browser.
        UnavailableError: the database cannot be reached.
    """
    code = make_typed_code(context.randomness, length=LENGTH)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        visitor = await find_visitor(context, connection, browser, now=now, lock=True)
        if visitor.session is None:
            raise NotFoundError(
                "nobody_known", "Nothing was chosen in this browser, and nobody is signed in."
            )
        ends_at = Instant(now + CODE_MIN * MINUTE)
        hashed = hash_support_code(context, code.replace("-", ""))
        await support_codes.put(
            connection, visitor.session.subject.id, hashed, at=now, until=ends_at
        )
    return SupportCode(code=code, ends_at=ends_at)


def read_support_code(context: Context, unverified_code: str) -> bytes | None:
    """The hash of what somebody typed; None if it is no code."""
    text = read_typed_code(unverified_code, length=LENGTH)
    return None if text is None else hash_support_code(context, text)


def hash_support_code(context: Context, text: str) -> bytes:
    """How a code is stored.  32 bytes."""
    key = derived_key(context.keyring.master, Job.SUPPORT_CODE)
    return hmac.digest(key, text.encode(), hashlib.sha256)
