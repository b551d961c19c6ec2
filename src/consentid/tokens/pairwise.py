"""Identifiers that differ per sector, so that two brands or partners cannot join people by them.

A sector is ``str(Party)``: ``brand/news`` or ``partner/reach``.  One key per group, never rotated.
Spec: OpenID Connect Core section 8.1, with HMAC in place of its salted hash.
"""

from functools import lru_cache
from typing import Final

from consentid.kit import base64url
from consentid.kit.mac import Mac

KEY_BYTES: Final = 32
PAIRWISE_LENGTH: Final = 22
_KEPT_BYTES: Final = 16


def pairwise_sub(key: bytes, sector: str, subject: bytes) -> str:
    """The ``sub`` of a subject in a sector.  22 characters.

    Raises:
        ValueError: the key is not 32 bytes, or the sector holds NUL.
    """
    return _derive(b"sub/1", key, sector, subject)


def pairwise_decision_id(key: bytes, sector: str, decision: bytes) -> str:
    """A decision's id as one sector knows it.  22 characters.

    Raises:
        ValueError: the key is not 32 bytes, or the sector holds NUL.
    """
    return _derive(b"dec/1", key, sector, decision)


def pairwise_event_id(key: bytes, sector: str, event: bytes) -> str:
    """An event's id as one sector is told it.  22 characters.

    Raises:
        ValueError: the key is not 32 bytes, or the sector holds NUL.
    """
    return _derive(b"evt/1", key, sector, event)


def _derive(label: bytes, key: bytes, sector: str, value: bytes) -> str:
    if "\0" in sector:
        msg = "a sector cannot hold NUL, which ends it"
        raise ValueError(msg)
    mac = _mac(key).digest(b"\0".join((label, sector.encode(), value)))
    return base64url.encode(mac[:_KEPT_BYTES])


@lru_cache(maxsize=4)
def _mac(key: bytes) -> Mac:
    if len(key) != KEY_BYTES:
        msg = f"the pairwise key is {KEY_BYTES} bytes, not {len(key)}"
        raise ValueError(msg)
    return Mac(key)
