"""Served notices: which text was handed out, to whom, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core import record
from consentid.core.decision import CatalogueVersion, ServedId, Showing, SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import decisions, record_forms, served_events, served_notices


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedNotice:
    """One answer of the catalogue."""

    id: ServedId
    client_id: str
    notice_id: str
    version: int
    language: str
    digest: bytes
    catalogue: CatalogueVersion


SHOWN: Final = "shown"
"""The event that says how a notice was shown; see ``Showing``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedEvent:
    """What became of a served notice."""

    event: str
    layout: bytes | None
    """SHA-256 of how it was laid out.  32 bytes."""
    at: Instant


async def add(connection: AsyncConnection, served: ServedNotice, *, at: Instant) -> None:
    """Keep what was handed out; shown and answered more than once, it is one notice."""
    await connection.execute(
        insert(served_notices)
        .values(
            id=served.id,
            client_id=served.client_id,
            notice_id=served.notice_id,
            version=served.version,
            language=served.language,
            digest=served.digest,
            catalogue=served.catalogue,
            minted_at=at,
        )
        .on_conflict_do_nothing()
    )


async def find(connection: AsyncConnection, served: ServedId) -> ServedNotice | None:
    """A served notice by its id."""
    row = (
        await connection.execute(select(served_notices).where(served_notices.c.id == served))
    ).one_or_none()
    return None if row is None else _notice(row)


async def of_subjects(
    connection: AsyncConnection, subjects: Collection[SubjectId]
) -> Mapping[ServedId, ServedNotice]:
    """The notices that these persons' decisions answered."""
    answered = select(decisions.c.served).where(decisions.c.subject_id.in_(subjects))
    rows = await connection.execute(select(served_notices).where(served_notices.c.id.in_(answered)))
    return {each.id: each for each in map(_notice, rows)}


async def showings_of_subjects(
    connection: AsyncConnection, subjects: Collection[SubjectId]
) -> Mapping[ServedId, Showing]:
    """How the notices that these persons' decisions answered were shown, as far as pages told."""
    answered = select(decisions.c.served).where(decisions.c.subject_id.in_(subjects))
    rows = await connection.execute(
        select(served_events).where(
            served_events.c.served.in_(answered), served_events.c.event == SHOWN
        )
    )
    return {ServedId(row.served): Showing(at=row.at, layout=row.layout) for row in rows}


def _notice(row: Row[*tuple[Any, ...]]) -> ServedNotice:
    return ServedNotice(
        id=ServedId(row.id),
        client_id=row.client_id,
        notice_id=row.notice_id,
        version=row.version,
        language=row.language,
        digest=row.digest,
        catalogue=CatalogueVersion(row.catalogue),
    )


async def note_event(
    connection: AsyncConnection,
    served: ServedId,
    *,
    event: str,
    layout: bytes | None,
    at: Instant,
) -> None:
    """Note that a notice was shown or dismissed; a repeat counts once."""
    await connection.execute(
        insert(served_events)
        .values(served=served, event=event, layout=layout, at=at)
        .on_conflict_do_nothing()
    )


async def note_shown(
    connection: AsyncConnection, served: ServedId, *, layout: bytes, at: Instant
) -> Showing | None:
    """Note that a notice was shown; what was noted of it first, if that was before.

    None where a record may not say so yet.
    """
    await note_event(connection, served, event=SHOWN, layout=layout, at=at)
    statement = select(served_events.c.at, served_events.c.layout).where(
        served_events.c.served == served,
        served_events.c.event == SHOWN,
        select(record_forms).where(record_forms.c.form == record.SHOWN).exists(),
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else Showing(at=row.at, layout=row.layout)


async def events_of(connection: AsyncConnection, served: ServedId) -> Sequence[ServedEvent]:
    """What became of a served notice, in order."""
    rows = await connection.execute(
        select(served_events).where(served_events.c.served == served).order_by(served_events.c.seq)
    )
    return [ServedEvent(event=row.event, layout=row.layout, at=row.at) for row in rows]
