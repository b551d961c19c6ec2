"""One row per (subject, audience), and the places in the status lists that its tokens point at.

An index is random, belongs to one (subject, audience), and is never used again.  A collision while
drawing is the measure of a list's fill: after so many in a row it is closed and the next opened.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import RowMapping, exists, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import CatalogueVersion, SubjectId
from consentid.kit.instants import Instant
from consentid.store.arrays import fetch, transposed, unnest
from consentid.store.groups import by_subject
from consentid.store.tables import (
    audience_states,
    status_indices,
    status_lists,
    subject_keys,
)

LIST_BITS: Final = 2**17
LIST_BYTES: Final = LIST_BITS // 8
DRAWS: Final = 16
"""Hits in a row that close a list: it is about three fifths full then."""


class StatusIndex(NamedTuple):
    """A place in a status list."""

    list_no: int
    idx: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceState:
    """What the tokens of one subject for one audience say now."""

    audience: str
    rev: int
    sealed: bytes
    status: StatusIndex
    catalogue: CatalogueVersion
    """The version that the row was last brought in step with."""
    former: StatusIndex | None = None
    """Where tokens may still point that were issued before the row moved to another list."""
    is_leaving: bool = False
    """Whether its list is being left, or was: the next token points elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose index it is."""

    subject: SubjectId
    audience: str
    is_revoked: bool


_OF_SUBJECTS: Final = """
SELECT audience_states.*,
  (SELECT max(list_no) FROM status_lists WHERE leaving_at IS NOT NULL) AS newest_left
FROM audience_states WHERE subject_id = ANY ($1::uuid[]) ORDER BY audience
"""


async def of_subject(connection: AsyncConnection, subject: SubjectId) -> Sequence[AudienceState]:
    """Every audience's row of a subject."""
    return (await of_subjects(connection, [subject])).get(subject, [])


async def of_subjects(
    connection: AsyncConnection, subjects: Collection[SubjectId]
) -> Mapping[SubjectId, Sequence[AudienceState]]:
    """Every audience's row of each subject."""
    rows = await fetch(connection, _OF_SUBJECTS, list(subjects))
    return by_subject((row["subject_id"], _state(row)) for row in rows)


def _state(row: RowMapping) -> AudienceState:
    return AudienceState(
        audience=row["audience"],
        rev=row["rev"],
        sealed=row["sealed"],
        status=StatusIndex(list_no=row["list_no"], idx=row["idx"]),
        catalogue=CatalogueVersion(row["catalogue"]),
        former=find_place(row["former_list_no"], row["former_idx"]),
        is_leaving=row["list_no"] <= (row["newest_left"] or 0),
    )


def find_place(list_no: int | None, idx: int | None) -> StatusIndex | None:
    """A place, where there is one."""
    return None if list_no is None or idx is None else StatusIndex(list_no=list_no, idx=idx)


async def find_behind(
    connection: AsyncConnection,
    newest: CatalogueVersion,
    *,
    after: tuple[CatalogueVersion, SubjectId] | None,
    limit: int,
) -> Sequence[tuple[CatalogueVersion, SubjectId]]:
    """Rows that a catalogue version has not reached yet, a page at a time, each subject once."""
    columns = (audience_states.c.catalogue, audience_states.c.subject_id)
    statement = (
        select(*columns)
        .join(subject_keys, subject_keys.c.subject_id == audience_states.c.subject_id)
        .where(audience_states.c.catalogue < newest)
    )
    if after is not None:
        place = tuple_(*after, types=(columns[0].type, columns[1].type))
        statement = statement.where(tuple_(*columns) > place)
    rows = await connection.execute(statement.distinct().order_by(*columns).limit(limit))
    return [(CatalogueVersion(version), SubjectId(subject)) for version, subject in rows]


async def allocate(
    connection: AsyncConnection,
    *,
    subject: SubjectId,
    audience: str,
    draw: Callable[[int], int],
    at: Instant,
) -> StatusIndex:
    """Take a random free index.  ``draw(n)`` gives a secure random number below ``n``."""
    (status,) = await allocate_all(connection, [(subject, audience)], draw=draw, at=at)
    return status


