"""Status lists that are left: no new token points into them, and in the end none does at all.

Lists are opened one after the other and left in that order.  Whoever's row points into a list that
is being left gets a place in another with its next token; the tokens of those who never come back
have expired by then, so a list that was left is of no use to anybody.
"""

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import status_indices, status_lists
from consentid.store.tables.metadata import InstantType


async def begin_leaving(connection: AsyncConnection, *, opened_before: Instant, at: Instant) -> int:
    """Let no new token point into lists that are full and so old; returns how many they are."""
    first_open = (
        select(func.min(status_lists.c.list_no)).where(status_lists.c.is_open).scalar_subquery()
    )
    begun = await connection.scalars(
        update(status_lists)
        .where(
            status_lists.c.leaving_at.is_(None),
            ~status_lists.c.is_open,
            status_lists.c.created_at < opened_before,
            func.coalesce(status_lists.c.list_no < first_open, True),
        )
        .values(leaving_at=at)
        .returning(status_lists.c.list_no)
    )
    return len(begun.all())


async def leave_next(connection: AsyncConnection, *, leaving_before: Instant, at: Instant) -> bool:
    """Forget the places of the oldest list that has been left for so long; whether there was one.

    Its number stays, without bits: nodes learn from it that they need not remember them.
    """
    list_no = await connection.scalar(
        select(status_lists.c.list_no)
        .where(
            status_lists.c.leaving_at < literal(leaving_before, InstantType),
            status_lists.c.left_at.is_(None),
        )
        .order_by(status_lists.c.list_no)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if list_no is None:
        return False
    await connection.execute(
        update(status_lists)
        .where(status_lists.c.list_no == list_no)
        .values(left_at=at, signed_at=at, bits=b"", token=None)
    )
    await connection.execute(delete(status_indices).where(status_indices.c.list_no == list_no))
    return True
