"""A bundle: captures that a device made without network, signed, numbered, chained.

Each names the one before it by the digest of what was signed (never of the signature, which can be
written in two ways), the first its device.  So what is left out, changed or put in shows.  All
entries of a bundle were captured with the sync proof that it carries; a device that was in touch
again begins another bundle.  Nothing in it names a person.  Spec: RFC 7515.
"""

import hashlib
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import Meta

from consentid.tokens import jws
from consentid.tokens.field_sync import MAX_LENGTH as MAX_SYNC_LENGTH
from consentid.tokens.reasons import Inactive

TYPE: Final = "capture-bundle+jwt"
MAX_LENGTH: Final = 16_384
MAX_ENTRIES: Final = 8
_MAX_CHOICES: Final = 64
_LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""

_Hash: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Purpose: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[a-z0-9_.:-]+$")]
_Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
_Purposes: TypeAlias = Annotated[list[_Purpose], Meta(max_length=_MAX_CHOICES)]


class EvidenceClaim(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What there is of it besides: which form was shown, which paper was signed."""

    kind: Literal["script", "form", "paper", "recording"]
    version: _Word
    reference: (
        Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")] | None
    ) = None
    digest: _Hash | None = None


class NoticeClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text that was shown, as the kit names it."""

    id: Annotated[str, Meta(max_length=64, pattern="^[a-z0-9-]+$")]
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    language: Annotated[str, Meta(max_length=16, pattern="^[A-Za-z][A-Za-z0-9-]+$")]
    digest: _Hash


class EntryClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One capture."""

    id: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{21}[AQgw]\\Z")]
    """The device's own, 128 random bits: once however often it comes."""
    at_ms: Annotated[int, Meta(ge=0, le=_LATEST_MS)]
    """When, by the device's clock.  Milliseconds since 1970."""
    operator: _Word
    """Who captured it; the client's own name for them."""
    channel: Literal["shop", "paper", "phone"]
    notice: NoticeClaim
    granted: _Purposes
    refused: _Purposes
    evidence: EvidenceClaim


class BundleClaims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device says."""

    aud: Annotated[str, Meta(max_length=512)]
    """The hub's issuer."""
    seq: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    """From 1, without a gap."""
    prev: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\\Z")]
    """The digest of the bundle before it, or of the device's id."""
    sync: Annotated[str, Meta(min_length=1, max_length=MAX_SYNC_LENGTH)]
    entries: Annotated[list[EntryClaim], Meta(min_length=1, max_length=MAX_ENTRIES)]


_decoder: Final = msgspec.json.Decoder(BundleClaims)


def first_digest(device: str) -> bytes:
    """What the first bundle of a device names.  32 bytes."""
    return hashlib.sha256(device.encode()).digest()


def unsigned(claims: BundleClaims, device: str) -> bytes:
    """The bytes to sign."""
    return jws.signing_input(typ=TYPE, kid=device, payload=msgspec.json.encode(claims))


assemble = jws.assemble


def digest_of(unverified: str) -> bytes:
    """What the next bundle names: of all but the signature.  32 bytes."""
    return hashlib.sha256(unverified.rpartition(".")[0].encode()).digest()


def device_of(unverified: str) -> str | Inactive:
    """The device that a bundle names, not to be believed yet; else why there is none."""
    found = jws.split(unverified, typ=TYPE, max_length=MAX_LENGTH)
    return found if isinstance(found, Inactive) else found.unverified_kid


def open_bundle(
    unverified: str, device: str, key: EllipticCurvePublicKey
) -> jws.Signed[BundleClaims] | Inactive:
    """What a bundle says, under its device's key; else why not."""
    return jws.open_signed(
        unverified, typ=TYPE, max_length=MAX_LENGTH, read=_decoder.decode, keys={device: key}
    )


def read_bundle(kept: str) -> BundleClaims:
    """What a bundle says whose signature held when it was kept.

    Raises:
        ValueError: it is none.
    """
    found = jws.split(kept, typ=TYPE, max_length=MAX_LENGTH)
    if isinstance(found, Inactive):
        raise ValueError(found.reason)  # noqa: TRY004 - the type is right, what it holds is not
    return _decoder.decode(found.unverified_payload)
