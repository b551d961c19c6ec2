"""Which systems somebody was woken for: so that of all workers one says so, and once."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.store.arrays import fetch

_BEGIN: Final = """
INSERT INTO late_systems (system, since)
SELECT system, clock_timestamp() FROM unnest($1::text[]) AS late (system)
ON CONFLICT DO NOTHING RETURNING system
"""
_END: Final = "DELETE FROM late_systems WHERE NOT system = ANY ($1::text[]) RETURNING system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who is late for the first time, and who is no more."""

    begun: frozenset[str]
    ended: frozenset[str]


async def note(connection: AsyncConnection, late: Collection[str]) -> Change:
    """Keep who is late now.  Whoever is told of a change is the only one."""
    names = sorted(late)
    begun = await fetch(connection, _BEGIN, names)
    ended = await fetch(connection, _END, names)
    return Change(
        begun=frozenset(row["system"] for row in begun),
        ended=frozenset(row["system"] for row in ended),
    )
