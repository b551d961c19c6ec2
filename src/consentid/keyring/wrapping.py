"""Per-subject keys: what a decision's body is stored under, and what makes its commitment salt.

Each subject has one random 32-byte key, stored only wrapped under the master key.  From it come
two keys that never meet: one seals bodies, one salts commitments.  Destroying the subject's key
makes bodies unreadable and commitments unlinkable, and every proof still verifies.

The encodings here are stored for years and never change; a new one takes a new first byte.
Spec: NIST SP 800-38D (AES-GCM), RFC 5869 (HKDF).
"""

from collections.abc import Callable
from functools import cached_property
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consentid.kit.errors import UnreadableError
from consentid.kit.mac import Mac
from consentid.ledger.commitment import commit

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12

_VERSION: Final = b"\x01"
_TAG_BYTES: Final = 16
_WRAP_LABEL: Final = b"consentid/wrap/1\0"
_SEAL_LABEL: Final = b"consentid/seal/1\0"
_SALT_LABEL: Final = b"consentid/salt/1\0"


@final
class RootKey(bytes):
    """A key that others are derived from, each once while it is at hand."""

    @cached_property
    def sealing(self) -> AESGCM:
        """What seals bodies."""
        return AESGCM(_derive(self, _SEAL_LABEL))

    @cached_property
    def salting(self) -> Mac:
        """What salts commitments."""
        return Mac(_derive(self, _SALT_LABEL))


def new_subject_key(randomness: Callable[[int], bytes]) -> RootKey:
    """Make a subject's key.  32 bytes."""
    return RootKey(_sized("the subject's key", randomness(KEY_BYTES), KEY_BYTES))


def wrap(master: bytes, subject_id: bytes, key: bytes, *, nonce: bytes) -> bytes:
    """Wrap a subject's key, bound to the subject.  61 bytes: version, nonce, key, tag.

    ``nonce`` is 12 random bytes, never used before under this master key.

    Raises:
        ValueError: a key or the nonce has the wrong length.
    """
    _sized("the subject's key", key, KEY_BYTES)
    return _encrypt(_cipher(master), key, nonce, _WRAP_LABEL + subject_id)


def unwrap(master: bytes, subject_id: bytes, wrapped: bytes) -> RootKey:
    """Unwrap a subject's key.  32 bytes.

    Raises:
        UnreadableError: another master key, another subject, or changed bytes.
    """
    return RootKey(_decrypt(_cipher(master), wrapped, _WRAP_LABEL + subject_id))


def seal(subject_key: bytes, plaintext: bytes, *, nonce: bytes, aad: bytes) -> bytes:
    """Encrypt a body under its subject's key.  29 bytes longer: version, nonce, tag.

    ``nonce`` is 12 random bytes; ``aad`` names what the body belongs to, for example the
    decision's id, so that bodies cannot be exchanged.

    Raises:
        ValueError: the key or the nonce has the wrong length.
    """
    return _encrypt(_root(subject_key).sealing, plaintext, nonce, aad)


def open_sealed(subject_key: bytes, sealed: bytes, *, aad: bytes) -> bytes:
    """Decrypt a body.

    Raises:
        UnreadableError: another key, another ``aad``, or changed bytes.
    """
    return _decrypt(_root(subject_key).sealing, sealed, aad)


def commitment_salt(subject_key: bytes, event_id: bytes) -> bytes:
    """The salt of one event's commitment.  32 bytes, unguessable without the subject's key."""
    return _root(subject_key).salting.digest(event_id)


commitment = commit


def _derive(subject_key: bytes, label: bytes) -> bytes:
    """HKDF's expansion where one block is all: HMAC(key, label || 1).  32 bytes."""
    _sized("the subject's key", subject_key, KEY_BYTES)
    return Mac(subject_key).digest(label + b"\x01")


def _root(key: bytes) -> RootKey:
    return key if isinstance(key, RootKey) else RootKey(key)


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(_sized("the key", key, KEY_BYTES))


def _encrypt(cipher: AESGCM, plaintext: bytes, nonce: bytes, aad: bytes) -> bytes:
    _sized("the nonce", nonce, NONCE_BYTES)
    return _VERSION + nonce + cipher.encrypt(nonce, plaintext, _VERSION + aad)


def _decrypt(cipher: AESGCM, sealed: bytes, aad: bytes) -> bytes:
    if len(sealed) < 1 + NONCE_BYTES + _TAG_BYTES or sealed[:1] != _VERSION:
        raise UnreadableError("bad_sealed", "not sealed by this version, or cut short")
    nonce, ciphertext = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return cipher.decrypt(nonce, ciphertext, _VERSION + aad)
    except InvalidTag as error:
        raise UnreadableError(
            "bad_sealed", "sealed under another key or for another place, or changed since"
        ) from error


def _sized(what: str, value: bytes, length: int) -> bytes:
    if len(value) != length:
        msg = f"{what} is {length} bytes, not {len(value)}"
        raise ValueError(msg)
    return value
