"""The status lists as they are published: which bits are set, and what was signed of them.

Spec: draft-ietf-oauth-status-list-21 section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.statuses import StatusIndex
from consentid.store.tables import status_indices, status_lists


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedList:
    """A signed status list."""

    list_no: int
    token: str
    signed_at: Instant


async def every(connection: AsyncConnection) -> Sequence[int]:
    """The numbers of all lists that tokens may point into."""
    rows = await connection.scalars(
        select(status_lists.c.list_no)
        .where(status_lists.c.left_at.is_(None))
        .order_by(status_lists.c.list_no)
    )
    return rows.all()


async def lock_bits(connection: AsyncConnection, list_no: int) -> tuple[bytes, Instant | None]:
    """A list's bits and when it was last signed, held for this transaction.

    Only other publishers wait: whoever takes an index refers to the list, and must neither wait for
    a publication nor, by never ceasing to come, keep it from happening.
    """
    row = (
        await connection.execute(
            select(status_lists.c.bits, status_lists.c.signed_at)
            .where(status_lists.c.list_no == list_no)
            .with_for_update(key_share=True)
        )
    ).one()
    return row.bits, row.signed_at


async def take_unpublished(connection: AsyncConnection, list_no: int) -> Sequence[int]:
    """The revoked indices whose bits are not set yet, marked as published."""
    rows = await connection.scalars(
        update(status_indices)
        .where(
            status_indices.c.list_no == list_no,
            status_indices.c.revoked_at.is_not(None),
            ~status_indices.c.is_published,
        )
        .values(is_published=True)
        .returning(status_indices.c.idx)
    )
    return rows.all()


async def add_decoy(connection: AsyncConnection, status: StatusIndex, *, at: Instant) -> bool:
    """Revoke an index that nobody holds; false where somebody does.

    A decoy's bit is set in the very window that draws it; it calls for no other.
    """
    statement = (
        insert(status_indices)
        .values(list_no=status.list_no, idx=status.idx, revoked_at=at, is_published=True)
        .on_conflict_do_nothing()
        .returning(status_indices.c.idx)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def save(
    connection: AsyncConnection, *, list_no: int, bits: bytes, token: str, signed_at: Instant
) -> None:
    """Publish a list."""
    await connection.execute(
        update(status_lists)
        .where(status_lists.c.list_no == list_no)
        .values(bits=bits, token=token, signed_at=signed_at)
    )


async def find_published(connection: AsyncConnection, list_no: int) -> PublishedList | None:
    """The newest signed form of a list."""
    row = (
        await connection.execute(
            select(status_lists.c.token, status_lists.c.signed_at).where(
                status_lists.c.list_no == list_no, status_lists.c.token.is_not(None)
            )
        )
    ).one_or_none()
    if row is None:
        return None
    return PublishedList(list_no=list_no, token=row.token, signed_at=row.signed_at)
