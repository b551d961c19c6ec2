"""ID tokens of the customer portal, judged.

Spec: OpenID Connect Core section 3.1.3.7 (validation).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from consentid.kit.instants import SECOND, Instant, from_seconds, to_seconds
from consentid.net.portal_keys import KeySource
from consentid.net.signed_claims import TokenKind, verify_claims

MAX_AGE_S: Final = 300
_LEEWAY_S: Final = 5
_MAX_SUB_LENGTH: Final = 255
"""Spec: OpenID Connect Core section 2."""
_MAX_SID_LENGTH: Final = 255
_ID_TOKEN: Final = TokenKind(
    name="an ID token",
    code="id_token",
    where="subject_token",
    required=("iss", "sub", "aud", "exp", "iat"),
    typ="JWT",
    is_typ_optional=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalIdentity:
    """What a valid ID token says."""

    issuer: str
    sub: str
    token_hash: bytes
    """Of the signed part: the same for every spelling of the same token."""
    issued_at: Instant
    expires_at: Instant
    is_adult: bool
    """The portal's ``adult`` claim; absent is no."""
    nonce: str | None
    auth_time: Instant | None = None
    """When the person last proved who they are."""
    acr: str | None = None
    sid: str | None = None
    """The portal's session.  Spec: OpenID Connect Back-Channel Logout section 2.1."""
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """All that it says."""


async def verify_id_token(
    unverified: str, *, keys: KeySource, issuer: str, audience: str, now: Instant
) -> PortalIdentity:
    """Judge an ID token that a brand's client handed in.

    The one algorithm is the key's own; ``aud`` is exactly the portal's client for that brand.

    Raises:
        MalformedError: no compact JWS, or a claim is missing or of the wrong kind.
        UnauthenticatedError: the signature, issuer, audience or time does not hold.
        UnavailableError: the portal's keys cannot be fetched.
    """

    async def find_key(kid: str) -> jwt.PyJWK | None:
        return await keys.find(issuer, kid)

    claims = await verify_claims(unverified, _ID_TOKEN, find_key=find_key, issuer=issuer)
    return _read(claims, unverified, issuer=issuer, audience=audience, now=now)


def check_login(
    identity: PortalIdentity,
    *,
    nonce: str,
    asked_at: Instant,
    max_age_s: int | None,
    is_fresh: bool,
) -> None:
    """Hold an ID token to the very request that it answers.  Spec: Core section 3.1.3.7 (11, 13).

    ``max_age_s`` counts at the instant of asking; ``is_fresh`` is what ``prompt=login`` asked for.

    Raises:
        UnauthenticatedError: another nonce, or the person proved who they are too long ago.
    """
    if identity.nonce != nonce:
        raise _ID_TOKEN.refused("carries another nonce, or none")
    if max_age_s is not None and identity.auth_time is None:
        raise _ID_TOKEN.refused("does not say when the person signed in, though it was asked to")
    oldest = None if max_age_s is None else asked_at - max_age_s * SECOND
    if is_fresh:
        oldest = asked_at
    if _is_before(identity.auth_time, oldest):
        raise _ID_TOKEN.refused("is from a sign-in too long ago")


def _is_before(one: Instant | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other - _LEEWAY_S * SECOND


def _read(
    claims: dict[str, Any], verified: str, *, issuer: str, audience: str, now: Instant
) -> PortalIdentity:
    issued, expires, sub, nonce = (claims.get(name) for name in ("iat", "exp", "sub", "nonce"))
    auth_time, acr, sid = (claims.get(name) for name in ("auth_time", "acr", "sid"))
    if type(issued) is not int or type(expires) is not int:
        raise _ID_TOKEN.malformed()
    if not isinstance(sub, str) or not sub.isascii() or not 0 < len(sub) <= _MAX_SUB_LENGTH:
        raise _ID_TOKEN.malformed()
    if not all(isinstance(text, str | None) for text in (nonce, acr, sid)):
        raise _ID_TOKEN.malformed()
    if auth_time is not None and type(auth_time) is not int:
        raise _ID_TOKEN.malformed()
    if auth_time is not None and not 0 <= auth_time <= issued + _LEEWAY_S:
        raise _ID_TOKEN.malformed()
    if sid is not None and not 0 < len(sid) <= _MAX_SID_LENGTH:
        raise _ID_TOKEN.malformed()
    if claims["aud"] not in (audience, [audience]) or claims.get("azp", audience) != audience:
        raise _ID_TOKEN.refused("was issued for another client of the portal")
    now_s = to_seconds(now)
    if expires <= now_s:
        raise _ID_TOKEN.refused("has expired")
    if not now_s - MAX_AGE_S <= issued <= now_s + _LEEWAY_S:
        raise _ID_TOKEN.refused("was not issued within the last five minutes")
    return PortalIdentity(
        issuer=issuer,
        sub=sub,
        token_hash=hashlib.sha256(verified.rpartition(".")[0].encode()).digest(),
        issued_at=from_seconds(issued),
        # Whatever it says, it is taken for five minutes only, and marks of use live no longer.
        expires_at=from_seconds(min(expires, issued + MAX_AGE_S + _LEEWAY_S)),
        is_adult=claims.get("adult") is True,
        nonce=nonce,
        auth_time=None if auth_time is None else from_seconds(auth_time),
        acr=acr,
        sid=sid,
        claims=claims,
    )
