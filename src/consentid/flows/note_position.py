"""Whoever comes back to the feed with a cursor has confirmed all that was before it.

Noted in memory on the way of the answer, and written within about a second.  What a killed process
did not write is confirmed by the consumer's next look.
"""

from consentid.flows.context import Context
from consentid.flows.event_cursor import Position
from consentid.store import confirmations


def note_position(context: Context, position: Position) -> None:
    """Note how far a consumer has come.  Waits for nothing."""
    stream_no = position.stream.stream_no
    context.positions[stream_no] = max(position.seq, context.positions.get(stream_no, 0))


async def write_positions(context: Context) -> int:
    """Write down what was noted; of how many streams.

    Raises:
        UnavailableError: the database cannot be reached; what was noted is kept.
    """
    noted = dict(context.positions)
    if noted:
        async with context.database.writing() as connection:
            await confirmations.mark(connection, confirmations.FEED, noted)
        for stream_no, seq in noted.items():
            if context.positions.get(stream_no) == seq:
                del context.positions[stream_no]
    return len(noted)
