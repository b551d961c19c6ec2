"""The database's clock, which every online act is timed by."""

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant, from_datetime
from consentid.store.arrays import fetch
from consentid.store.tables import InstantType, decisions

_NOW: Final = "SELECT clock_timestamp() AS now"


async def now(connection: AsyncConnection) -> Instant:
    """The instant of this very statement, not of the transaction's begin."""
    (row,) = await fetch(connection, _NOW)
    return from_datetime(row["now"])


async def now_after(connection: AsyncConnection, subject: SubjectId) -> Instant:
    """The instant of a subject's next act: now, and later than all that it did before.

    A clock that was set back (another server took over, an operator corrected it) would else let a
    withdrawal count as older than the grant that it takes back.  The caller holds the subject's
    lock.
    """
    newest = select(
        func.clock_timestamp(type_=InstantType),
        func.max(func.greatest(decisions.c.recorded_at, decisions.c.late), type_=InstantType),
    ).where(decisions.c.subject_id == subject)
    instant, last = (await connection.execute(newest)).one()
    return instant if last is None else Instant(max(instant, last + 1))
