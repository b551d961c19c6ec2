"""What acts are judged by, for many subjects at a time: two statements, however many they are.

``lock`` keeps other writers out, then ``look`` reads.  They are on the way of every decision, so
they are text.  What is one row by a key is looked up for each subject (``OFFSET 0`` keeps it from
becoming a join): a plan that was made while a table was small would read the whole of it for every
group that decides, for as long as the plan is kept, and the tables grow with each decision.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import (
    CatalogueVersion,
    ServedId,
    Showing,
    SignalSource,
    SubjectId,
)
from consentid.core.record import SHOWN
from consentid.kit.instants import Instant, from_datetime
from consentid.store.arrays import fetch, transposed
from consentid.store.idempotency import FirstRequest, IdempotencyKey
from consentid.store.statuses import AudienceState, StatusIndex, find_place
from consentid.store.subjects import SubjectRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is about to act, and under which key."""

    subject: SubjectId
    device: SubjectId | None
    """The one on which a known subject is signed in."""
    key: IdempotencyKey
    served: ServedId | None
    """The notice that is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What is judged by, read under the subject's lock."""

    at: Instant
    """The database's instant, later than when the lock was got."""
    catalogue: CatalogueVersion | None
    """The version in force."""
    first: FirstRequest | None
    """What came before under this key."""
    last_recorded_at: Instant | None
    """When the subject's newest decision was recorded."""
    states: Sequence[AudienceState]
    """Every audience's row, in their order."""
    signals_on: frozenset[SignalSource]
    """The signals that were on when last seen on the device."""
    device: SubjectRow | None
    showing: Showing | None
    """How the notice that is answered was shown, where its page told and a record may say so."""


_LOCK: Final = """
SELECT held.subject_id, version, sealed, wrapped, adult
FROM (
  SELECT DISTINCT subject_id FROM unnest($1::uuid[]) AS given (subject_id) ORDER BY subject_id
) AS asked
CROSS JOIN LATERAL (
  SELECT subject_id, version, sealed FROM projections
  WHERE projections.subject_id = asked.subject_id FOR UPDATE {waiting}
) AS held
CROSS JOIN LATERAL (
  SELECT wrapped FROM subject_keys AS known WHERE known.subject_id = held.subject_id OFFSET 0
) AS keys
LEFT JOIN LATERAL (
  SELECT adult FROM known_subjects AS known WHERE known.subject_id = held.subject_id OFFSET 0
) AS known ON true
"""
_LOCK_EVERY: Final = _LOCK.format(waiting="")
_LOCK_WHAT_IS_FREE: Final = _LOCK.format(waiting="SKIP LOCKED")


async def lock(
    connection: AsyncConnection, subjects: Collection[SubjectId], *, is_patient: bool
) -> Mapping[SubjectId, SubjectRow]:
    """Keep other writers of these subjects out until the transaction ends.

    Left out are who is unknown or erased and, unless ``is_patient``, whom somebody else writes now.
    """
    statement = _LOCK_EVERY if is_patient else _LOCK_WHAT_IS_FREE
    rows = await fetch(connection, statement, list(subjects))
    return {SubjectId(row["subject_id"]): _subject(row) for row in rows}


def _subject(row: RowMapping) -> SubjectRow:
    return SubjectRow(
        id=SubjectId(row["subject_id"]),
        version=row["version"],
        wrapped_key=row["wrapped"],
        sealed_projection=row["sealed"],
        adult=bool(row["adult"]),
    )


