"""Who is behind a browser: a person signed in at the hub, a device without login, or nobody yet.

The session cookie changes at each sign-in, so that one planted before is worth nothing.  The device
cookie is the device's credential.  The browser cookie names nobody: interactions and hand-overs to
the portal are bound to it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.create_device import (
    LIFETIME_D,
    find_device,
    hash_credential,
)
from consentid.flows.open_subject import new_subject, open_subject
from consentid.flows.portal_identity import identity_hash, portal_sid_hash
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.session import Session
from consentid.flows.sign_in import SignedIn, sign_in
from consentid.flows.tell_of_end import tell_of_end
from consentid.keyring.deriving import Job, derived_key
from consentid.kit import base64url
from consentid.kit.errors import MalformedError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import DAY, HOUR, MINUTE, Instant
from consentid.net.portal import PortalIdentity
from consentid.store import hub_sessions, subjects
from consentid.store.hub_sessions import HubSessionRow

SECRET_BYTES: Final = 32
LIFETIME_H: Final = 12
"""How long a person stays signed in at the hub, at most."""
_MAX_COOKIE: Final = 128
_SID_BYTES: Final = 16
_FIRST: Final = b"first-device/1\0"
VISIT_M: Final = 30
"""How long a device that a brand's page sent here is looked at."""


class _Visit(msgspec.Struct, frozen=True, array_like=True):
    device: bytes
    ends_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """What a browser presents, none of it verified."""

    unverified_session: str | None = None
    unverified_device: str | None = None
    unverified_secret: str | None = None
    """The browser cookie."""
    unverified_known: str | None = None
    """The cookie that remembers which accounts were seen here."""
    unverified_visit: str | None = None
    """Whom a brand's page sent here to look at what holds; see ``visit_from_page``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is behind a browser, verified."""

    session: Session | None
    """The account, or the device where nobody is signed in; None before the first choice."""
    login: HubSessionRow | None
    """The sign-in, where somebody is signed in."""
    device: SubjectId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInBrowser:
    """A new session for a browser."""

    session_token: str
    """The session cookie's new value."""
    signed_in: SignedIn


def new_secret(context: Context) -> str:
    """A value for a cookie or an address: 256 bits in base64url.  43 characters."""
    return base64url.encode(context.randomness(SECRET_BYTES))


def hash_browser(browser: Browser) -> bytes | None:
    """What things are bound to; None where the browser presents no secret."""
    secret = browser.unverified_secret
    return None if secret is None or len(secret) > _MAX_COOKIE else hash_token(secret)


async def find_visitor(
    context: Context,
    connection: AsyncConnection,
    browser: Browser,
    *,
    now: Instant,
    lock: bool = False,
) -> Visitor:
    """Find out who is there.  Erased subjects, expired sessions and unknown cookies are nobody."""
    login = await _find_login(connection, browser, now=now)
    visiting = None
    if login is None:
        visiting = await _find_visiting(context, connection, browser, now=now)
    device = visiting or await _find_device(connection, browser, now=now)
    beneath = None if device is None else await open_subject(context, connection, device)
    if login is not None:
        account = await open_subject(context, connection, login.account, lock=lock)
        if account is not None:
            return Visitor(
                session=Session(subject=account, device=beneath),
                login=login,
                device=None if beneath is None else beneath.id,
            )
    if beneath is not None and lock:
        beneath = await open_subject(context, connection, beneath.id, lock=True)
    if beneath is None:
        return Visitor(session=None, login=None, device=None)
    return Visitor(session=Session(subject=beneath), login=None, device=beneath.id)


async def sign_in_session(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    identity: PortalIdentity,
    *,
    browser: Browser,
    party: Party | None,
    auth_time: Instant | None,
    acr: str | None,
    portal_sid: str | None,
    at: Instant,
) -> SignedInBrowser:
    """Sign a person in at the hub: sync, claim, contradictions, and a fresh session.

    ``party`` is whose contradictions are to be told.  The browser's former session ends; where it
    was the same person's, the clients know the new one by the same ``sid``.  The caller commits,
    then sets the session cookie.

    Raises:
        UnauthenticatedError: the ID token was used before, or the person was erased.
    """
    signed_in = await sign_in(
        context,
        connection,
        book,
        identity,
        party=party,
        device=await _find_device(connection, browser, now=at),
        at=at,
        tells_now=False,
    )
    former = await end_session(connection, browser)
    is_same = former is not None and former.account == signed_in.session.subject.id
    if former is not None and not is_same:
        await tell_of_end(context, connection, [former], at=at)
    token = new_secret(context)
    device = signed_in.session.device
    await hub_sessions.add(
        connection,
        HubSessionRow(
            session_hash=hash_token(token),
            id=former.id if former is not None and is_same else _new_id(context, at),
            account=signed_in.session.subject.id,
            device=None if device is None else device.id,
            auth_time=auth_time,
            acr=acr,
            portal_sid_hash=None
            if portal_sid is None
            else portal_sid_hash(context, issuer=identity.issuer, sid=portal_sid),
            identity_hash=identity_hash(context, issuer=identity.issuer, sub=identity.sub),
            created_at=at,
            expires_at=Instant(at + LIFETIME_H * HOUR),
        ),
    )
    return SignedInBrowser(session_token=token, signed_in=signed_in)


