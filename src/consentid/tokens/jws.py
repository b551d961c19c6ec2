"""Compact JWS as narrow as we need it: ES256, three header members, and never a surprise.

The ladder's lower rungs, shared by consent tokens and status lists, are in ``open_unproven``.  Form
first, since it is cheap and needs no key; then the signature; and only then does anybody look at
what the token says.

Spec: RFC 7515 sections 3.1, 4.1 and 5.2; RFC 7518 section 3.4; RFC 8725 (best practice).
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
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
_P256_ORDER: Final = bytes.fromhex(
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
)
_TOP_BIT: Final = 0x80
_DOT: Final = ord(".")
_ES256: Final = ECDSA(SHA256())
_NO_HEADS: Final[Mapping[bytes, str]] = MappingProxyType({})


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The closed header: ``jwk jku x5u x5c crit zip b64`` and all others are unknown fields."""

    alg: str
    kid: str
    typ: str


_header_decoder: Final = msgspec.json.Decoder(_Header)
_encoder: Final = msgspec.json.Encoder()


class Unverified(msgspec.Struct, frozen=True, gc=False):
    """The parts of a well-formed token.  Nothing in it is to be believed yet."""

    unverified_kid: str
    signing_input: bytes
    unverified_payload: bytes
    unverified_signature: bytes


class Unproven(msgspec.Struct, Generic[C], frozen=True, gc=False):
    """Claims in good form, and what would prove them.  Nothing in it is to be believed yet."""

    unverified_kid: str
    unverified_claims: C
    key: EllipticCurvePublicKey
    signing_input: bytes
    unverified_der: bytes

    def is_proven(self) -> bool:
        """Whether the signature holds: then, and only then, the claims are the signer's."""
        try:
            self.key.verify(self.unverified_der, self.signing_input, _ES256)
        except InvalidSignature:
            return False
        return True


class Signed(msgspec.Struct, Generic[C], frozen=True, gc=False):
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


def heads_of(kids: Iterable[str], *, typ: str) -> Mapping[bytes, str]:
    """What the header of our own tokens looks like, and the key that it names.

    A header with exactly this text needs no parsing: parsing it would find just this.  Any other
    text is read in full, so an issuer that writes its members in another order is understood, too.
    """
    return {
        base64url.encode(_encoder.encode(_Header(alg=ALGORITHM, kid=kid, typ=typ))).encode(): kid
        for kid in kids
        if _KID.fullmatch(kid) is not None
    }


def open_signed(
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
    found = open_unproven(unverified_token, typ=typ, max_length=max_length, read=read, keys=keys)
    if isinstance(found, Inactive):
        return found
    if not found.is_proven():
        return Inactive(Reason.BAD_SIGNATURE)
    return Signed(found.unverified_kid, found.unverified_claims)


def open_unproven(  # noqa: PLR0911 - a return per rung
    unverified_token: str,
    *,
    typ: str,
    max_length: int,
    read: Callable[[bytes], C],
    keys: Mapping[str, EllipticCurvePublicKey],
    heads: Mapping[bytes, str] = _NO_HEADS,
) -> Unproven[C] | Inactive:
    """Climb the ladder up to the signature, and leave that to be checked.

    ``heads`` are the known headers of this type (see ``heads_of``).
    """
    parts = _split(unverified_token, typ, max_length, heads)
    if isinstance(parts, Reason):
        return Inactive(parts)
    unverified_kid, signed_input, payload, signature = parts
    try:
        unverified_claims = read(payload)
    except (ValueError, RecursionError):
        return Inactive(Reason.BAD_CLAIMS)
    # What we wrote ourselves re-encodes to the very same bytes.
    if _encoder.encode(unverified_claims) != payload:
        if not is_bounded(payload):
            return Inactive(Reason.BAD_CLAIMS)
        ambiguous = ambiguity(payload, unverified_claims)
        if ambiguous is not None:
            return Inactive(ambiguous)
    key = keys.get(unverified_kid)
    if key is None:
        return Inactive(Reason.UNKNOWN_KEY)
    der = to_der(signature)
    if der is None:
        return Inactive(Reason.BAD_SIGNATURE)
    return Unproven(unverified_kid, unverified_claims, key, signed_input, der)


def split(unverified_token: str, *, typ: str, max_length: int) -> Unverified | Inactive:
    """Read the form: length, three parts, strict base64url, the closed header.

    No key is looked up and no signature checked; the payload is bytes still.
    """
    parts = _split(unverified_token, typ, max_length, _NO_HEADS)
    return Inactive(parts) if isinstance(parts, Reason) else Unverified(*parts)


def _split(
    unverified_token: str, typ: str, max_length: int, heads: Mapping[bytes, str]
) -> tuple[str, bytes, bytes, bytes] | Reason:
    """The key's name, what is signed, the payload, the signature; or why there are none."""
    if len(unverified_token) > max_length:
        return Reason.TOO_LONG
    try:
        signed_input, _, unverified_signature = unverified_token.encode().rpartition(b".")
        unverified_header, dot, unverified_payload = signed_input.partition(b".")
        if not dot or _DOT in unverified_payload:
            return Reason.NOT_COMPACT
        kid: str | Reason | None = heads.get(unverified_header)
        header = b"" if kid is not None else base64url.decode(unverified_header)
        payload = base64url.decode(unverified_payload)
        signature = base64url.decode(unverified_signature)
    except ValueError:
        return Reason.BAD_ENCODING
    if kid is None:
        kid = _read_kid(header, typ=typ)
        if isinstance(kid, Reason):
            return kid
    if len(signature) != SIGNATURE_BYTES:
        return Reason.BAD_SIGNATURE
    return kid, signed_input, payload, signature


def to_der(signature: bytes) -> bytes | None:
    """r||s, 64 bytes, as the DER that OpenSSL takes; None where r or s is out of its range.

    Most have no zero byte in front, and are put together here; the library does the rest.
    Spec: RFC 3279 section 2.2.3.
    """
    r, s = signature[:32], signature[32:]
    if r >= _P256_ORDER or s >= _P256_ORDER:
        return None
    if not r[0] or not s[0]:
        r_number, s_number = int.from_bytes(r), int.from_bytes(s)
        return encode_dss_signature(r_number, s_number) if r_number and s_number else None
    if r[0] < _TOP_BIT:
        if s[0] < _TOP_BIT:
            return b"\x30\x44\x02\x20" + r + b"\x02\x20" + s
        return b"\x30\x45\x02\x20" + r + b"\x02\x21\x00" + s
    if s[0] < _TOP_BIT:
        return b"\x30\x45\x02\x21\x00" + r + b"\x02\x20" + s
    return b"\x30\x46\x02\x21\x00" + r + b"\x02\x21\x00" + s


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
        parse_strictly(document)
    except _NamedTwiceError:
        return Reason.DUPLICATE_CLAIMS
    except ValueError:
        return Reason.BAD_ENCODING
    return None


def parse_strictly(document: bytes) -> Any:  # noqa: ANN401 - whatever JSON it is
    """Parse JSON that any parser reads the same.  Bound its nesting, or expect ``RecursionError``.

    Raises:
        ValueError: not JSON in UTF-8, a member twice, or a number that is none.
    """
    return json.loads(
        document.decode(), object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant
    )


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
