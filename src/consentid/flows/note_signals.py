"""A signal that comes with a question, not with an answer: recorded once, as a refusal."""

from collections.abc import Collection

from consentid.core.decision import SignalSource
from consentid.flows.authenticate import Caller
from consentid.flows.commit_decisions import commit_decisions
from consentid.flows.context import Context
from consentid.flows.session import open_session
from consentid.flows.take_signals import take_signals
from consentid.store import clock, signals


async def note_signals(context: Context, caller: Caller, seen_on: Collection[SignalSource]) -> None:
    """Record signals that are on and were not when last seen.  Durable when it returns.

    Signals that do not come are not seen off: a question may come from where none is sent.

    Raises:
        ForbiddenError: no subject.
        UnauthenticatedError: the subject was erased.
        UnavailableError: the database cannot be reached.
    """
    subject = caller.require_subject()
    device = caller.device or subject
    async with context.database.reading() as connection:
        on = await signals.find_on(connection, subject=subject, device=device)
    if on.issuperset(seen_on):
        return
    async with context.database.writing() as connection:
        session = await open_session(
            context, connection, subject=subject, device=caller.device, lock=True
        )
        now = await clock.now_after(connection, session.subject.id)
        book = await context.book(connection)
        decisions = await take_signals(
            context, connection, book, caller, session, seen=dict.fromkeys(seen_on, True), at=now
        )
        if decisions:
            await commit_decisions(context, connection, book, session.subject, decisions, at=now)