async def end_session(connection: AsyncConnection, browser: Browser) -> HubSessionRow | None:
    """Take the cookie's session away; returns it.  The caller tells of its end, or renews it."""
    session_hash = hash_session(browser)
    return None if session_hash is None else await hub_sessions.end(connection, session_hash)


def hash_session(browser: Browser) -> bytes | None:
    """What the cookie's session is found by; None without one."""
    token = browser.unverified_session
    return None if token is None or len(token) > _MAX_COOKIE else hash_token(token)


async def create_hub_device(
    context: Context,
    connection: AsyncConnection,
    browser: Browser,
    *,
    act: bytes,
    client_id: str,
    at: Instant,
) -> tuple[SubjectId, str]:
    """Make the device subject of a browser at its first explicit choice, and its credential.

    ``act`` names the page that was answered.  A form that is sent twice, the second time before the
    cookie of the first came back, finds the device that the first made.
    """
    credential = first_credential(context, browser, act)
    await subjects.lock_identity(connection, hash_credential(credential))
    made = await find_device(connection, credential, now=at)
    if made is not None:
        return made, credential
    if await subjects.is_credential_taken(connection, hash_credential(credential)):
        credential = new_secret(context)  # an old form, of a device that was forgotten since
    new = new_subject(context, at=at)
    await subjects.create_device(
        connection,
        new,
        credential_hash=hash_credential(credential),
        client_id=client_id,
        origin=None,
        expires_at=Instant(at + LIFETIME_D * DAY),
    )
    return new.id, credential


def first_credential(context: Context, browser: Browser, act: bytes) -> str:
    """What a device is known by whose first choice is this act, in this browser.

    As unguessable as the browser's own secret, and of no use without our key.
    """
    secret = (browser.unverified_secret or "").encode()
    message = _FIRST + hashlib.sha256(secret).digest() + hashlib.sha256(act).digest()
    return base64url.encode(
        hmac.digest(derived_key(context.keyring.master, Job.IDENTITY), message, hashlib.sha256)
    )


def session_sid(context: Context, session_id: UUID, *, client_id: str) -> str:
    """A hub session as one client knows it (``sid``): two clients cannot join people by it.

    22 characters.  Spec: OpenID Connect Back-Channel Logout section 2.1.
    """
    key = derived_key(context.keyring.master, Job.IDENTITY)
    message = f"hub\0{client_id}\0".encode() + session_id.bytes
    return base64url.encode(hmac.digest(key, message, hashlib.sha256)[:_SID_BYTES])


def _new_id(context: Context, at: Instant) -> UUID:
    return uuid7(at, context.randomness(RANDOM_BYTES))


async def _find_device(
    connection: AsyncConnection, browser: Browser, *, now: Instant
) -> SubjectId | None:
    credential = browser.unverified_device
    if credential is None or len(credential) > _MAX_COOKIE:
        return None
    return await find_device(connection, credential, now=now)


def seal_visit(context: Context, browser: Browser, device: SubjectId, *, at: Instant) -> str | None:
    """The visit cookie's value; None where the browser has no secret that binds it."""
    bound_to = hash_browser(browser)
    if bound_to is None:
        return None
    visit = _Visit(device=device.bytes, ends_at=Instant(at + VISIT_M * MINUTE))
    return seal_reference(context, ReferenceKind.VISIT, holder=bound_to.hex(), content=visit)


async def _find_visiting(
    context: Context, connection: AsyncConnection, browser: Browser, *, now: Instant
) -> SubjectId | None:
    bound_to = hash_browser(browser)
    if browser.unverified_visit is None or bound_to is None:
        return None
    try:
        visit = open_reference(
            context,
            ReferenceKind.VISIT,
            browser.unverified_visit,
            holder=bound_to.hex(),
            into=_Visit,
        )
    except MalformedError:
        return None
    device = SubjectId(UUID(bytes=visit.device))
    ends_at = await subjects.find_device_end(connection, device)
    return device if ends_at is not None and now < min(ends_at, visit.ends_at) else None


async def _find_login(
    connection: AsyncConnection, browser: Browser, *, now: Instant
) -> HubSessionRow | None:
    session_hash = hash_session(browser)
    if session_hash is None:
        return None
    return await hub_sessions.find(connection, session_hash, now=now)
