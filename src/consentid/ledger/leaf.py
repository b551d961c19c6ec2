"""A leaf of the log: a closed canonical structure without personal data.

A leaf commits to a record by ``SHA-256(tag || salt || canonical body)``; without the salt, which is
derived from the subject's key, it tells nothing.  Shipped encodings never change.
Spec: RFC 8785 (canonical form).
"""

from enum import StrEnum
from typing import Final
from uuid import UUID

from consentid.kit import canonical
from consentid.kit.instants import Instant

VERSION: Final = 1


class Kind(StrEnum):
    """What an entry is about.  The list is closed and goes with ``VERSION``."""

    DECISION = "decision"
    SIGNAL = "signal"
    LINK = "link"
    UNLINK = "unlink"
    CLAIM = "claim"
    CAPTURE = "capture"
    DISPUTE = "dispute"
    CATALOGUE = "catalogue"
    NOTICE = "notice"
    CLIENT = "client"
    KEY = "key"
    POLICY = "policy"
    ADMIN = "admin"
    REQUEST = "request"
    PREFERENCE = "preference"
    IMPORT = "import"
    ERASE = "erase"
    EXPORT = "export"


def encode_leaf(
    *, kind: Kind, event_id: UUID, at: Instant, origin: str, commitment: bytes
) -> bytes:
    """The bytes of one leaf.  ``origin`` names the log, ``commitment`` is 32 bytes."""
    return canonical.encode(
        {
            "v": VERSION,
            "kind": kind,
            "id": str(event_id),
            "time": at,
            "origin": origin,
            "commitment": commitment.hex(),
        }
    )


def origin_of(issuer: str) -> str:
    """The name of an issuer's log: its address without scheme.  Spec: C2SP tlog-checkpoint."""
    return f"{issuer.partition('://')[2].rstrip('/')}/ledger"
