"""Take note of a browser's signals: recorded once, and again only after they were seen off."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import Surface
from consentid.core.decision import Channel, Decision, DecisionId, SignalSource
from consentid.core.signal import Seen, observe, signal_decision
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.session import Session
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store import signals


async def signal_decisions(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    caller: Caller,
    session: Session,
    *,
    seen: Mapping[SignalSource, bool],
    at: Instant,
) -> list[Decision]:
    """The refusals that newly seen signals make, each a microsecond after the one before.

    The caller holds the subject's lock, and commits what is returned.
    """
    decisions: list[Decision] = []
    device = session.subject.id if session.device is None else session.device.id
    for source, is_on in sorted(seen.items()):
        was_on = await signals.was_on(
            connection, subject=session.subject.id, device=device, source=source
        )
        remembered, is_new = observe(Seen.ON if was_on else Seen.OFF, is_on=is_on)
        await signals.save(
            connection,
            subject=session.subject.id,
            device=device,
            source=source,
            is_on=remembered is Seen.ON,
        )
        if not is_new:
            continue
        recorded_at = Instant(at + len(decisions))
        decision = signal_decision(
            id_=DecisionId(uuid7(recorded_at, context.randomness(RANDOM_BYTES))),
            subject=session.subject.id,
            source=source,
            mapped=book.group.signals.get(source, ()),
            catalogue=book.catalogue,
            channel=Channel(Surface(caller.client.surface)),
            actor=caller.client.client_id,
            recorded_at=recorded_at,
        )
        if decision is not None:
            decisions.append(decision)
    return decisions
