"""What is said of subjects beside their records, for whoever checks all of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.groups import by_subject
from consentid.store.tables import account_devices, decisions, subjects

_STRAYS: Final = text(
    """
    SELECT subject_id, what || ' is of a subject who is not there' AS fault FROM (
      SELECT 'a decision' AS what, subject_id FROM decisions
      UNION SELECT 'a body', subject_id FROM entry_bodies
      UNION SELECT 'a key', subject_id FROM subject_keys
      UNION SELECT 'a projection', subject_id FROM projections
      UNION SELECT 'what tokens say', subject_id FROM audience_states
      UNION SELECT 'a place in a status list', subject_id FROM status_indices
      UNION SELECT 'an erasure', subject_id FROM erasures
      UNION SELECT 'a link', account_id FROM account_devices
      UNION SELECT 'a link', device_id FROM account_devices
    ) AS named
    WHERE subject_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM subjects WHERE subjects.id = named.subject_id)
    UNION ALL
    SELECT subjects.id, 'set aside, and nobody asked for it' FROM subjects
    WHERE erased_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM erasures WHERE erasures.subject_id = subjects.id)
    UNION ALL
    SELECT subjects.id, 'to be erased, and not set aside' FROM subjects
    JOIN erasures ON erasures.subject_id = subjects.id
    WHERE erased_at IS NULL
    UNION ALL
    SELECT subject_id, 'a place in status list ' || list_no || ', which is not there'
    FROM status_indices WHERE list_no NOT IN (SELECT list_no FROM status_lists)
    ORDER BY 1, 2
    """
)
"""The database's own keys refuse most of these; nothing refuses its superuser."""
_CLEAR: Final = (
    *("recorded_at", "early", "late", "clock_unproven", "catalogue", "client_id"),
    *("assurance", "channel", "served", "signal", "adopted_from"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A device that an account is used on."""

    device: SubjectId
    since: Instant
    sealed_told: bytes | None


async def strays(connection: AsyncConnection) -> Sequence[str]:
    """What is said of subjects who are not there, or not as it is said."""
    rows = await connection.execute(_STRAYS)
    return [f"{row.subject_id or 'nobody'}: {row.fault}" for row in rows]


async def links(
    connection: AsyncConnection, accounts: Collection[SubjectId]
) -> Mapping[SubjectId, Sequence[LinkRow]]:
    """The devices that each account is used on."""
    statement = select(
        account_devices.c.account_id,
        account_devices.c.device_id,
        account_devices.c.first_seen_at,
        account_devices.c.sealed_told,
    ).where(account_devices.c.account_id.in_(accounts))
    return by_subject(
        (
            row.account_id,
            LinkRow(
                device=SubjectId(row.device_id),
                since=row.first_seen_at,
                sealed_told=row.sealed_told,
            ),
        )
        for row in await connection.execute(statement)
    )


async def those_there(
    connection: AsyncConnection, ids: Collection[SubjectId]
) -> frozenset[SubjectId]:
    """Who is neither set aside nor erased."""
    statement = select(subjects.c.id).where(subjects.c.id.in_(ids), subjects.c.erased_at.is_(None))
    return frozenset(SubjectId(each) for each in await connection.scalars(statement))


async def in_clear(
    connection: AsyncConnection, ids: Collection[SubjectId]
) -> Mapping[UUID, Mapping[str, Any]]:
    """What stands of these subjects' decisions beside their sealed bodies, by column."""
    columns = [decisions.c[name] for name in _CLEAR]
    rows = await connection.execute(
        select(decisions.c.id, *columns).where(decisions.c.subject_id.in_(ids))
    )
    return {row["id"]: {name: row[name] for name in _CLEAR} for row in rows.mappings()}
