"""From an unverified string to verified claims: a ladder of small named checks.

The order is the security argument.  Length, form and closed header first (cheap, and before any
key is looked up), then the signature with the one algorithm that the key has, then what the claims
say.  A reason past ``BAD_SIGNATURE`` is therefore a true statement about a token that we signed.

Written by hand for speed: one typed decode, one signature check.  Tested against two JOSE
libraries as oracles: it accepts nothing that either refuses.  Spec: RFC 7519 section 7.2, RFC 8725.
"""

from collections.abc import Mapping
from typing import Final, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import UNSET

from consentid.tokens import consent, jws
from consentid.tokens.consent import ConsentClaims
from consentid.tokens.jws import Unproven
from consentid.tokens.reasons import Inactive, Reason

MAX_UNVERIFIED_LENGTH: Final = 8_192
LEEWAY_S: Final = 30
"""How far an issuer's clock may be ahead of ours.  It never prolongs a token."""


class Verified(msgspec.Struct, frozen=True, gc=False):
    """Claims whose signature, issuer, audience and times hold.  Status is not yet checked."""

    claims: ConsentClaims


@final
class Checker:
    """Verifies tokens of one issuer for one audience with one set of keys.  Immutable.

    ``keys`` are P-256 keys by ``kid`` (see ``jwks.read_keys``).  ``leeway_s`` is granted to ``iat``
    and ``nbf`` only.
    """

    __slots__ = ("_audience", "_heads", "_issuer", "_keys", "_leeway_s")

    def __init__(
        self,
        *,
        keys: Mapping[str, EllipticCurvePublicKey],
        issuer: str,
        audience: str,
        leeway_s: int = LEEWAY_S,
    ) -> None:
        self._keys: Final = dict(keys)
        self._heads: Final = jws.heads_of(keys, typ=consent.TYPE)
        self._issuer: Final = issuer
        self._audience: Final = audience
        self._leeway_s: Final = leeway_s

    def check(self, unverified_token: str, now_s: float) -> Verified | Inactive:
        """Verify a consent token in all but its status.

        ``now_s`` counts Unix seconds.  At ``now_s == exp`` a token has expired.
        """
        found = self.open(unverified_token)
        if isinstance(found, Inactive):
            return found
        return self.conclude(found, now_s, is_proven=found.is_proven())

    def open(self, unverified_token: str) -> Unproven[ConsentClaims] | Inactive:
        """Read a token, and leave its signature to be checked: the first half of ``check``."""
        return jws.open_unproven(
            unverified_token,
            typ=consent.TYPE,
            max_length=MAX_UNVERIFIED_LENGTH,
            read=consent.read_claims,
            keys=self._keys,
            heads=self._heads,
        )

    def conclude(
        self, found: Unproven[ConsentClaims], now_s: float, *, is_proven: bool
    ) -> Verified | Inactive:
        """What comes of a token whose signature was checked: the second half of ``check``."""
        if not is_proven:
            return Inactive(Reason.BAD_SIGNATURE)
        claims = found.unverified_claims
        if claims.iss != self._issuer:
            return Inactive(Reason.WRONG_ISSUER)
        if claims.aud != self._audience:
            return Inactive(Reason.WRONG_AUDIENCE)
        untimely = untimeliness(claims, now_s, self._leeway_s)
        return Verified(claims) if untimely is None else Inactive(untimely)


def verify(
    unverified_token: str,
    *,
    keys: Mapping[str, EllipticCurvePublicKey],
    issuer: str,
    audience: str,
    now_s: float,
    leeway_s: int = LEEWAY_S,
) -> Verified | Inactive:
    """Verify one consent token in all but its status.  For many, keep a ``Checker``."""
    checker = Checker(keys=keys, issuer=issuer, audience=audience, leeway_s=leeway_s)
    return checker.check(unverified_token, now_s)


def untimeliness(claims: ConsentClaims, now_s: float, leeway_s: int = LEEWAY_S) -> Reason | None:
    """Why verified claims do not hold at an instant; None where they do."""
    if claims.exp <= now_s:
        return Reason.EXPIRED
    if claims.iat > now_s + leeway_s:
        return Reason.NOT_YET_VALID
    if claims.nbf is not UNSET and claims.nbf > now_s + leeway_s:
        return Reason.NOT_YET_VALID
    if claims.exp - claims.iat > consent.MAX_LIFETIME_S:
        return Reason.LIFETIME_TOO_LONG
    return None
