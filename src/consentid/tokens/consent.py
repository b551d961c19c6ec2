"""The consent token: its claims, and how one is made.

A consent token says what one person allows one brand or partner.  The room below signs nothing:
``unsigned`` gives the bytes to sign, a key of the keyring signs them, ``assemble`` joins both.

Members of a payload are written in the order of the structs here, without white space.  Claims
may be added; a reader ignores those it does not know.  Spec: RFC 7519, RFC 8693 section 4.1 (act),
RFC 7800 (cnf), draft-ietf-oauth-status-list-21 section 6 (status).
"""

import re
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from consentid.core.purpose import is_well_formed
from consentid.kit.errors import MalformedError
from consentid.tokens import jws

TYPE: Final = "consent+jwt"

WEB_LIFETIME_S: Final = 3_600
TV_LIFETIME_S: Final = 86_400
PARTNER_LIFETIME_S: Final = 900
MAX_LIFETIME_S: Final = TV_LIFETIME_S

MAX_LENGTH: Final = 1_536
"""The longest token we issue.  Characters, which are bytes."""

MAX_ACTORS: Final = 2

_is_sub: Final = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII).fullmatch

_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Seconds: TypeAlias = Annotated[int, Meta(ge=0, le=2**40)]
_Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=512)]
_Purpose: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]


class StatusListRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which bit of which status list speaks of this token."""

    idx: _Count
    uri: _Text


class Status(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The ``status`` claim."""

    status_list: StatusListRef


class Consent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The ``consent`` claim: overrides already applied for this audience."""

    cat: _Count
    """The catalogue version."""
    rev: _Count
    """Rises with every change for this subject and audience."""
    g: tuple[_Purpose, ...]
    """Granted purposes.  What is in neither list is not granted."""
    d: tuple[_Purpose, ...]
    """Refused purposes."""
    a: tuple[_Purpose, ...] = ()
    """Granted purposes that rest on what somebody else keyed in; absent where none does."""


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The ``act`` claim: the partner that acts, and the one before it."""

    sub: _Text
    act: "Actor | UnsetType" = UNSET


class Confirmation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The ``cnf`` claim: the holder's key by thumbprint.  Spec: RFC 9449 section 6.1."""

    jkt: Annotated[str, Meta(min_length=43, max_length=43)]


class ConsentClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """All claims of a consent token, in the order in which they are written."""

    iss: _Text
    sub: _Text
    aud: _Text
    client_id: _Text
    jti: _Text
    iat: _Seconds
    exp: _Seconds
    consent: Consent
    status: Status
    act: Actor | UnsetType = UNSET
    acr: _Text | UnsetType = UNSET
    cnf: Confirmation | UnsetType = UNSET
    nbf: _Seconds | UnsetType = UNSET
    """Never issued, honoured if met: other verifiers would."""


class TokenTooLongError(MalformedError):
    """The claims do not fit into a token: name fewer or shorter purposes."""


_decoder: Final = msgspec.json.Decoder(ConsentClaims)
_encoder: Final = msgspec.json.Encoder()


def unsigned(claims: ConsentClaims, kid: str) -> bytes:
    """The bytes to sign.  Reads its own output back: what we sign, we would verify.

    Raises:
        TokenTooLongError: the token would exceed 1,536 bytes.
        MalformedError: a claim breaks the contract; ``where`` names it.
    """
    payload = _encoder.encode(claims)
    _check_own(claims, payload)
    signed_input = jws.signing_input(typ=TYPE, kid=kid, payload=payload)
    length = len(signed_input) + 1 + jws.SIGNATURE_TEXT_LENGTH
    if length > MAX_LENGTH:
        raise TokenTooLongError(
            "token_too_long",
            f"the token would be {length} bytes, at most {MAX_LENGTH} are allowed",
            where="consent",
        )
    return signed_input


assemble = jws.assemble


def token_length(claims: ConsentClaims, kid: str = "k" * jws.MAX_KID_LENGTH) -> int:
    """How long a token with these claims would be, in bytes, whether or not it is allowed."""
    payload = _encoder.encode(claims)
    signed_input = jws.signing_input(typ=TYPE, kid=kid, payload=payload)
    return len(signed_input) + 1 + jws.SIGNATURE_TEXT_LENGTH


def read_claims(payload: bytes) -> ConsentClaims:
    """Read a payload's claims by type and size.  Its nesting is bounded by the caller.

    Raises:
        ValueError: it is not JSON, or a claim is missing, of the wrong type, or out of bounds.
    """
    claims = _decoder.decode(payload)
    if _is_sub(claims.sub) is None:
        msg = "sub is 22 base64url characters"
        raise ValueError(msg)
    if claims.consent.d and not frozenset(claims.consent.g).isdisjoint(claims.consent.d):
        msg = "a purpose is both granted and refused"
        raise ValueError(msg)
    if claims.consent.a and not frozenset(claims.consent.a).issubset(claims.consent.g):
        msg = "a purpose is assisted and not granted"
        raise ValueError(msg)
    if claims.act is not UNSET and _actors(claims.act) > MAX_ACTORS:
        msg = "act is nested at most twice"
        raise ValueError(msg)
    return claims


def _actors(actor: Actor | UnsetType) -> int:
    count = 0
    while actor is not UNSET:
        actor, count = actor.act, count + 1
    return count


def _check_own(claims: ConsentClaims, payload: bytes) -> None:
    try:
        read_back = read_claims(payload)
    except ValueError as error:
        raise MalformedError("bad_claims", str(error), where="claims") from error
    if read_back != claims:
        raise MalformedError("bad_claims", "the claims do not read back as written", where="claims")
    if not 0 < claims.exp - claims.iat <= MAX_LIFETIME_S:
        raise MalformedError(
            "bad_lifetime", f"a token lives more than 0 and at most {MAX_LIFETIME_S} s", where="exp"
        )
    for purpose in (*claims.consent.g, *claims.consent.d):
        if not is_well_formed(purpose):
            raise MalformedError("bad_purpose", "not a purpose's slug", where="consent")
