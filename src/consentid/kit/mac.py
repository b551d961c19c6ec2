"""HMAC-SHA-256 under a key that is used again: what comes of the key alone is worked out once.

Spec: RFC 2104.
"""

from typing import Final, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC


@final
class Mac:
    """One key."""

    __slots__: Final = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed: Final = HMAC(key, SHA256())

    def digest(self, message: bytes) -> bytes:
        """The code of a message.  32 bytes."""
        taken = self._keyed.copy()
        taken.update(message)
        return taken.finalize()
