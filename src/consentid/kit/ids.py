"""Time-ordered identifiers.  Spec: RFC 9562 section 5.7 (UUIDv7)."""

from typing import Final
from uuid import UUID

from consentid.kit.instants import Instant

RANDOM_BYTES: Final = 10


def uuid7(instant: Instant, randomness: bytes) -> UUID:
    """Make a UUIDv7 from an instant and 10 random bytes.

    Raises:
        ValueError: ``randomness`` is not 10 bytes long.
    """
    if len(randomness) != RANDOM_BYTES:
        msg = f"a UUIDv7 takes {RANDOM_BYTES} random bytes, not {len(randomness)}"
        raise ValueError(msg)
    milliseconds = (instant // 1000) & 0xFFFF_FFFF_FFFF
    rand_a = int.from_bytes(randomness[:2], "big") & 0x0FFF
    rand_b = int.from_bytes(randomness[2:], "big") & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


def made_at(id_: UUID) -> Instant:
    """When a UUIDv7 was made, to the millisecond before."""
    return Instant((id_.int >> 80) * 1000)
