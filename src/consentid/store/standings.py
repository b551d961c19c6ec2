"""Everybody whom a brand or partner has met, a page at a time, with what is needed to judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.store.subjects import SubjectRow

_PLACE: Final = "md5(split_part(audience, ' ', 1) || subject_id::text)::uuid"
"""As indexed: whoever does not know the subject's identifier learns nothing from it."""
_PAGE: Final = text(
    f"""
    SELECT met.subject_id, met.place, its.revs, its.audiences,
           projections.version, projections.sealed, keys.wrapped, known.adult
    FROM (
      SELECT {_PLACE} AS place, subject_id FROM audience_states AS met
      WHERE split_part(audience, ' ', 1) = :first AND {_PLACE} > :after AND NOT EXISTS (
        SELECT FROM audience_states AS other
        WHERE other.subject_id = met.subject_id
          AND split_part(other.audience, ' ', 1) = ANY (:before)
      )
      GROUP BY split_part(audience, ' ', 1), {_PLACE}, subject_id
      ORDER BY {_PLACE}, subject_id LIMIT :most
    ) AS met
    CROSS JOIN LATERAL (
      SELECT array_agg(audience) AS audiences, array_agg(rev) AS revs FROM audience_states AS each
      WHERE each.subject_id = met.subject_id
        AND split_part(each.audience, ' ', 1) = ANY (:audiences)
    ) AS its
    LEFT JOIN subjects ON subjects.id = met.subject_id AND subjects.erased_at IS NULL
    LEFT JOIN projections ON projections.subject_id = subjects.id
    LEFT JOIN subject_keys AS keys ON keys.subject_id = subjects.id
    LEFT JOIN known_subjects AS known ON known.subject_id = subjects.id
    ORDER BY met.place
    """  # noqa: S608 - nothing but our own words
)
BEGINNING: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """A subject, and its rows for one brand or partner."""

    place: UUID
    """Where it stands in this page's order."""
    subject: SubjectRow | None
    """None for who was erased."""
    revs: Mapping[str, int]
    """By the row's key."""


async def page(
    connection: AsyncConnection,
    audiences: Sequence[str],
    *,
    first: str,
    after: UUID,
    most: int,
) -> Sequence[StandingRow]:
    """Those of one audience, none of those before it, who come after a place.

    The order is each audience's own.
    """
    given = {
        "first": first,
        "before": [each for each in audiences if each < first],
        "audiences": [*audiences],
        "after": after,
        "most": most,
    }
    rows = await connection.execute(_PAGE, given)
    return [
        StandingRow(
            place=row.place,
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
