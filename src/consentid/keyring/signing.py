"""A private key that signs: one key, one algorithm.  Spec: RFC 7518 sections 3.3 and 3.4."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from consentid.keyring.manifest import Algorithm
from consentid.kit.errors import MalformedError
from consentid.tokens import jwks

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

RSA_BITS: Final = 2_048
_RSA_EXPONENT: Final = 65_537
# Deterministic (RFC 6979): a repeated request is answered with the very same token, and a weak
# source of randomness cannot leak the key.
_ES256: Final = ec.ECDSA(SHA256(), deterministic_signing=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs with the one algorithm it was made for."""

    kid: str
    alg: Algorithm
    private: PrivateKey = field(repr=False)

    def sign(self, signing_input: bytes) -> bytes:
        """Sign.  64 bytes r||s for ES256, 256 bytes for RS256."""
        match self.private:
            case ec.EllipticCurvePrivateKey():
                r, s = decode_dss_signature(self.private.sign(signing_input, _ES256))
                return r.to_bytes(32) + s.to_bytes(32)
            case rsa.RSAPrivateKey():
                return self.private.sign(signing_input, padding.PKCS1v15(), SHA256())

    def jwk(self) -> dict[str, str]:
        """The public half, as it is published."""
        return jwks.jwk(self.kid, self.private.public_key())


def generate(algorithm: Algorithm) -> SigningKey:
    """Make a key.  Its randomness is the crypto library's own; RS256 takes a good part of 1 s."""
    private: PrivateKey
    match algorithm:
        case Algorithm.ES256:
            private = ec.generate_private_key(ec.SECP256R1())
        case Algorithm.RS256:
            private = rsa.generate_private_key(_RSA_EXPONENT, RSA_BITS)
    return SigningKey(kid=jwks.kid_of(private.public_key()), alg=algorithm, private=private)


def to_pem(key: SigningKey) -> bytes:
    """The private key as PKCS #8 in PEM, unencrypted: its protection is its file's mode."""
    return key.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def from_pem(kid: str, algorithm: Algorithm, pem: bytes) -> SigningKey:
    """Read a private key.

    Raises:
        MalformedError: not an unencrypted PEM key of the algorithm's kind.
    """
    where = f"{kid}.pem"
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise MalformedError(
            "bad_key_file", f"{where} is not an unencrypted PEM private key", where=where
        ) from error
    match algorithm, private:
        case Algorithm.ES256, ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return SigningKey(kid=kid, alg=algorithm, private=private)
        case Algorithm.RS256, rsa.RSAPrivateKey() if private.key_size >= RSA_BITS:
            return SigningKey(kid=kid, alg=algorithm, private=private)
        case _:
            raise MalformedError(
                "bad_key_file", f"{where} is not a key for {algorithm}", where=where
            )
