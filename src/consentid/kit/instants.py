"""Instants and durations as integers.

An ``Instant`` counts microseconds since 1970-01-01T00:00:00Z.  Integers compare, hash and
serialise exactly, which the resolution rule needs.  Spec: RFC 3339 for the text form.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NewType

Instant = NewType("Instant", int)
"""Microseconds since the Unix epoch, UTC."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TO_OFFSET: Final = -len("+00:00")


def from_datetime(moment: datetime) -> Instant:
    """Convert an aware datetime.

    Raises:
        ValueError: the datetime has no time zone.
    """
    if moment.tzinfo is None:
        msg = "a datetime without a time zone names no instant"
        raise ValueError(msg)
    return Instant((moment - _EPOCH) // timedelta(microseconds=1))


@lru_cache(maxsize=64)
def to_datetime(instant: Instant) -> datetime:
    """Convert to an aware datetime in UTC.  One act asks a dozen times for the same few."""
    return _EPOCH + timedelta(microseconds=instant)


def from_seconds(seconds: int) -> Instant:
    """Convert whole Unix seconds, as JWT claims carry them."""
    return Instant(seconds * SECOND)


def to_seconds(instant: Instant) -> int:
    """Whole Unix seconds, rounded down."""
    return instant // SECOND


@lru_cache(maxsize=64)
def to_rfc3339(instant: Instant) -> str:
    """Text form in UTC with microseconds: ``2026-11-22T10:00:00.000000Z``.  Spec: RFC 3339."""
    return f"{to_datetime(instant).isoformat(timespec='microseconds')[:_TO_OFFSET]}Z"
