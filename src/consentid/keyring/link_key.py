"""The key that consent links are sealed to: derived from the master key, so it lies in no file.

It opens what a link says of its question and its addressee's mask, and signs nothing.  It changes
with the master key alone, which does not change; another label would make another one.
Spec: RFC 5869 (HKDF, expand only), FIPS 186-5 appendix A.2.1 (extra random bits).
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from consentid.tokens import jwks

_LABEL: Final = b"consentid/link-key/1\0"
_BYTES: Final = 48
"""128 bits more than the order has: what is left after the division leans to no number."""
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkKey:
    """A P-256 key for ECDH-ES."""

    kid: str
    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """What links are sealed to."""
        return self.private.public_key()

    def jwk(self) -> dict[str, str]:
        """The public half, as it is published."""
        return jwks.sealing_jwk(self.kid, self.public)


@lru_cache(maxsize=4)
def link_key(master: bytes) -> LinkKey:
    """The link key of a keyring, by its master key."""
    drawn = int.from_bytes(HKDFExpand(SHA256(), _BYTES, _LABEL).derive(master))
    private = ec.derive_private_key(drawn % (_P256_ORDER - 1) + 1, ec.SECP256R1())
    return LinkKey(kid=jwks.kid_of(private.public_key()), private=private)
