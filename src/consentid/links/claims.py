"""What a link says, under its minter's signature."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from consentid.kit import base64url

TYPE: Final = "consent-link+jwt"
MAX_LIFETIME_S: Final = 30 * 86_400
JTI_BYTES: Final = 16
MASK: Final = "•"
"""Stands in every hint: a whole address is none."""

_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,47}\Z")]
_Slug = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,30}\Z")]
_Opaque = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,512}\Z")]
_Pairwise = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}\Z")]
_Purpose = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_:.-]{0,63}\Z")]
_Hint = Annotated[str, Meta(pattern=rf"^[^\x00-\x1f\x7f]*{MASK}[^\x00-\x1f\x7f]*\Z", max_length=80)]
_Seconds = Annotated[int, Meta(ge=0, lt=1 << 40)]


class LinkClaims(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One question for one addressee."""

    iss: _Name
    """The client that asks.  Its own key signs, or, where there is a ``ref``, the hub's for it."""
    aud: Annotated[str, Meta(min_length=1, max_length=255)]
    """The hub's issuer."""
    jti: _Pairwise
    """128 random bits: what is good once."""
    iat: _Seconds
    exp: _Seconds
    brand: _Slug | UnsetType = UNSET
    """Whom an answer is for: a brand or a partner."""
    partner: _Slug | UnsetType = UNSET
    purposes: Annotated[tuple[_Purpose, ...], Meta(min_length=1, max_length=16)]
    """The question: one yes or no for all of them."""
    notice: Annotated[int, Meta(ge=1, le=2**31 - 1)] | UnsetType = UNSET
    """The version of the notice that the question is meant under; unset: whichever is current."""
    language: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]{1,15}\Z")] | UnsetType = UNSET
    sub: _Pairwise | UnsetType = UNSET
    """The addressee, as the minter's brand or partner knows them: nobody else can answer."""
    capture: _Opaque | UnsetType = UNSET
    """The capture that an answer confirms."""
    ref: _Opaque | UnsetType = UNSET
    """The addressee of a link that the hub minted for a client, sealed by the hub."""
    hint: _Hint | UnsetType = UNSET
    """The addressee as shown to whoever opens it, masked: ``m•••@example.org``."""


_decoder: Final = msgspec.json.Decoder(LinkClaims)
_encoder: Final = msgspec.json.Encoder()


def encode_claims(claims: LinkClaims) -> bytes:
    """The payload to sign."""
    return _encoder.encode(claims)


def read_claims(payload: bytes) -> LinkClaims:
    """Read a payload.

    Raises:
        ValueError: not these claims, or not exactly one of ``brand`` and ``partner``.
    """
    claims = _decoder.decode(payload)
    if (claims.brand is UNSET) == (claims.partner is UNSET):
        msg = "a link names a brand or a partner, and not both"
        raise ValueError(msg)
    if len(set(claims.purposes)) != len(claims.purposes):
        msg = "a purpose is named twice"
        raise ValueError(msg)
    base64url.decode(claims.jti)
    return claims
