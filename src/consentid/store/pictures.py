"""Pictures of notices as they were shown."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.store.tables import entry_bodies, notice_pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """One picture, as the entry of the log commits to it."""

    event_id: UUID
    notice: bytes
    """SHA-256 of the notice's canonical text.  32 bytes."""
    layout: bytes | None
    """SHA-256 of how it was laid out; None where nobody says.  32 bytes."""
    digest: bytes
    """SHA-256 of the image.  32 bytes."""
    image: bytes
    """A PNG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPicture:
    """That there is one, without its image."""

    event_id: UUID
    notice: bytes
    layout: bytes | None
    digest: bytes


async def add(connection: AsyncConnection, row: PictureRow) -> None:
    """Keep one, in the transaction that stages its entry."""
    await connection.execute(
        insert(notice_pictures).values(
            event_id=row.event_id,
            notice=row.notice,
            layout=row.layout,
            digest=row.digest,
            image=row.image,
        )
    )


async def of_notice(connection: AsyncConnection, notice: bytes) -> Sequence[PictureRow]:
    """The pictures of one text in one language, the first first."""
    rows = await connection.execute(
        select(notice_pictures)
        .where(notice_pictures.c.notice == notice)
        .order_by(notice_pictures.c.event_id)
    )
    return [_row(row) for row in rows]


async def kept_of(connection: AsyncConnection, notices: Collection[bytes]) -> Sequence[KeptPicture]:
    """Which pictures there are of some texts, the first first."""
    columns = notice_pictures.c
    rows = await connection.execute(
        select(columns.event_id, columns.notice, columns.layout, columns.digest)
        .where(columns.notice.in_(notices))
        .order_by(columns.event_id)
    )
    return [
        KeptPicture(event_id=row.event_id, notice=row.notice, layout=row.layout, digest=row.digest)
        for row in rows
    ]


async def find_same(
    connection: AsyncConnection, *, notice: bytes, layout: bytes | None, digest: bytes
) -> UUID | None:
    """The entry that brought the very same picture of the very same thing."""
    return await connection.scalar(
        select(notice_pictures.c.event_id).where(
            notice_pictures.c.notice == notice,
            notice_pictures.c.layout.is_not_distinct_from(layout),
            notice_pictures.c.digest == digest,
        )
    )


async def with_bodies(
    connection: AsyncConnection,
) -> AsyncGenerator[tuple[PictureRow, bytes | None]]:
    """Every picture, and what its entry says; None where there is no such entry."""
    ids = (await connection.scalars(select(notice_pictures.c.event_id))).all()
    statement = select(notice_pictures, entry_bodies.c.body).join_from(
        notice_pictures,
        entry_bodies,
        entry_bodies.c.event_id == notice_pictures.c.event_id,
        isouter=True,
    )
    for id_ in sorted(ids):  # one at a time: each may be large
        row = (await connection.execute(statement.where(notice_pictures.c.event_id == id_))).one()
        yield _row(row), row.body


async def missing(connection: AsyncConnection) -> Sequence[UUID]:
    """Entries that speak of a picture which is not there."""
    is_there = exists().where(notice_pictures.c.event_id == entry_bodies.c.event_id)
    found = await connection.scalars(
        select(entry_bodies.c.event_id).where(
            entry_bodies.c.kind == "notice",
            text("position(convert_to('\"picture\"\\:', 'UTF8') IN entry_bodies.body) > 0"),
            ~is_there,
        )
    )
    return found.all()


def _row(row: Row[*tuple[Any, ...]]) -> PictureRow:
    return PictureRow(
        event_id=row.event_id,
        notice=row.notice,
        layout=row.layout,
        digest=row.digest,
        image=row.image,
    )
