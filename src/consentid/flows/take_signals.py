"""Take note of signals in a transaction of one's own."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import Decision, SignalSource
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.observe_signals import observe_signals
from consentid.flows.session import Session
from consentid.kit.instants import Instant
from consentid.store import signals


async def take_signals(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    caller: Caller,
    session: Session,
    *,
    seen: Mapping[SignalSource, bool],
    at: Instant,
) -> list[Decision]:
    """Remember how signals were seen; the refusals that new ones make are the caller's to commit.

    The caller holds the subject's lock.
    """
    if not seen:
        return []
    subject = session.subject
    device = subject.id if session.device is None else session.device.id
    on_before = await signals.find_on(connection, subject=subject.id, device=device)
    observed = observe_signals(
        context, book, caller, subject, seen=seen, on_before=on_before, at=at
    )
    for source, is_on in observed.remembered.items():
        await signals.save(
            connection, subject=subject.id, device=device, source=source, is_on=is_on
        )
    return [*observed.decisions]
