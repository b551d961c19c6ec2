"""The database's clock, which every online act is timed by."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import InstantType


async def now(connection: AsyncConnection) -> Instant:
    """The instant of this very statement, not of the transaction's begin."""
    statement = select(func.clock_timestamp(type_=InstantType))
    instant: Instant = (await connection.execute(statement)).scalar_one()
    return instant
