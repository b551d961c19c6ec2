"""What a capture device signs to be let in: that it holds its key, when it enrols and asks its kit.

A device's own clock is not believed, so nothing here says a time: an enrolment is bound to its
one-time code, a request to a nonce that the hub's answer repeats.
Spec: RFC 7515; RFC 7800 section 3.6 (proof of possession).
"""

from typing import Annotated, Final, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import Meta

from consentid.tokens import jws
from consentid.tokens.reasons import Inactive

ENROLMENT_TYPE: Final = "field-enrolment+jwt"
REQUEST_TYPE: Final = "field-request+jwt"
ENROLLING: Final = "enrol"
"""The key's name in an enrolment, when the device has none yet."""
MAX_LENGTH: Final = 2_048

Coordinate: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]
Nonce: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22,64}$")]


class EnrolmentClaims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enrolment: whom it is for, and the code that it answers."""

    aud: Annotated[str, Meta(max_length=512)]
    """The hub's issuer."""
    code: Annotated[str, Meta(min_length=1, max_length=64)]


class RequestClaims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for the kit."""

    aud: Annotated[str, Meta(max_length=512)]
    nonce: Nonce
    """128 random bits or more; the answer repeats them, so an older answer is told from it."""


_enrolments: Final = msgspec.json.Decoder(EnrolmentClaims)
_requests: Final = msgspec.json.Decoder(RequestClaims)


def unsigned_enrolment(claims: EnrolmentClaims) -> bytes:
    """The bytes that a new device signs."""
    return jws.signing_input(typ=ENROLMENT_TYPE, kid=ENROLLING, payload=msgspec.json.encode(claims))


def unsigned_request(claims: RequestClaims, device: str) -> bytes:
    """The bytes that a device signs to have its kit."""
    return jws.signing_input(typ=REQUEST_TYPE, kid=device, payload=msgspec.json.encode(claims))


assemble = jws.assemble


def open_enrolment(
    unverified: str, key: EllipticCurvePublicKey
) -> jws.Signed[EnrolmentClaims] | Inactive:
    """What an enrolment says, under the very key that it is for; else why not."""
    return jws.open_signed(
        unverified,
        typ=ENROLMENT_TYPE,
        max_length=MAX_LENGTH,
        read=_enrolments.decode,
        keys={ENROLLING: key},
    )


def asker_of(unverified: str) -> str | Inactive:
    """The device that a request names, not to be believed yet; else why there is none."""
    found = jws.split(unverified, typ=REQUEST_TYPE, max_length=MAX_LENGTH)
    return found if isinstance(found, Inactive) else found.unverified_kid


def open_request(
    unverified: str, device: str, key: EllipticCurvePublicKey
) -> jws.Signed[RequestClaims] | Inactive:
    """What a request says, under its device's key; else why not."""
    return jws.open_signed(
        unverified,
        typ=REQUEST_TYPE,
        max_length=MAX_LENGTH,
        read=_requests.decode,
        keys={device: key},
    )
