"""The key that signs the log's checkpoints, apart from those that sign tokens.

It is asked for by whoever sequences, and by nobody else.  Spec: RFC 8032 (Ed25519).
"""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consentid.keyring.generating import LEDGER
from consentid.keyring.loading import load_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerKey:
    """An Ed25519 key."""

    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public half.  32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Sign.  64 bytes; the same message has the same signature."""
        return self.private.sign(message)


def load_ledger_key(folder: Path) -> LedgerKey:
    """The log's key of a keyring's folder.

    Raises:
        NotFoundError: there is none.
        MalformedError: it is open to others, or not what it should be.
    """
    return LedgerKey(private=Ed25519PrivateKey.from_private_bytes(load_secret(folder / LEDGER)))
