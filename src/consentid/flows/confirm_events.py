"""A system calls back: what it was told has arrived with it, by whichever way."""

import msgspec

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.event_cursor import find_start, stream_of
from consentid.store import confirmations
from consentid.telemetry.tracing import step


class ConfirmedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    unknown: list[str]
    """Ids that this client was never told, or that are kept no more."""


@step("confirm_upto")
async def confirm_upto(context: Context, caller: Caller, unverified_cursor: str) -> ConfirmedOut:
    """All events up to a cursor have arrived.

    Raises:
        BadCursorError: it is another consumer's, or of a place that there is not yet.
        GoneError: what came after it is kept no more.
        UnavailableError: the database cannot be reached.
    """
    position = await find_start(context, caller, unverified_cursor)
    async with context.database.writing() as connection:
        await confirmations.mark(
            connection, confirmations.CALLED_BACK, {position.stream.stream_no: position.seq}
        )
    return ConfirmedOut(unknown=[])


@step("confirm_events")
async def confirm_events(context: Context, caller: Caller, ids: list[str]) -> ConfirmedOut:
    """Some events have arrived; nothing is said of those before them.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    stream = await stream_of(context, caller)
    async with context.database.writing() as connection:
        known = await confirmations.confirm(connection, stream.stream_no, ids)
    return ConfirmedOut(unknown=[each for each in ids if each not in known])
