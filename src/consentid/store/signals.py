"""Which signals were last seen on, per subject and device."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SignalSource, SubjectId
from consentid.store.tables import signals_seen


async def find_on(
    connection: AsyncConnection, *, subject: SubjectId, device: SubjectId
) -> frozenset[SignalSource]:
    """The signals that were on when last seen."""
    table = signals_seen.c
    found = await connection.scalars(
        select(table.source).where(
            table.subject_id == subject, table.device_id == device, table.is_on
        )
    )
    return frozenset(map(SignalSource, found))


async def save(
    connection: AsyncConnection,
    *,
    subject: SubjectId,
    device: SubjectId,
    source: SignalSource,
    is_on: bool,
) -> None:
    """Keep how the signal was seen."""
    statement = insert(signals_seen).values(
        subject_id=subject, device_id=device, source=source, is_on=is_on
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["subject_id", "device_id", "source"], set_={"is_on": is_on}
        )
    )
