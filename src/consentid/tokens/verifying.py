"""From an unverified string to verified claims: a ladder of small named checks.

The order is the security argument.  Length, form and closed header first (cheap, and before any
key is looked up), then the signature with the one algorithm that the key has, then what the claims
say.  A reason past ``BAD_SIGNATURE`` is therefore a true statement about a token that we signed.

Written by hand for speed: one typed decode, one signature check.  Tested against two JOSE
libraries as oracles: it accepts nothing that either refuses.  Spec: RFC 7519 section 7.2, RFC 8725.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import UNSET

from consentid.tokens import consent, jws
from consentid.tokens.consent import ConsentClaims
from consentid.tokens.reasons import Inactive, Reason

MAX_UNVERIFIED_LENGTH: Final = 8_192
LEEWAY_S: Final = 30
"""How far an issuer's clock may be ahead of ours.  It never prolongs a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Claims whose signature, issuer, audience and times hold.  Status is not yet checked."""

    claims: ConsentClaims
    kid: str


def verify(
    unverified_token: str,
    *,
    keys: Mapping[str, EllipticCurvePublicKey],
    issuer: str,
    audience: str,
    now_s: float,
    leeway_s: int = LEEWAY_S,
) -> Verified | Inactive:
    """Verify a consent token in all but its status.

    ``keys`` are P-256 keys by ``kid`` (see ``jwks.read_keys``); ``now_s`` counts Unix seconds.
    At ``now_s == exp`` a token has expired.  ``leeway_s`` is granted to ``iat`` and ``nbf`` only.
    """
    signed = jws.open_signed(
        unverified_token,
        typ=consent.TYPE,
        max_length=MAX_UNVERIFIED_LENGTH,
        read=consent.read_claims,
        keys=keys,
    )
    if isinstance(signed, Inactive):
        return signed
    claims = signed.claims
    if claims.iss != issuer:
        return Inactive(Reason.WRONG_ISSUER)
    if claims.aud != audience:
        return Inactive(Reason.WRONG_AUDIENCE)
    untimely = _untimely(claims, now_s=now_s, leeway_s=leeway_s)
    if untimely is not None:
        return Inactive(untimely)
    return Verified(claims=claims, kid=signed.kid)


def _untimely(claims: ConsentClaims, *, now_s: float, leeway_s: int) -> Reason | None:
    if claims.exp <= now_s:
        return Reason.EXPIRED
    if claims.iat > now_s + leeway_s:
        return Reason.NOT_YET_VALID
    if claims.nbf is not UNSET and claims.nbf > now_s + leeway_s:
        return Reason.NOT_YET_VALID
    if claims.exp - claims.iat > consent.MAX_LIFETIME_S:
        return Reason.LIFETIME_TOO_LONG
    return None