_LOOK: Final = f"""
SELECT
  clock_timestamp() AS at,
  (SELECT max(version) FROM catalogues) AS in_force,
  first.request_digest, first.subject_id AS first_subject, first.sealed_answer,
  (SELECT max(recorded_at) FROM decisions WHERE decisions.subject_id = asked.subject_id)
    AS last_recorded_at,
  (
    SELECT array_agg(source) FROM signals_seen AS seen
    WHERE seen.subject_id = asked.subject_id AND is_on
    AND seen.device_id = coalesce(asked.device_id, asked.subject_id)
  ) AS signals_on,
  states.*,
  beneath.subject_id, beneath.version, beneath.sealed, keys.wrapped, false AS adult,
  shown.at AS shown_at, shown.layout
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::uuid[])
  WITH ORDINALITY AS asked (subject_id, device_id, client_id, route, key_hash, served, place)
LEFT JOIN LATERAL (
  SELECT request_digest, subject_id, sealed_answer FROM idempotency_keys AS known
  WHERE known.client_id = asked.client_id AND known.route = asked.route
  AND known.key_hash = asked.key_hash OFFSET 0
) AS first ON true
LEFT JOIN LATERAL (
  SELECT subject_id, version, sealed FROM projections AS known
  WHERE known.subject_id = asked.device_id OFFSET 0
) AS beneath ON true
LEFT JOIN LATERAL (
  SELECT wrapped FROM subject_keys AS known WHERE known.subject_id = asked.device_id OFFSET 0
) AS keys ON true
LEFT JOIN LATERAL (
  SELECT at, layout FROM served_events AS told
  WHERE told.served = asked.served AND told.event = 'shown' OFFSET 0
) AS shown ON EXISTS (SELECT FROM record_forms WHERE form = {SHOWN})
CROSS JOIN LATERAL (
  SELECT
    array_agg(audience ORDER BY audience) AS audiences,
    array_agg(rev ORDER BY audience) AS revs,
    array_agg(sealed ORDER BY audience) AS sayings,
    array_agg(list_no ORDER BY audience) AS list_nos,
    array_agg(idx ORDER BY audience) AS idxs,
    array_agg(catalogue ORDER BY audience) AS catalogues,
    array_agg(former_list_no ORDER BY audience) AS former_list_nos,
    array_agg(former_idx ORDER BY audience) AS former_idxs,
    (SELECT max(list_no) FROM status_lists WHERE leaving_at IS NOT NULL) AS newest_left
  FROM audience_states WHERE audience_states.subject_id = asked.subject_id
) AS states
ORDER BY place
"""  # noqa: S608 a number of ours


async def look(connection: AsyncConnection, asked: Sequence[Asked]) -> Sequence[Grounds]:
    """Read what these acts are judged by, in their order.  The caller holds the subjects' locks."""
    rows = await fetch(
        connection,
        _LOOK,
        *transposed(
            [
                (
                    *(each.subject, each.device),
                    *(each.key.client_id, each.key.route, each.key.key_hash),
                    each.served,
                )
                for each in asked
            ],
            width=6,
        ),
    )
    return [_grounds(row) for row in rows]


def _grounds(row: RowMapping) -> Grounds:
    last = row["last_recorded_at"]
    return Grounds(
        at=from_datetime(row["at"]),
        catalogue=None if row["in_force"] is None else CatalogueVersion(row["in_force"]),
        first=_first(row),
        last_recorded_at=None if last is None else from_datetime(last),
        states=[
            AudienceState(
                audience=audience,
                rev=rev,
                sealed=sealed,
                status=StatusIndex(list_no=list_no, idx=idx),
                catalogue=CatalogueVersion(catalogue),
                former=find_place(*former),
                is_leaving=list_no <= (row["newest_left"] or 0),
            )
            for audience, rev, sealed, list_no, idx, catalogue, *former in zip(
                *(row[name] or () for name in _STATE), strict=True
            )
        ],
        signals_on=frozenset(map(SignalSource, row["signals_on"] or ())),
        device=None if row["wrapped"] is None else _subject(row),
        showing=None
        if row["shown_at"] is None
        else Showing(at=from_datetime(row["shown_at"]), layout=row["layout"]),
    )


_STATE: Final = (
    *("audiences", "revs", "sayings", "list_nos", "idxs", "catalogues"),
    *("former_list_nos", "former_idxs"),
)


def _first(row: RowMapping) -> FirstRequest | None:
    if row["request_digest"] is None:
        return None
    subject = row["first_subject"]
    return FirstRequest(
        request_digest=row["request_digest"],
        subject=None if subject is None else SubjectId(subject),
        sealed_answer=row["sealed_answer"],
    )
