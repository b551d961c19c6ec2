"""Mint a link: a question is signed by who asks it, sealed to the hub, and put behind its address.

Nothing is sent and nobody is asked; whoever has the key, the hub's key set and a clock can do it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import UNSET

from consentid.kit import base64url
from consentid.kit.errors import MalformedError
from consentid.links.claims import (
    JTI_BYTES,
    MAX_LIFETIME_S,
    TYPE,
    LinkClaims,
    encode_claims,
    read_claims,
)
from consentid.links.masking import mask
from consentid.links.sealing import seal
from consentid.tokens import jwks, jws

PATH: Final = "/link"
USUAL_LIFETIME_S: Final = 7 * 86_400
_ES256: Final = ec.ECDSA(SHA256(), deterministic_signing=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, for one addressee."""

    purposes: tuple[str, ...]
    """One yes or no for all of them."""
    brand: str | None = None
    partner: str | None = None
    """Whom an answer is for: a brand or a partner."""
    addressee: str | None = None
    """An e-mail address or a telephone number.  Only its mask is in the link."""
    sub: str | None = None
    """The addressee as you know them: then they alone can answer, signed in or on their device."""
    capture: str | None = None
    language: str | None = None
    notice: int | None = None
    """The version of the notice that is meant; None for whichever is current when it is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minter:
    """Who asks: a client, and the P-256 key that it registered for links."""

    client_id: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def sign(self, signing_input: bytes) -> bytes:
        """Sign.  64 bytes, r then s."""
        r, s = decode_dss_signature(self.key.sign(signing_input, _ES256))
        return r.to_bytes(32) + s.to_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Whom a link is sealed to."""

    issuer: str
    kid: str
    key: ec.EllipticCurvePublicKey


def read_minter(client_id: str, pem: bytes) -> Minter:
    """A minter from its private key.

    Raises:
        MalformedError: no unencrypted P-256 key in PEM.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise _bad_key() from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad_key()
    return Minter(client_id=client_id, key=key)


def read_hub(issuer: str, document: bytes) -> Hub:
    """The hub by its issuer and what it serves at ``/link-keys.json``.

    Raises:
        MalformedError: no key set, or no key in it to seal to.
    """
    kid, key = jwks.read_sealing_key(document)
    return Hub(issuer=issuer, kid=kid, key=key)


def mint(
    question: Question,
    *,
    minter: Minter,
    hub: Hub,
    now_s: float,
    randomness: Callable[[int], bytes],
    lifetime_s: int = USUAL_LIFETIME_S,
) -> str:
    """The link, ready to be sent: about 900 characters.

    Args:
        question: what is asked, and whom.
        minter: who asks.
        hub: where it is answered.
        now_s: Unix seconds.
        randomness: gives that many unguessable bytes: ``secrets.token_bytes``.
        lifetime_s: until it expires; 30 days at most.

    Raises:
        MalformedError: the question cannot be asked like this.
    """
    said = draft(
        question,
        client_id=minter.client_id,
        issuer=hub.issuer,
        now_s=now_s,
        lifetime_s=lifetime_s,
        randomness=randomness,
    )
    signing_input = jws.signing_input(
        typ=TYPE,
        kid=jwks.kid_of(minter.key.public_key()),
        payload=encode_claims(said),
    )
    return address(hub, jws.assemble(signing_input, minter.sign(signing_input)))


def address(hub: Hub, signed: str) -> str:
    """The link of a question that is signed."""
    sealed = seal(signed, kid=hub.kid, key=hub.key)
    return f"{hub.issuer.rstrip('/')}{PATH}#{sealed}"


def draft(
    question: Question,
    *,
    client_id: str,
    issuer: str,
    now_s: float,
    lifetime_s: int,
    randomness: Callable[[int], bytes],
    ref: str | None = None,
) -> LinkClaims:
    """What a link is to say, in the very form that the hub will insist on.

    Raises:
        MalformedError: the question cannot be asked like this.
    """
    if not 0 < lifetime_s <= MAX_LIFETIME_S:
        raise MalformedError(
            "bad_lifetime", f"A link lives {MAX_LIFETIME_S} seconds at most.", where="lifetime_s"
        )
    said = LinkClaims(
        iss=client_id,
        aud=issuer,
        jti=base64url.encode(randomness(JTI_BYTES)),
        iat=int(now_s),
        exp=int(now_s) + lifetime_s,
        brand=UNSET if question.brand is None else question.brand,
        partner=UNSET if question.partner is None else question.partner,
        purposes=question.purposes,
        notice=UNSET if question.notice is None else question.notice,
        language=UNSET if question.language is None else question.language,
        sub=UNSET if question.sub is None else question.sub,
        capture=UNSET if question.capture is None else question.capture,
        ref=UNSET if ref is None else ref,
        hint=UNSET if question.addressee is None else mask(question.addressee),
    )
    try:
        return read_claims(encode_claims(said))
    except (msgspec.ValidationError, ValueError) as error:
        raise MalformedError("bad_question", f"This cannot be asked: {error}") from error


def _bad_key() -> MalformedError:
    return MalformedError(
        "bad_key_file",
        "A link is signed with an unencrypted P-256 private key in PEM.",
        where="key",
    )
