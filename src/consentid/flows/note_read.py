"""Every read of a person's data by a client is a row that the person can see.

Rows are counts by subject, client, kind and hour.  They are noted in memory on the way of the
answer and written by a task of the web process, so that no answer waits for them.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.read_buffer import Read, ReadKind
from consentid.kit.instants import HOUR, Instant
from consentid.store import clock, reads, statuses, subjects
from consentid.store.reads import ReadRow
from consentid.store.statuses import StatusIndex

_AT_ONCE: Final = 2_000


def note_read(
    context: Context, subject: SubjectId | StatusIndex, client_id: str, kind: ReadKind
) -> None:
    """Note that a client was told something of a subject.  Waits for nothing.

    ``subject`` may be the place of one of its tokens in a status list.
    """
    context.reads.note((subject, client_id, kind))


async def write_reads(context: Context) -> int:
    """Write down what was noted; returns how many rows were touched.

    What could not be written is kept for the next time.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    left = dict(context.reads.take())
    written = 0
    try:
        while left:
            some = list(islice(left, _AT_ONCE))
            async with context.database.writing() as connection:
                rows = await _rows(connection, {read: left[read] for read in some})
                await reads.add(connection, rows)
            written += len(rows)
            for read in some:
                del left[read]
    finally:
        if left:
            context.reads.give_back(left)
    return written


async def _rows(connection: AsyncConnection, counts: Mapping[Read, int]) -> list[ReadRow]:
    """One row per subject, client and kind; what no subject stands behind any more is left out."""
    now = await clock.now(connection)
    hour = Instant(now - now % HOUR)
    places = [of for of, _, _ in counts if isinstance(of, StatusIndex)]
    holders = await statuses.find_holders(connection, places)
    subjects_of = {holders.get(of) if isinstance(of, StatusIndex) else of for of, _, _ in counts}
    known = await subjects.hold(connection, [each for each in subjects_of if each is not None])
    found: Counter[tuple[SubjectId, str, str]] = Counter()
    for (of, client_id, kind), count in counts.items():
        subject = holders.get(of) if isinstance(of, StatusIndex) else of
        if subject is not None and subject in known:
            found[subject, client_id, kind] += count
    # Sorted, so that two nodes that touch the same rows do not wait for each other in turn.
    return [
        ReadRow(subject=subject, client_id=client_id, kind=kind, hour=hour, times=count)
        for (subject, client_id, kind), count in sorted(found.items())
    ]
