"""Keys for one job each, derived from the master key.  Spec: RFC 5869 (HKDF, expand only)."""

from enum import StrEnum
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from consentid.keyring.wrapping import RootKey

KEY_BYTES: Final = 32


class Job(StrEnum):
    """What a derived key is for."""

    IDENTITY = "identity/1"
    """Looking up a portal identity without keeping it."""
    REQUEST = "request/1"
    """Comparing a repeated request with the first without keeping it."""
    REFERENCE = "reference/1"
    """Sealing the opaque references that we hand out."""
    USER_CODE = "user-code/1"
    """Looking up a device's user code, too short for a plain hash, without keeping it."""
    SUPPORT_CODE = "support-code/1"
    """Looking up the code that a person tells support, too short for a plain hash."""
    ERASURE = "erasure/1"
    """Knowing again who is to be forgotten, without naming them."""
    CAPTURE = "capture/1"
    """Knowing again who captured something, and by what evidence, without keeping either."""
    EVENT = "event/1"
    """Sealing events that no subject's key may seal."""
    MAIL = "mail/1"
    """Counting how often somebody is written to, without keeping the address."""
    WEBHOOK = "webhook/1"
    """Sealing the secrets that webhooks are signed with."""
    FIELD_BUNDLE = "field-bundle/1"
    """Sealing what a capture device sent, of nobody that is known yet."""
    TOKEN = "token/1"  # noqa: S105 - a label
    """Knowing our own tokens from others that bear our signature."""


@lru_cache(maxsize=16)
def derived_key(master: bytes, job: Job) -> RootKey:
    """The key for one job.  32 bytes."""
    return RootKey(HKDFExpand(SHA256(), KEY_BYTES, f"consentid/{job}\0".encode()).derive(master))
