"""Token Status List: one bit per token, set when the token no longer speaks for its subject.

A verifier fetches a whole list, so the issuer does not learn which token it looks at.  Bits are
counted from the least significant of each byte; 1 means invalid.
Spec: draft-ietf-oauth-status-list-21 sections 4 (bits, zlib), 5.1 (token), 8.3 (validation).
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import Meta

from consentid.kit import base64url
from consentid.kit.errors import MalformedError
from consentid.tokens import jws
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.verifying import LEEWAY_S

TYPE: Final = "statuslist+jwt"
MEDIA_TYPE: Final = "application/statuslist+jwt"
PATH: Final = "/statuslists/"
"""Where lists live under their issuer.  A verifier fetches from nowhere else."""

TTL_S: Final = 300
LIFETIME_S: Final = 3_600
"""How long a list may be believed from the instant it was signed, however it reached us."""

MAX_ENTRIES: Final = 2**17
MAX_LIST_BYTES: Final = MAX_ENTRIES // 8
MAX_TOKEN_LENGTH: Final = 65_536
_LONG_BYTES: Final = 1_024

_Seconds: TypeAlias = Annotated[int, Meta(ge=0, le=2**40)]


class StatusList(msgspec.Struct, frozen=True, kw_only=True):
    """The ``status_list`` claim of a list: one bit per token, zlib, base64url."""

    bits: Literal[1]
    lst: str


class StatusListClaims(msgspec.Struct, frozen=True, kw_only=True):
    """All claims of a status list token, in the order in which they are written."""

    sub: str
    """The list's own address."""
    iat: _Seconds
    exp: _Seconds
    ttl: Annotated[int, Meta(gt=0, le=86_400)]
    status_list: StatusList


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedList:
    """A list whose signature, address and times hold."""

    uri: str
    bits: bytes
    iat_s: int
    exp_s: int
    ttl_s: int

    def is_set(self, idx: int) -> bool:
        """Whether the token at ``idx`` is invalid; one outside the list is."""
        return is_set(self.bits, idx)


_decoder: Final = msgspec.json.Decoder(StatusListClaims)
_encoder: Final = msgspec.json.Encoder()


def pack(entries: int, set_indices: Iterable[int]) -> bytes:
    """Lay out a list of ``entries`` bits, a multiple of 8, with those at the indices set.

    Raises:
        ValueError: no multiple of 8 within 2^17, or an index outside the list.
    """
    if not 0 < entries <= MAX_ENTRIES or entries % 8:
        msg = f"a list has a multiple of 8 entries, at most {MAX_ENTRIES}"
        raise ValueError(msg)
    bits = bytearray(entries // 8)
    for idx in set_indices:
        if not 0 <= idx < entries:
            msg = f"index {idx} lies outside a list of {entries}"
            raise ValueError(msg)
        bits[idx >> 3] |= 1 << (idx & 7)
    return bytes(bits)


def is_set(bits: bytes, idx: int) -> bool:
    """Whether the bit is set.  Outside the list the answer is yes: nothing vouches for it."""
    if not 0 <= idx < len(bits) * 8:
        return True
    return bool(bits[idx >> 3] >> (idx & 7) & 1)


def encode_list(bits: bytes) -> str:
    """Compress and encode.  Spec: section 4.1 (zlib at its highest level, base64url).

    What is long in a list of scattered bits are runs of zeros, so a search for any other repetition
    takes a hundred times as long and gains nothing.
    """
    strategy = zlib.Z_RLE if len(bits) >= _LONG_BYTES else zlib.Z_DEFAULT_STRATEGY
    deflater = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
    return base64url.encode(deflater.compress(bits) + deflater.flush())


def decode_list(lst: str, *, max_bytes: int = MAX_LIST_BYTES) -> bytes:
    """Decode and inflate, never holding more than ``max_bytes`` and one.

    Raises:
        MalformedError: not base64url, not one complete zlib stream, or too large when inflated.
    """
    inflater = zlib.decompressobj()
    try:
        bits = inflater.decompress(base64url.decode(lst), max_bytes + 1)
    except (ValueError, zlib.error) as error:
        raise MalformedError("bad_status_list", "not zlib in base64url", where="lst") from error
    if len(bits) > max_bytes:
        raise MalformedError(
            "bad_status_list", f"inflates to more than {max_bytes} bytes", where="lst"
        )
    if not inflater.eof or inflater.unused_data:
        raise MalformedError("bad_status_list", "not exactly one zlib stream", where="lst")
    return bits


def unsigned_list(
    uri: str,
    bits: bytes,
    *,
    kid: str,
    iat_s: int,
    ttl_s: int = TTL_S,
    lifetime_s: int = LIFETIME_S,
) -> bytes:
    """The bytes to sign for a list; ``assemble`` appends the signature.

    Raises:
        MalformedError: the list is empty or too large, or ``kid`` is malformed.
    """
    if not 0 < len(bits) <= MAX_LIST_BYTES:
        raise MalformedError(
            "bad_status_list", f"a list has 1 to {MAX_LIST_BYTES} bytes", where="bits"
        )
    claims = StatusListClaims(
        sub=uri,
        iat=iat_s,
        exp=iat_s + lifetime_s,
        ttl=ttl_s,
        status_list=StatusList(bits=1, lst=encode_list(bits)),
    )
    return jws.signing_input(typ=TYPE, kid=kid, payload=_encoder.encode(claims))


assemble = jws.assemble


def verify_list(
    unverified_list: str,
    *,
    keys: Mapping[str, EllipticCurvePublicKey],
    uri: str,
    now_s: float,
    leeway_s: int = LEEWAY_S,
) -> VerifiedList | Inactive:
    """Verify a list that was fetched from ``uri``.  Spec: section 8.3.

    ``sub`` must be that very address, so one list never stands in for another.
    """
    found = open_list(unverified_list, keys=keys, now_s=now_s, leeway_s=leeway_s)
    if isinstance(found, VerifiedList) and found.uri != uri:
        return Inactive(Reason.WRONG_STATUS_LIST)
    return found


def open_list(
    unverified_list: str,
    *,
    keys: Mapping[str, EllipticCurvePublicKey],
    now_s: float,
    leeway_s: int = LEEWAY_S,
) -> VerifiedList | Inactive:
    """Verify a list that came as a file, without an address.

    The caller compares ``uri`` with what a token names.
    """
    signed = jws.open_signed(
        unverified_list, typ=TYPE, max_length=MAX_TOKEN_LENGTH, read=_decoder.decode, keys=keys
    )
    if isinstance(signed, Inactive):
        return signed
    claims = signed.claims
    if claims.exp <= now_s:
        return Inactive(Reason.EXPIRED)
    if claims.iat > now_s + leeway_s:
        return Inactive(Reason.NOT_YET_VALID)
    try:
        bits = decode_list(claims.status_list.lst)
    except MalformedError:
        return Inactive(Reason.BAD_CLAIMS)
    return VerifiedList(
        uri=claims.sub, bits=bits, iat_s=claims.iat, exp_s=claims.exp, ttl_s=claims.ttl
    )
