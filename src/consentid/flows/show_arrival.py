"""Where a person's own answers have arrived: told to that person, and to nobody else.

A system that does not know the person was told nothing, so there is nothing to tell of it.  What an
act was told by is kept as long as events are (``keep_events_d``).
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.tell_receiver import event_id_of
from consentid.store import systems
from consentid.store.systems import Arrival


async def show_arrivals(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: SubjectId,
    decisions: Collection[UUID],
) -> Mapping[UUID, tuple[Arrival, ...]]:
    """By decision, every system that was to hear of it; none where it is not told yet."""
    named = {
        event_id_of(context, party, decision): decision
        for decision in decisions
        for party in book.catalogue.parties
    }
    found: dict[UUID, list[Arrival]] = {}
    for each in await systems.arrivals_of_subject(connection, subject, named.keys()):
        found.setdefault(named[each.event_id], []).append(each)
    return {decision: tuple(those) for decision, those in found.items()}
