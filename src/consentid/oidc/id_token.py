"""The ID token: who is there, told to one client.

``sub`` is the pairwise one that the consent token carries too.  A device without login is told by
``acr`` 0, and has no ``auth_time``.  Spec: OpenID Connect Core sections 2, 3.1.3.6 and 3.1.2.1
(``id_token_hint``), RFC 7515.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
import msgspec

from consentid.kit import base64url

LIFETIME_S: Final = 600
NO_LOGIN_ACR: Final = "0"
"""Nobody was authenticated: a browser was recognised.  Spec: OpenID Connect Core section 2."""
_ALGORITHMS: Final = frozenset({"RS256", "ES256"})
_MAX_EXACT: Final = 2**53 - 1
"""The largest whole number that every reader of JSON reads alike.  Spec: RFC 8259 section 6."""


class IdTokenClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an ID token says."""

    iss: str
    sub: str
    aud: str
    exp: int
    iat: int
    acr: str | None = None
    auth_time: int | None = None
    nonce: str | None = None
    sid: str | None = None
    at_hash: str | None = None


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    alg: str
    kid: str
    typ: str = "JWT"


def at_hash(access_token: str) -> str:
    """Bind an access token.  Both our algorithms hash by SHA-256.  22 characters."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest()[:16])


def unsigned(claims: IdTokenClaims, *, alg: str, kid: str) -> bytes:
    """The signing input.  Spec: RFC 7515 section 5.1."""
    header = msgspec.json.encode(_Header(alg=alg, kid=kid))
    body = msgspec.json.encode(claims)
    return f"{base64url.encode(header)}.{base64url.encode(body)}".encode()


def assemble(signing_input: bytes, signature: bytes) -> str:
    """The compact form.  Spec: RFC 7515 section 7.1."""
    return f"{signing_input.decode()}.{base64url.encode(signature)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HintedToken:
    """An ID token that we issued, expired or not."""

    sub: str
    audience: str
    sid: str | None


def read_hint(
    unverified: str, *, keys: Mapping[str, Mapping[str, str]], issuer: str, audience: str
) -> str | None:
    """The ``sub`` of an ID token that we issued to this client, expired or not; None for others.

    ``keys`` are our published keys by name.  The one algorithm is the key's own.
    """
    hint = read_hinted_token(unverified, keys=keys, issuer=issuer)
    return hint.sub if hint is not None and hint.audience == audience else None


def read_hinted_token(
    unverified: str, *, keys: Mapping[str, Mapping[str, str]], issuer: str
) -> HintedToken | None:
    """An ID token that we issued to whomever, expired or not; None for others' tokens."""
    try:
        header = jwt.get_unverified_header(unverified)
        key = keys.get(str(header.get("kid", "")))
        if (
            key is None
            or header.get("typ") != "JWT"
            or "crit" in header
            or header.get("alg") != key["alg"]
            or key["alg"] not in _ALGORITHMS
        ):
            return None
        claims: dict[str, Any] = jwt.decode(
            unverified,
            key=jwt.PyJWK(dict(key)),
            algorithms=[key["alg"]],
            issuer=issuer,
            options={
                "require": ["iss", "sub", "aud"],
                "verify_aud": False,  # one text, and the caller's business whose
                "verify_exp": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, ValueError):
        return None
    sub, audience, sid = (claims.get(name) for name in ("sub", "aud", "sid"))
    if not isinstance(sub, str) or not isinstance(audience, str) or not isinstance(sid, str | None):
        return None
    if type(claims.get("exp")) is not int or not 0 < claims["exp"] <= _MAX_EXACT:
        return None  # when it ended does not matter; what ends never or nowhere is none of ours
    return HintedToken(sub=sub, audience=audience, sid=sid)
