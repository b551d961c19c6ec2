"""Compact JWS as narrow as we need it: ES256, three header members, and never a surprise.

The ladder's lower rungs, shared by consent tokens and status lists, are in ``open_signed``.  Form
first, since it is cheap and needs no key; then the signature; and only then does anybody look at
what the token says.

Spec: RFC 7515 sections 3.1, 4.1 and 5.2; RFC 7518 section 3.4; RFC 8725 (best practice).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from consentid.kit import base64url
from consentid.kit.errors import MalformedError
from consentid.tokens.reasons import Inactive, Reason

C = TypeVar("C", bound=msgspec.Struct)

ALGORITHM: Final = "ES256"
MAX_KID_LENGTH: Final = 12
SIGNATURE_BYTES: Final = 64

SIGNATURE_TEXT_LENGTH: Final = 86
_MAX_BRACKETS: Final = 64
"""More opening brackets than any payload of ours has: nesting is bounded before it is parsed."""
_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,12}", re.ASCII)
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ES256: Final = ECDSA(SHA256())


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The closed header: ``jwk jku x5u x5c crit zip b64`` and all others are unknown fields."""

    alg: str
    kid: str
    typ: str


_header_decoder: Final = msgspec.json.Decoder(_Header)
_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Unverified:
    """The parts of a well-formed token.  Nothing in it is to be believed yet."""

    unverified_kid: str
    signing_input: bytes
    unverified_payload: bytes
    unverified_signature: bytes


@dataclass(frozen=True, slots=True)
class Signed(Generic[C]):
    """Claims under a signature that holds.  What they say is not yet judged."""

    kid: str
    claims: C


def signing_input(*, typ: str, kid: str, payload: bytes) -> bytes:
    """The bytes to sign: header and payload in base64url.  Spec: RFC 7515 section 5.1.

    Raises:
        MalformedError: the key's name is not 1 to 12 characters of the base64url alphabet.
    """
    if _KID.fullmatch(kid) is None:
        raise MalformedError(
            "bad_kid", "a key's name is 1 to 12 letters, digits, '-' or '_'", where="kid"
        )
    header = _encoder.encode(_Header(alg=ALGORITHM, kid=kid, typ=typ))
    return f"{base64url.encode(header)}.{base64url.encode(payload)}".encode()


def assemble(signed_input: bytes, signature: bytes) -> str:
    """Append the signature, 64 bytes r||s.  Spec: RFC 7515 section 3.1, RFC 7518 section 3.4.

    Raises:
        MalformedError: the signature is not 64 bytes long (DER, or another algorithm's).
    """
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedError("bad_signature", "an ES256 signature is 64 bytes, r then s")
    return f"{signed_input.decode()}.{base64url.encode(signature)}"


def open_signed(  # noqa: PLR0911 - a return per rung
    unverified_token: str,
    *,
    typ: str,
    max_length: int,
    read: Callable[[bytes], C],
    keys: Mapping[str, EllipticCurvePublicKey],
) -> Signed[C] | Inactive:
    """Climb the ladder up to a signature that holds.

    ``read`` takes the payload's bytes and raises ValueError if they are not the claims expected.
    """
    parts = split(unverified_token, typ=typ, max_length=max_length)
    if isinstance(parts, Inactive):
        return parts
    if not is_bounded(parts.unverified_payload):
        return Inactive(Reason.BAD_CLAIMS)
    try:
        unverified_claims = read(parts.unverified_payload)
    except ValueError:
        return Inactive(Reason.BAD_CLAIMS)
    ambiguous = ambiguity(parts.unverified_payload, unverified_claims)
    if ambiguous is not None:
        return Inactive(ambiguous)
    key = keys.get(parts.unverified_kid)
    if key is None:
        return Inactive(Reason.UNKNOWN_KEY)
    if not signature_holds(key, parts):
        return Inactive(Reason.BAD_SIGNATURE)
    return Signed(parts.unverified_kid, unverified_claims)


def split(unverified_token: str, *, typ: str, max_length: int) -> Unverified | Inactive:
    """Read the form: length, three parts, strict base64url, the closed header.

    No key is looked up and no signature checked; the payload is bytes still.
    """
    if len(unverified_token) > max_length:
        return Inactive(Reason.TOO_LONG)
    parts = unverified_token.split(".", 3)
    if len(parts) != 3:  # noqa: PLR2004 - a compact JWS has three parts
        return Inactive(Reason.NOT_COMPACT)
    unverified_header, unverified_payload, unverified_signature = parts
    try:
        header = base64url.decode(unverified_header)
        payload = base64url.decode(unverified_payload)
        signature = base64url.decode(unverified_signature)
    except ValueError:
        return Inactive(Reason.BAD_ENCODING)
    kid = _read_kid(header, typ=typ)
    if isinstance(kid, Reason):
        return Inactive(kid)
    if len(signature) != SIGNATURE_BYTES:
        return Inactive(Reason.BAD_SIGNATURE)
    return Unverified(
        unverified_kid=kid,
        signing_input=unverified_token[: -SIGNATURE_TEXT_LENGTH - 1].encode(),
        unverified_payload=payload,
        unverified_signature=signature,
    )


def signature_holds(key: EllipticCurvePublicKey, unverified: Unverified) -> bool:
    """Check r||s over the signing input with a P-256 key.  Spec: RFC 7518 section 3.4."""
    r = int.from_bytes(unverified.unverified_signature[:32])
    s = int.from_bytes(unverified.unverified_signature[32:])
    if not (0 < r < _P256_ORDER and 0 < s < _P256_ORDER):
        return False
    try:
        key.verify(encode_dss_signature(r, s), unverified.signing_input, _ES256)
    except InvalidSignature:
        return False
    return True


def is_bounded(document: bytes) -> bool:
    """Whether a JSON document's brackets are few enough to parse without fear of nesting."""
    return document.count(b"{") + document.count(b"[") <= _MAX_BRACKETS


def ambiguity(document: bytes, decoded: msgspec.Struct) -> Reason | None:
    """Why ``document`` might be read differently by another parser; None if it cannot.

    Parsers differ on which of two members of one name counts, so two verifiers would read two
    tokens.  What we wrote ourselves re-encodes to the very same bytes, which proves it at once;
    anything else is read again, members unknown to us included, by a parser that refuses doubles,
    bad UTF-8 and numbers that are none.  Call ``is_bounded`` first.  Spec: RFC 8259 section 4.
    """
    if _encoder.encode(decoded) == document:
        return None
    try:
        json.loads(
            document.decode(), object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant
        )
    except _NamedTwiceError:
        return Reason.DUPLICATE_CLAIMS
    except ValueError:
        return Reason.BAD_ENCODING
    return None


class _NamedTwiceError(ValueError):
    """An object has a member twice."""


def _read_kid(header: bytes, *, typ: str) -> str | Reason:
    try:
        unverified = _header_decoder.decode(header)
    except (ValueError, RecursionError):
        return Reason.BAD_HEADER
    if ambiguity(header, unverified) is not None:
        return Reason.BAD_HEADER
    if unverified.alg != ALGORITHM:
        return Reason.WRONG_ALGORITHM
    if unverified.typ != typ:
        return Reason.WRONG_TYPE
    if _KID.fullmatch(unverified.kid) is None:
        return Reason.BAD_HEADER
    return unverified.kid


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NamedTwiceError
    return members


def _refuse_constant(name: str) -> None:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
