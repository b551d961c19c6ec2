"""Sign staff in by their own issuer, and know them again for an hour.

Kept of somebody is a keyed hash of who they are at the issuer, what they are called, sealed, and
the roles that they had when they came.  The log knows them by a pseudonym, from the same hash.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.hear_portal import hear_answer, judge_login
from consentid.flows.hub_session import Browser, new_secret
from consentid.flows.let_in import SESSION_H
from consentid.flows.portal_login import (
    ToOperations,
    asking_the_portal,
    login_unknown,
    start,
    take_hand_over,
)
from consentid.flows.staff import LET_IN, Staff
from consentid.flows.stage_act import noting_of
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.instants import HOUR, Instant
from consentid.net.portal import PortalIdentity
from consentid.settings import Settings
from consentid.settings.staff import Role, roles_by_word
from consentid.store import clock, operators, staff
from consentid.store.staff import StaffSessionRow

_NAMES: Final = ("name", "preferred_username", "email")
"""The claims that say what somebody is called, the best first."""
_MAX_NAME: Final = 128
_MAX_COOKIE: Final = 128
_PSEUDONYM_BYTES: Final = 8
_SEALED: Final = b"staff-name/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffReturned:
    """Somebody is back from the issuer of staff."""

    session_token: str | None
    """None where they have no role here, or were not signed in there."""
    error: str | None = None
    """The issuer's word for why it did not sign them in."""


async def begin_staff_login(context: Context, browser: Browser, *, language: str) -> str:
    """The address to send the browser to.

    Raises:
        ForbiddenError: the browser presents no secret to bind the sign-in to.
        UnavailableError: there is no such issuer, or it cannot be asked for its addresses.
    """

    async def attempt() -> str:
        async with context.database.writing() as connection:
            return await start(
                context, connection, browser=browser, back=ToOperations(), ui_locales=[language]
            )

    return await asking_the_portal(attempt)


async def finish_staff_login(
    context: Context, unverified_answer: Mapping[str, str], *, browser: Browser
) -> StaffReturned:
    """Take the issuer's answer, each parameter of which came once, in the browser that brings it.

    Raises:
        ForbiddenError: the state is unknown, used, expired, or another browser's.
        UnauthenticatedError: the answer, its code or its ID token does not hold.
        MalformedError: what the issuer calls an ID token is none.
        UnavailableError: the issuer gives no usable answer now.
    """
    hand_over = await take_hand_over(context, unverified_answer.get("state", ""), browser)
    if not isinstance(hand_over.back, ToOperations):
        raise login_unknown()
    heard = await hear_answer(context, hand_over, unverified_answer)
    unverified = heard.unverified_id_token
    if unverified is None:
        return StaffReturned(session_token=None, error=heard.error)
    keys = await context.staff.look_up(hand_over.issuer, unverified)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        identity = await judge_login(hand_over, unverified, keys=keys, now=now)
        roles = roles_of(context.settings, identity.claims)
        if not roles:
            return StaffReturned(session_token=None)
        who = _who(context, identity)
        await staff.note_member(connection, who, _sealed_name(context, who, identity), at=now)
        token = new_secret(context)
        await staff.add_session(
            connection,
            StaffSessionRow(
                hash=hash_token(token),
                who=who,
                roles=frozenset(roles),
                created_at=now,
                expires_at=Instant(now + SESSION_H * HOUR),
            ),
        )
        noted = noting_of(context, pseudonym(who))
        await noted.note(connection, "staff/sign-in", at=now, roles=sorted(roles))
    return StaffReturned(session_token=token)


async def find_staff(context: Context, unverified_token: str | None) -> Staff | None:
    """Whose session a browser has; None where it has none, or it is over.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    if unverified_token is None or len(unverified_token) > _MAX_COOKIE:
        return None
    hashed = hash_token(unverified_token)
    async with context.database.glancing() as connection:
        now = await clock.now(connection)
        if context.settings.staff_issuer is None:
            is_let_in = await operators.is_session(connection, hashed, at=now)
            return Staff(by=LET_IN, roles=frozenset({Role.OPERATOR})) if is_let_in else None
        found = await staff.find_session(connection, hashed, at=now)
    if found is None:
        return None
    row, sealed = found
    return Staff(
        by=pseudonym(row.who),
        roles=frozenset(role for role in Role if role in row.roles),
        name=None if sealed is None else open_name(context, row.who, sealed),
    )


async def let_out(context: Context, unverified_token: str) -> None:
    """End a session.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    hashed = hash_token(unverified_token)
    async with context.database.writing() as connection:
        await operators.end_session(connection, hashed)
        await staff.end_session(connection, hashed)


def roles_of(settings: Settings, claims: Mapping[str, Any]) -> frozenset[Role]:
    """What the issuer's words make of somebody here: a text, or a list of texts."""
    told: object = claims.get(settings.staff_roles_claim)
    words = cast("list[object]", told) if isinstance(told, list) else [told]
    given = roles_by_word(settings.staff_roles)
    found = (given.get(word, frozenset[Role]()) for word in words if isinstance(word, str))
    return frozenset[Role]().union(*found)


def pseudonym(who: bytes) -> str:
    """What the log calls somebody."""
    return f"staff-{who[:_PSEUDONYM_BYTES].hex()}"


def open_name(context: Context, who: bytes, sealed: bytes) -> str:
    """What somebody is called."""
    key = derived_key(context.keyring.master, Job.REFERENCE)
    return wrapping.open_sealed(key, sealed, aad=_SEALED + who).decode()


def _sealed_name(context: Context, who: bytes, identity: PortalIdentity) -> bytes | None:
    told = (identity.claims.get(claim) for claim in _NAMES)
    name = next((each for each in told if isinstance(each, str) and each.isprintable()), "")
    if not name.strip():
        return None
    return wrapping.seal(
        derived_key(context.keyring.master, Job.REFERENCE),
        name.strip()[:_MAX_NAME].encode(),
        nonce=context.randomness(wrapping.NONCE_BYTES),
        aad=_SEALED + who,
    )


def _who(context: Context, identity: PortalIdentity) -> bytes:
    key = derived_key(context.keyring.master, Job.IDENTITY)
    message = f"staff\0{identity.issuer}\0{identity.sub}".encode()
    return hmac.digest(key, message, hashlib.sha256)
