"""The key of a capture device: on P-256, kept as x and y."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)

from consentid.kit import base64url
from consentid.kit.errors import MalformedError

_COORDINATE_BYTES: Final = 32


def read_key(unverified_x: str, unverified_y: str) -> tuple[EllipticCurvePublicKey, bytes]:
    """The key that a JWK names, and as it is kept.  64 bytes.  Spec: RFC 7518 section 6.2.1.

    Raises:
        MalformedError: there is no such point.
    """
    try:
        kept = base64url.decode(unverified_x) + base64url.decode(unverified_y)
        return key_of(kept), kept
    except ValueError as error:
        raise MalformedError("bad_key", "This is no point on P-256.", where="key") from error


def key_of(kept: bytes) -> EllipticCurvePublicKey:
    """The key as it verifies.

    Raises:
        ValueError: it is no point on P-256.
    """
    if len(kept) != 2 * _COORDINATE_BYTES:
        msg = "a point on P-256 has two coordinates of 32 bytes"
        raise ValueError(msg)
    x, y = (int.from_bytes(half) for half in (kept[:_COORDINATE_BYTES], kept[_COORDINATE_BYTES:]))
    return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