async def allocate_all(
    connection: AsyncConnection,
    holders: Sequence[tuple[SubjectId, str]],
    *,
    draw: Callable[[int], int],
    at: Instant,
) -> Sequence[StatusIndex]:
    """Take a random free index for each holder, in their order."""
    taken: dict[tuple[SubjectId, str], StatusIndex] = {}
    list_no, hits = None, 0
    while left := [holder for holder in holders if holder not in taken]:
        if hits == DRAWS:
            await connection.execute(
                update(status_lists).where(status_lists.c.list_no == list_no).values(is_open=False)
            )
            hits = 0
        drawn = {draw(LIST_BITS): each for each in left}
        while (found := await _take_all(connection, drawn)) is None:
            await _open_list(connection, at=at)
        hits = hits + 1 if found.list_no == list_no else 1
        list_no = found.list_no
        taken |= {drawn[idx]: StatusIndex(list_no=list_no, idx=idx) for idx in found.idxs}
    return [taken[holder] for holder in holders]


class _Taken(NamedTuple):
    """Indices of the open list that were free."""

    list_no: int
    idxs: Sequence[int]


_TAKE: Final = f"""
WITH open AS (SELECT list_no FROM status_lists WHERE is_open ORDER BY list_no LIMIT 1),
taken AS (
  INSERT INTO status_indices (list_no, idx, subject_id, audience, is_published)
  SELECT open.list_no, given.*, false
  FROM open, {unnest(status_indices, ("idx", "subject_id", "audience"), first=1)}
  ORDER BY idx ON CONFLICT DO NOTHING RETURNING idx
)
SELECT list_no, ARRAY(SELECT idx FROM taken) AS idxs FROM open
"""  # noqa: S608 - nothing but our own names


async def _take_all(
    connection: AsyncConnection, wanted: Mapping[int, tuple[SubjectId, str]]
) -> _Taken | None:
    """Those of the indices that were free, and are their holders' now; None: no list is open."""
    rows = [(idx, *holder) for idx, holder in wanted.items()]
    for row in await fetch(connection, _TAKE, *transposed(rows, width=3)):
        return _Taken(list_no=row["list_no"], idxs=row["idxs"])
    return None


async def _open_list(connection: AsyncConnection, *, at: Instant) -> None:
    # One opener at a time; whoever waited finds the other's list.
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('consentid.status_list'))")
    )
    if not await connection.scalar(select(exists().where(status_lists.c.is_open))):
        await connection.execute(
            insert(status_lists).values(is_open=True, bits=bytes(LIST_BYTES), created_at=at)
        )


async def find_holder(connection: AsyncConnection, status: StatusIndex) -> Holder | None:
    """Whose index this is; None for one never allocated, or a decoy."""
    row = (
        await connection.execute(
            select(status_indices).where(
                status_indices.c.list_no == status.list_no, status_indices.c.idx == status.idx
            )
        )
    ).one_or_none()
    if row is None or row.subject_id is None:
        return None
    return Holder(
        subject=SubjectId(row.subject_id),
        audience=row.audience,
        is_revoked=row.revoked_at is not None,
    )


async def find_holders(
    connection: AsyncConnection, places: Collection[StatusIndex]
) -> Mapping[StatusIndex, SubjectId]:
    """Whose indices these are; those of nobody are left out."""
    wanted = [(place.list_no, place.idx) for place in places]
    if not wanted:
        return {}
    rows = await connection.execute(
        select(status_indices.c.list_no, status_indices.c.idx, status_indices.c.subject_id).where(
            tuple_(status_indices.c.list_no, status_indices.c.idx).in_(wanted),
            status_indices.c.subject_id.is_not(None),
        )
    )
    return {
        StatusIndex(list_no=row.list_no, idx=row.idx): SubjectId(row.subject_id) for row in rows
    }
