"""From an unverified link to verified claims: a ladder of small named checks.

Length, form and closed headers first, then the seal, then the signature with the one algorithm that
the registered key has, then what the claims say.  What fails before the signature is told alike, so
that whoever makes links up learns nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from msgspec import UNSET

from consentid.kit.errors import MalformedError
from consentid.links import claims, sealing
from consentid.links.claims import MAX_LIFETIME_S, LinkClaims
from consentid.tokens import jws
from consentid.tokens.reasons import Inactive

LEEWAY_S: Final = 300
"""How far a minter's clock may be ahead of ours.  It never prolongs a link."""
_MAX_SIGNED: Final = 4_096


class Refusal(StrEnum):
    """Why a link is not to be answered."""

    DAMAGED = "damaged"
    """Not whole, or changed on the way."""
    FOREIGN = "foreign"
    """For another hub."""
    FORGED = "forged"
    """Not signed by whom it says."""
    EXPIRED = "expired"
    NOT_YET = "not_yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """A link that was sealed to us.  Nothing in it is to be believed yet."""

    unverified_client_id: str
    is_by_hub: bool
    """Whether it says that the hub signed it for the client."""
    signed: str


def unseal(unverified: str, keys: Mapping[str, EllipticCurvePrivateKey]) -> Unsealed | Refusal:
    """Open the seal, and read who is said to have signed."""
    try:
        signed = sealing.unseal(unverified, keys)
    except sealing.SealedForAnotherError:
        return Refusal.FOREIGN
    except MalformedError:
        return Refusal.DAMAGED
    parts = jws.split(signed, typ=claims.TYPE, max_length=_MAX_SIGNED)
    if isinstance(parts, Inactive) or not jws.is_bounded(parts.unverified_payload):
        return Refusal.FORGED
    try:
        said = claims.read_claims(parts.unverified_payload)
    except (ValueError, RecursionError):
        return Refusal.FORGED
    return Unsealed(unverified_client_id=said.iss, is_by_hub=said.ref is not UNSET, signed=signed)


def verify(
    unsealed: Unsealed,
    *,
    keys: Mapping[str, EllipticCurvePublicKey],
    issuer: str,
    now_s: float,
) -> LinkClaims | Refusal:
    """Judge signature and claims.  ``keys`` are those of who is said to have signed, by name."""
    signed = jws.open_signed(
        unsealed.signed,
        typ=claims.TYPE,
        max_length=_MAX_SIGNED,
        read=claims.read_claims,
        keys=keys,
    )
    if isinstance(signed, Inactive):
        return Refusal.FORGED
    said = signed.claims
    if said.aud != issuer:
        return Refusal.FOREIGN
    if said.exp - said.iat > MAX_LIFETIME_S:
        return Refusal.FORGED
    if said.iat > now_s + LEEWAY_S:
        return Refusal.NOT_YET
    return Refusal.EXPIRED if said.exp <= now_s else said
