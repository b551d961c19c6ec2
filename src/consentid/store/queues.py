"""How much work lies in the database and waits for a worker, and for how long the oldest has.

Counted up to a bound, so that a long queue costs no more to look at than a bounded one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MOST: Final = 100_000
"""A queue that is longer is told as this long."""

_LOOK: Final = text(
    """
    SELECT 'logout_notices', count(*), extract(epoch FROM clock_timestamp() - min(at))
      FROM (SELECT queued_at AS at FROM logout_notices LIMIT :most) AS waiting
    UNION ALL
    SELECT 'status_list_flips', count(*), extract(epoch FROM clock_timestamp() - min(at))
      FROM (SELECT revoked_at AS at FROM status_indices
            WHERE revoked_at IS NOT NULL AND NOT is_published LIMIT :most) AS waiting
    UNION ALL
    SELECT 'token_restatements', count(*), NULL
      FROM (SELECT 1 FROM audience_states AS states
            WHERE catalogue < (SELECT max(version) FROM catalogues)
              AND EXISTS (SELECT 1 FROM subject_keys AS keys
                          WHERE keys.subject_id = states.subject_id)
            LIMIT :most) AS waiting
    UNION ALL
    SELECT 'held_captures', count(*), extract(epoch FROM clock_timestamp() - min(at))
      FROM (SELECT recorded_at AS at FROM captures
            WHERE state = 'held' LIMIT :most) AS waiting
    UNION ALL
    SELECT 'mails', count(*), NULL FROM (SELECT 1 FROM mails LIMIT :most) AS waiting
    UNION ALL
    SELECT 'outbox', count(*), extract(epoch FROM clock_timestamp() - min(at))
      FROM (SELECT created_at AS at FROM outbox ORDER BY seq LIMIT :most) AS waiting
    UNION ALL
    SELECT 'ledger_entries', count(*), extract(epoch FROM clock_timestamp() - min(at))
      FROM (SELECT staged_at AS at FROM staged_entries ORDER BY seq LIMIT :most) AS waiting
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """One queue."""

    name: str
    waiting: int
    oldest_s: float | None
    """None of an empty queue, and of one that does not say."""


async def depths(connection: AsyncConnection) -> Sequence[Depth]:
    """Every queue, of the whole installation."""
    return [
        Depth(name=name, waiting=waiting, oldest_s=None if oldest_s is None else float(oldest_s))
        for name, waiting, oldest_s in await connection.execute(_LOOK, {"most": MOST})
    ]
