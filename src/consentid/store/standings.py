"""Everybody whom a brand or partner has met, a page at a time, with what is needed to judge."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.store.subjects import SubjectRow

_PAGE: Final = text(
    """
    SELECT met.subject_id, met.revs, met.audiences,
           projections.version, projections.sealed, keys.wrapped, known.adult
    FROM (
      SELECT subject_id, array_agg(audience) AS audiences, array_agg(rev) AS revs
      FROM audience_states
      WHERE subject_id > :after AND split_part(audience, ' ', 1) = ANY (:audiences)
      GROUP BY subject_id ORDER BY subject_id LIMIT :most
    ) AS met
    LEFT JOIN subjects ON subjects.id = met.subject_id AND subjects.erased_at IS NULL
    LEFT JOIN projections ON projections.subject_id = subjects.id
    LEFT JOIN subject_keys AS keys ON keys.subject_id = subjects.id
    LEFT JOIN known_subjects AS known ON known.subject_id = subjects.id
    ORDER BY met.subject_id
    """
)
_FIRST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """A subject, and its rows for one brand or partner."""

    id: SubjectId
    subject: SubjectRow | None
    """None for who was erased."""
    revs: Mapping[str, int]
    """By the row's key."""


async def page(
    connection: AsyncConnection,
    audiences: Collection[str],
    *,
    after: SubjectId | None,
    most: int,
) -> Sequence[StandingRow]:
    """Those who come after one, in the order of their own identifiers."""
    given = {"after": after or _FIRST, "audiences": sorted(audiences), "most": most}
    rows = await connection.execute(_PAGE, given)
    return [
        StandingRow(
            id=SubjectId(row.subject_id),
            subject=None
            if row.wrapped is None or row.sealed is None
            else SubjectRow(
                id=SubjectId(row.subject_id),
                version=row.version,
                wrapped_key=row.wrapped,
                sealed_projection=row.sealed,
                adult=bool(row.adult),
            ),
            revs=dict(zip(row.audiences, row.revs, strict=True)),
        )
        for row in rows
    ]
