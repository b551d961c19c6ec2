"""Device codes that wait, many at a time: for a process that answers polls from memory.

``find_all`` learns codes, ``changed`` says which of those known are not as they were known,
``keep_polls`` writes down when devices asked.  No two processes ever wait for each other here.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant, from_datetime
from consentid.store.arrays import fetch

_AS_INSTANT: Final = "timestamptz 'epoch' + ({}.polled_s + $4) * interval '1 second'"
_TOLD: Final = """
unnest($1::bytea[], $2::float8[], $3::int[]) AS told (device_code_hash, polled_s, interval_s)
"""
_FIND: Final = """
SELECT device_code_hash, client_id, interval_s, polled_at, expires_at, clock_timestamp() AS now
FROM device_codes
WHERE device_code_hash = ANY ($1::bytea[]) AND status = 'pending'
  AND expires_at > clock_timestamp()
"""
# A process knows its own polls by its own clock: a tenth of a second is no news.
_CHANGED: Final = f"""
SELECT told.device_code_hash, kept.interval_s, kept.polled_at, clock_timestamp() AS now,
       coalesce(kept.status = 'pending' AND kept.expires_at > clock_timestamp(), false) AS waits,
       coalesce(kept.status = 'pending' AND kept.expires_at <= clock_timestamp(), false)
         AS has_expired
FROM {_TOLD} LEFT JOIN device_codes AS kept USING (device_code_hash)
WHERE kept.status IS DISTINCT FROM 'pending' OR kept.expires_at <= clock_timestamp()
   OR kept.interval_s > told.interval_s
   OR kept.polled_at > {_AS_INSTANT.format("told")} + interval '100 milliseconds'
"""  # noqa: S608 - no word of it comes from outside
_KEEP: Final = f"""
UPDATE device_codes AS kept
SET polled_at = greatest(kept.polled_at, {_AS_INSTANT.format("held")}),
    interval_s = greatest(kept.interval_s, held.interval_s)
FROM (
  SELECT device_code_hash, told.polled_s, told.interval_s
  FROM {_TOLD} JOIN device_codes USING (device_code_hash)
  WHERE status = 'pending' FOR UPDATE OF device_codes SKIP LOCKED
) AS held
WHERE kept.device_code_hash = held.device_code_hash
"""  # noqa: S608 - as above


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPolls:
    """Codes as a process knows them, a list for each column.

    There may be ten thousand, every second: as rows they would be as many objects.
    """

    hashes: list[bytes]
    polled_s: list[float]
    """When each was polled last, by the process's clock."""
    intervals_s: list[int]
    ahead_s: float
    """From the process's clock to seconds of the Unix epoch by the database's."""

    def pages(self, most: int) -> Iterator["KnownPolls"]:
        """The same, at most so many at a time."""
        for begin in range(0, len(self.hashes), most):
            part = slice(begin, begin + most)
            yield KnownPolls(
                hashes=self.hashes[part],
                polled_s=self.polled_s[part],
                intervals_s=self.intervals_s[part],
                ahead_s=self.ahead_s,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCode:
    """A code that nobody has answered."""

    client_id: str
    interval_s: int
    polled_ago_us: int | None
    """From its last poll to the question, microseconds; None where there was none."""
    left_us: int
    """From the question to its end."""
    now: Instant
    """The database's clock at the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCode:
    """A code that is not as it was known."""

    waits: bool
    """Whether it still waits: nobody answered, and its time is not up."""
    has_expired: bool
    """Whether its time was up before anybody answered."""
    interval_s: int
    polled_ago_us: int | None


async def plan_anew(connection: AsyncConnection) -> None:
    """Let this connection plan for the arrays at hand: a plan for ten codes is none for thousands.

    It stays so, which costs whoever has the connection next a moment and nothing else.
    """
    await connection.exec_driver_sql("SET plan_cache_mode = force_custom_plan")


async def find_all(
    connection: AsyncConnection, hashes: Collection[bytes]
) -> Mapping[bytes, WaitingCode]:
    """Those of some codes that wait; answered, expired and unknown ones are left out."""
    return {
        row["device_code_hash"]: WaitingCode(
            client_id=row["client_id"],
            interval_s=row["interval_s"],
            polled_ago_us=_polled_ago(row),
            left_us=from_datetime(row["expires_at"]) - from_datetime(row["now"]),
            now=from_datetime(row["now"]),
        )
        for row in await fetch(connection, _FIND, list(hashes))
    }


async def changed(connection: AsyncConnection, known: KnownPolls) -> Mapping[bytes, ChangedCode]:
    """Those that are not as they are known: answered, expired, gone, or polled elsewhere."""
    return {
        row["device_code_hash"]: ChangedCode(
            waits=row["waits"],
            has_expired=row["has_expired"],
            interval_s=row["interval_s"] or 0,
            polled_ago_us=_polled_ago(row),
        )
        for row in await fetch(connection, _CHANGED, *_parameters(known))
    }


async def keep_polls(connection: AsyncConnection, polls: KnownPolls) -> None:
    """Write down when devices asked, and how long they have to wait.

    A code that somebody else holds just now is left out: nobody waits for anybody.
    """
    await fetch(connection, _KEEP, *_parameters(polls))


def _parameters(polls: KnownPolls) -> tuple[list[bytes], list[float], list[int], float]:
    return polls.hashes, polls.polled_s, polls.intervals_s, polls.ahead_s


def _polled_ago(row: RowMapping) -> int | None:
    polled_at = row["polled_at"]
    return None if polled_at is None else from_datetime(row["now"]) - from_datetime(polled_at)
