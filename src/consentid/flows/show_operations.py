"""What the operators' page tells: every system, and what was given up for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consentid.brandbook.book import Book
from consentid.flows.context import Context
from consentid.flows.show_propagation import deadline
from consentid.kit.instants import Instant
from consentid.store import clock, deliveries, systems
from consentid.store.deliveries import DEAD, LogEntry
from consentid.store.systems import System

_MOST_DEAD: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """All of it, as of one instant."""

    book: Book
    now: Instant
    systems: Sequence[System]
    dead: Mapping[int, Sequence[LogEntry]]
    """The newest that was given up, by endpoint."""


async def show_operations(context: Context) -> Operations:
    """Look.

    Raises:
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
        now = await clock.now(connection)
        found = await systems.every(connection, before=deadline(context.settings, now))
        dead = {
            each.number: await deliveries.log(
                connection, each.number, states=(DEAD,), most=_MOST_DEAD
            )
            for each in found
            if each.number is not None and each.dead
        }
    return Operations(book=book, now=now, systems=found, dead=dead)
