"""Public keys as JSON Web Keys: written for publication, read for verification.

Spec: RFC 7517, RFC 7518 section 6, RFC 7638 (thumbprint).
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from consentid.kit import base64url, canonical
from consentid.kit.errors import MalformedError
from consentid.tokens import jws

PublicKey: TypeAlias = EllipticCurvePublicKey | RSAPublicKey

CACHE_S: Final = 3_600
"""How long a verifier may use a key set before it looks again."""
MAX_JWKS_BYTES: Final = 65_536
MAX_KEYS: Final = 64
_COORDINATE_BYTES: Final = 32
_KID_LENGTH: Final = 12
_SEALING: Final = ("EC", "P-256", "ECDH-ES", "enc")


class _Jwk(msgspec.Struct, frozen=True, kw_only=True):
    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None
    d: object = None
    k: object = None


class _Jwks(msgspec.Struct, frozen=True, kw_only=True):
    keys: list[_Jwk]


_decoder: Final = msgspec.json.Decoder(_Jwks)


def public_members(key: PublicKey) -> dict[str, str]:
    """The members that make the key, in the order of their names.  Spec: RFC 7638 section 3.2.

    Raises:
        ValueError: an elliptic curve other than P-256.
    """
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return {"e": _integer(numbers.e), "kty": "RSA", "n": _integer(numbers.n)}
    if not isinstance(key.curve, SECP256R1):
        msg = f"ES256 takes a P-256 key, not {key.curve.name}"
        raise ValueError(msg)  # noqa: TRY004 - the type is right, the curve is not
    point = key.public_numbers()
    return {
        "crv": "P-256",
        "kty": "EC",
        "x": base64url.encode(point.x.to_bytes(_COORDINATE_BYTES)),
        "y": base64url.encode(point.y.to_bytes(_COORDINATE_BYTES)),
    }


def thumbprint(key: PublicKey) -> bytes:
    """SHA-256 over the key's members.  32 bytes.  Spec: RFC 7638."""
    return hashlib.sha256(canonical.encode(public_members(key))).digest()


def kid_of(key: PublicKey) -> str:
    """A key's name: its thumbprint in base32, 12 characters.  Spec: RFC 4648 section 6."""
    return base64.b32encode(thumbprint(key)).decode().lower()[:_KID_LENGTH]


def jwk(kid: str, key: PublicKey) -> dict[str, str]:
    """A public signing key as it is published: ``kid``, ``use`` and ``alg`` always named."""
    algorithm = "RS256" if isinstance(key, RSAPublicKey) else jws.ALGORITHM
    return {"kid": kid, "use": "sig", "alg": algorithm, **public_members(key)}


def sealing_jwk(kid: str, key: EllipticCurvePublicKey) -> dict[str, str]:
    """A public key to seal to, as it is published.  Spec: RFC 7518 section 4.6."""
    return {"kid": kid, "use": "enc", "alg": "ECDH-ES", **public_members(key)}


def read_keys(document: bytes) -> Mapping[str, EllipticCurvePublicKey]:
    """The ES256 keys of a JWK set, by name.  Keys of other kinds and uses are passed over.

    Raises:
        MalformedError: not a JWK set, too large, a name twice, a private or symmetric key, or a
            P-256 key that is none.
    """
    return _read(document, ("EC", "P-256", jws.ALGORITHM, "sig"))


def read_sealing_key(document: bytes) -> tuple[str, EllipticCurvePublicKey]:
    """The first key of a JWK set to seal to, and its name.

    Raises:
        MalformedError: as ``read_keys``, or there is none.
    """
    for found in _read(document, _SEALING).items():
        return found
    raise MalformedError("bad_jwks", "there is no key to seal to", where="keys")


def _read(document: bytes, kind: tuple[str, ...]) -> Mapping[str, EllipticCurvePublicKey]:
    if len(document) > MAX_JWKS_BYTES:
        raise MalformedError("bad_jwks", f"a key set has at most {MAX_JWKS_BYTES} bytes")
    try:
        entries = _decoder.decode(document).keys
    except (ValueError, RecursionError) as error:
        raise MalformedError("bad_jwks", "not a JSON Web Key Set") from error
    if len(entries) > MAX_KEYS:
        raise MalformedError("bad_jwks", f"a key set has at most {MAX_KEYS} keys", where="keys")
    keys: dict[str, EllipticCurvePublicKey] = {}
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        where = f"keys[{index}]"
        if entry.d is not None or entry.k is not None:
            raise MalformedError("bad_jwks", "a published key set holds public keys", where=where)
        if entry.kid is None:
            continue
        if entry.kid in seen:
            raise MalformedError("bad_jwks", "a key's name is there twice", where=where)
        seen.add(entry.kid)
        if (entry.kty, entry.crv, entry.alg, entry.use) == kind:
            keys[entry.kid] = _p256_key(entry, where)
    return keys


def _p256_key(entry: _Jwk, where: str) -> EllipticCurvePublicKey:
    try:
        x, y = _coordinate(entry.x), _coordinate(entry.y)
        return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    except ValueError as error:
        raise MalformedError("bad_jwks", "not a point on P-256", where=where) from error


def _coordinate(text: str | None) -> int:
    raw = base64url.decode(text or "")
    if len(raw) != _COORDINATE_BYTES:
        msg = f"a P-256 coordinate is {_COORDINATE_BYTES} bytes, not {len(raw)}"
        raise ValueError(msg)
    return int.from_bytes(raw)


def _integer(value: int) -> str:
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8))
