"""Sealing to the hub: compact JWE, ECDH-ES over P-256 with A256GCM, and a closed header.

The sender is not authenticated by it: the signature within is.  Spec: RFC 7516, RFC 7518 sections
4.6 and 5.3, RFC 8725.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from consentid.kit import base64url
from consentid.kit.errors import MalformedError
from consentid.tokens import jws

TYPE: Final = "consent-link+jwe"
ALGORITHM: Final = "ECDH-ES"
ENCRYPTION: Final = "A256GCM"
MAX_LENGTH: Final = 4_096
_ALGORITHMS: Final = (ALGORITHM, ENCRYPTION)
_PARTS: Final = 5
_ENCRYPTED_KEY: Final = 1


class _Ephemeral(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The closed header: ``zip``, ``crit``, ``apu``, ``jku`` and all others are unknown fields."""

    alg: Literal["ECDH-ES"]
    enc: Literal["A256GCM"]
    kid: str
    typ: Literal["consent-link+jwe"]
    epk: _Ephemeral


_header_decoder: Final = msgspec.json.Decoder(_Header)


class SealedForAnotherError(MalformedError):
    """It is sealed to a key that is none of ours."""


def seal(plaintext: str, *, kid: str, key: EllipticCurvePublicKey) -> str:
    """Seal to the hub's key.  About 300 characters and four thirds of the plaintext."""
    header = {"alg": ALGORITHM, "enc": ENCRYPTION, "kid": kid, "typ": TYPE}
    return jwe.encrypt_compact(header, plaintext, ECKey.import_key(key), algorithms=_ALGORITHMS)


def unseal(unverified: str, keys: Mapping[str, EllipticCurvePrivateKey]) -> str:
    """Open what was sealed to one of our keys: form first, before any key is looked up.

    Raises:
        SealedForAnotherError: to none of these.
        MalformedError: it is no such thing, cut short, or changed on the way.
    """
    parts = unverified.split(".", _PARTS)
    if len(unverified) > MAX_LENGTH or len(parts) != _PARTS or parts[_ENCRYPTED_KEY]:
        raise _damaged()
    try:
        raw = base64url.decode(parts[0])
        if not jws.is_bounded(raw):
            raise _damaged()
        header = _header_decoder.decode(raw)
        # Two readers of a member that is there twice would find two keys.
        jws.parse_strictly(raw)
        for part in parts[2:]:
            base64url.decode(part)
    except (ValueError, RecursionError) as error:
        raise _damaged() from error
    key = keys.get(header.kid)
    if key is None:
        raise SealedForAnotherError("link_foreign", "The link is sealed to another hub's key.")
    try:
        opened = jwe.decrypt_compact(unverified, ECKey.import_key(key), algorithms=_ALGORITHMS)
        return (opened.plaintext or b"").decode("ascii")
    except (JoseError, ValueError) as error:
        raise _damaged() from error


def _damaged() -> MalformedError:
    return MalformedError("link_damaged", "The link is not whole: copy all of it, and try again.")
