"""The hub's signature under a kit: which kit, for which device, and the hub's time.

It is what a device shows later for the last time that it was in touch: no act that it brings with
this proof happened before it.  The kit is signed by its digest, so the proof stays short enough to
travel with every bundle.  Spec: RFC 7515, RFC 7519.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import Meta

from consentid.tokens import jws
from consentid.tokens.reasons import Inactive

TYPE: Final = "field-sync+jwt"
MAX_LENGTH: Final = 2_048


class SyncClaims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the hub says."""

    iss: Annotated[str, Meta(max_length=512)]
    sub: Annotated[str, Meta(max_length=12)]
    """The device."""
    iat: Annotated[int, Meta(ge=0, le=2**40)]
    """The hub's time.  Seconds, rounded down."""
    nonce: Annotated[str, Meta(max_length=64)]
    cat: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    """The catalogue version that the kit is of."""
    kit: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the kit's text, in UTF-8.  Hexadecimal."""


_decoder: Final = msgspec.json.Decoder(SyncClaims)


def digest_of(kit: str) -> str:
    """What a proof names a kit by.  64 hexadecimal characters."""
    return hashlib.sha256(kit.encode()).hexdigest()


def unsigned(claims: SyncClaims, kid: str) -> bytes:
    """The bytes to sign."""
    return jws.signing_input(typ=TYPE, kid=kid, payload=msgspec.json.encode(claims))


assemble = jws.assemble


def open_sync(
    unverified: str, keys: Mapping[str, EllipticCurvePublicKey]
) -> jws.Signed[SyncClaims] | Inactive:
    """What a proof says, under a key of the hub's; else why not."""
    return jws.open_signed(
        unverified, typ=TYPE, max_length=MAX_LENGTH, read=_decoder.decode, keys=keys
    )
