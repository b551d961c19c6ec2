"""Whether an account was seen in a browser before, so that a person is told of a new one, once.

Where the browser is a device of its own, what was told is kept with the account and the device;
else a cookie remembers, which names nobody: a salt, and a MAC over the account, for each account.

Spec: CNIL deliberation 2025-131 (a new device).
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, Visitor
from consentid.flows.link_device import link_device
from consentid.flows.told import keep_told, open_told
from consentid.keyring.deriving import Job, derived_key
from consentid.kit import base64url
from consentid.kit.instants import Instant
from consentid.store import subjects

_LABEL: Final = b"known/1\0"
_HALF: Final = 16
_MOST: Final = 4
"""How many accounts one browser remembers: the household's."""
_LENGTH: Final = 43
_SEPARATOR: Final = "."


async def is_new_here(
    context: Context, connection: AsyncConnection, browser: Browser, visitor: Visitor
) -> bool:
    """Whether a signed-in person's account has choices, and was not seen in this browser."""
    session = visitor.session
    if visitor.login is None or session is None or session.subject.projection.is_empty:
        return False
    account = session.subject.id
    if any(_names(context, entry, account) for entry in _entries(browser)):
        return False
    if session.device is None:
        return True
    return await subjects.find_told(connection, account=account, device=session.device.id) is None


async def remember_here(
    context: Context,
    connection: AsyncConnection,
    browser: Browser,
    visitor: Visitor,
    *,
    at: Instant,
) -> str | None:
    """Keep that the person knows; the cookie's new value where it has to change.

    The caller commits, then sets the cookie.
    """
    session = visitor.session
    if visitor.login is None or session is None:
        return None
    account = session.subject
    if session.device is not None:
        device = session.device.id
        sealed = await link_device(context, connection, account, device, at=at)
        if sealed is None:
            told = open_told(account, device, sealed)
            await keep_told(context, connection, account, device, told=told, new=())
    kept = list(_entries(browser))
    if any(_names(context, entry, account.id) for entry in kept):
        return None
    salt = context.randomness(_HALF)
    new = base64url.encode(salt + _mac(context, salt, account.id))
    return _SEPARATOR.join([new, *(base64url.encode(each) for each in kept[: _MOST - 1])])


def _entries(browser: Browser) -> Iterator[bytes]:
    unverified = browser.unverified_known or ""
    for part in unverified[: _MOST * (_LENGTH + 1)].split(_SEPARATOR):
        if len(part) == _LENGTH:
            try:
                yield base64url.decode(part)
            except ValueError:
                continue


def _names(context: Context, entry: bytes, account: SubjectId) -> bool:
    salt, mac = entry[:_HALF], entry[_HALF:]
    return hmac.compare_digest(mac, _mac(context, salt, account))


def _mac(context: Context, salt: bytes, account: SubjectId) -> bytes:
    key = derived_key(context.keyring.master, Job.IDENTITY)
    return hmac.digest(key, _LABEL + salt + account.bytes, hashlib.sha256)[:_HALF]
