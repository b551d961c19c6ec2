"""The systems that hear of changes: how far behind each is, and which has a certain event.

A system is a way to a client: an endpoint that events are sent to one by one (a webhook, a Shared
Signals stream), or a way by which its whole sequence is read (each way of ``event_marks``).  A
client that has endpoints counts by these: what it reads beside them is catching up.  What a system
left out by its own filters it was not to hear.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.party import Party, PartyKind, Slug
from consentid.kit.instants import Instant
from consentid.store.tables import InstantType


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system, and how it stands now."""

    way: str
    number: int | None
    """Its endpoint's; None of a way by which a whole sequence is read."""
    client_id: str
    party: Party
    url: str | None
    waiting: int
    """Events that it has not confirmed yet; what was given up is counted apart."""
    oldest_at: Instant | None
    """Since when the oldest of these waits."""
    arrived_at: Instant | None
    """When it last confirmed one."""
    failures: int
    """In a row."""
    failing_since: Instant | None
    dead: int
    disabled_why: str | None
    late: int
    """Events that take something away, unconfirmed for too long, given up ones too."""

    @property
    def name(self) -> str:
        """Of this system alone: ``webhook:3``, ``feed:news-crm``."""
        return _name(self.way, self.number, self.client_id)


_CALLED: Final = """
    SELECT stream_no, max(seq) AS seq FROM event_marks WHERE way = 'call' GROUP BY stream_no
"""
_UNCONFIRMED: Final = """
    one.seq > coalesce(called.seq, 0) AND NOT EXISTS (
      SELECT FROM event_confirmations AS said
      WHERE said.stream_no = one.stream_no AND said.seq = one.seq
    )
"""
_ENDPOINTS: Final = f"""
    SELECT CASE WHEN shared.endpoint_no IS NULL THEN 'webhook' ELSE 'ssf' END AS way,
      endpoints.endpoint_no AS number, endpoints.client_id, url,
      waits.number + to_come.number AS waiting, least(waits.since, to_come.since) AS oldest_at,
      delivered_at AS arrived_at, failures, failing_since, given_up.number AS dead, disabled_why,
      waits.late + to_come.late + given_up.late AS late
    FROM webhook_endpoints AS endpoints
    JOIN event_streams AS streams USING (client_id)
    LEFT JOIN ssf_streams AS shared USING (endpoint_no)
    LEFT JOIN called ON called.stream_no = streams.stream_no
    CROSS JOIN LATERAL (
      SELECT count(*) AS number, min(queued_at) AS since,
        count(*) FILTER (WHERE narrows AND queued_at < :before) AS late
      FROM webhook_deliveries AS one LEFT JOIN events USING (stream_no, seq)
      WHERE one.endpoint_no = endpoints.endpoint_no AND one.state = 'pending'
        AND one.notice IS NULL AND {_UNCONFIRMED}
    ) AS waits
    CROSS JOIN LATERAL (
      SELECT count(*) AS number, min(at) AS since,
        count(*) FILTER (WHERE narrows AND at < :before) AS late
      FROM events AS one
      WHERE one.stream_no = streams.stream_no AND one.seq > endpoints.queued_seq
        AND {_UNCONFIRMED}
    ) AS to_come
    CROSS JOIN LATERAL (
      SELECT count(*) AS number,
        count(*) FILTER (WHERE narrows AND queued_at < :before) AS late
      FROM webhook_deliveries AS one LEFT JOIN events USING (stream_no, seq)
      WHERE one.endpoint_no = endpoints.endpoint_no AND one.state = 'dead'
        AND one.notice IS NULL AND {_UNCONFIRMED}
    ) AS given_up
"""  # noqa: S608 - nothing but our own names
_READERS: Final = f"""
    SELECT read.way, NULL::int AS number, streams.client_id, NULL AS url,
      to_come.number AS waiting, to_come.since AS oldest_at,
      greatest(read.at, called.at) AS arrived_at, 0 AS failures, NULL::timestamptz, 0 AS dead,
      NULL AS disabled_why, to_come.late
    FROM event_streams AS streams
    JOIN (
      SELECT DISTINCT ON (stream_no, way) stream_no, way, seq, at FROM event_marks
      WHERE way <> 'call' ORDER BY stream_no, way, seq DESC
    ) AS read USING (stream_no)
    LEFT JOIN (
      SELECT DISTINCT ON (stream_no) stream_no, seq, at FROM event_marks
      WHERE way = 'call' ORDER BY stream_no, seq DESC
    ) AS called USING (stream_no)
    CROSS JOIN LATERAL (
      SELECT count(*) AS number, min(at) AS since,
        count(*) FILTER (WHERE narrows AND one.at < :before) AS late
      FROM events AS one
      WHERE one.stream_no = streams.stream_no AND one.seq > read.seq
        AND {_UNCONFIRMED}
    ) AS to_come
    WHERE read.way <> 'feed' OR NOT EXISTS (
      SELECT FROM webhook_endpoints AS own WHERE own.client_id = streams.client_id
    )
"""  # noqa: S608 - nothing but our own names
_SYSTEMS: Final = (
    text(
        f"""
        WITH called AS ({_CALLED}), systems AS ({_ENDPOINTS} UNION ALL {_READERS})
        SELECT systems.*, party_kind, party_slug
        FROM systems JOIN clients USING (client_id) WHERE disabled_at IS NULL
        ORDER BY party_kind, party_slug, client_id, way, number
        """  # noqa: S608 - nothing but our own names
    )
    .bindparams(bindparam("before", type_=InstantType))
    .columns(oldest_at=InstantType, arrived_at=InstantType, failing_since=InstantType)
)


async def every(connection: AsyncConnection, *, before: Instant) -> Sequence[System]:
    """All systems; whoever has not confirmed what came before an instant is late."""
    rows = await connection.execute(_SYSTEMS, {"before": before})
    return [
        System(
            **{name: row[name] for name in System.__slots__ if name != "party"},
            party=Party(kind=PartyKind(row["party_kind"]), slug=Slug(row["party_slug"])),
        )
        for row in rows.mappings()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event that a system was to hear, and when it confirmed that."""

    event_id: str
    """As the client knows it."""
    at: Instant
    """When it was told."""
    narrows: bool
    way: str
    number: int | None
    client_id: str
    party: Party
    state: str | None
    """Of a delivery."""
    arrived_at: Instant | None
    """None where it has not."""

    @property
    def name(self) -> str:
        """As ``System.name``."""
        return _name(self.way, self.number, self.client_id)


_ARRIVALS: Final = """
    WITH told AS (
      SELECT stream_no, seq, id, at, narrows, client_id
      FROM events JOIN event_streams USING (stream_no)
      WHERE id = ANY (:ids) AND {whose}
    ), calls AS (
      SELECT told.stream_no, told.seq, least(
        (SELECT min(marks.at) FROM event_marks AS marks
         WHERE marks.stream_no = told.stream_no AND way = 'call' AND marks.seq >= told.seq),
        (SELECT one.at FROM event_confirmations AS one
         WHERE one.stream_no = told.stream_no AND one.seq = told.seq)
      ) AS called_at
      FROM told
    ), arrivals (stream_no, seq, way, number, state, arrived_at) AS (
      SELECT told.stream_no, told.seq,
        CASE WHEN shared.endpoint_no IS NULL THEN 'webhook' ELSE 'ssf' END,
        endpoints.endpoint_no, state, CASE WHEN state = 'delivered' THEN settled_at END
      FROM told JOIN webhook_endpoints AS endpoints USING (client_id)
      LEFT JOIN ssf_streams AS shared USING (endpoint_no)
      LEFT JOIN webhook_deliveries AS sent ON sent.endpoint_no = endpoints.endpoint_no
        AND sent.stream_no = told.stream_no AND sent.seq = told.seq
      WHERE state <> 'left_out' OR (state IS NULL AND told.seq > endpoints.queued_seq)
      UNION ALL
      SELECT told.stream_no, told.seq, ways.way, NULL, NULL,
        (SELECT min(marks.at) FROM event_marks AS marks
         WHERE marks.stream_no = told.stream_no AND marks.way = ways.way AND marks.seq >= told.seq)
      FROM told JOIN (
        SELECT stream_no, way, min(seq) AS first FROM event_marks
        WHERE way <> 'call' AND stream_no IN (SELECT stream_no FROM told) GROUP BY stream_no, way
      ) AS ways ON ways.stream_no = told.stream_no AND told.seq > ways.first
      WHERE ways.way <> 'feed' OR NOT EXISTS (
        SELECT FROM webhook_endpoints AS own WHERE own.client_id = told.client_id
      )
    )
    SELECT told.id AS event_id, told.at, narrows, way, number, client_id, state,
      least(arrived_at, called_at) AS arrived_at, party_kind, party_slug
    FROM told JOIN arrivals USING (stream_no, seq) JOIN calls USING (stream_no, seq)
    JOIN clients USING (client_id)
    ORDER BY party_kind, party_slug, client_id, way, number
"""
_OF_SUBJECT: Final = "subject_id = :subject"
_OF_PARTY: Final = """
    client_id IN (SELECT client_id FROM clients WHERE party_kind = :kind AND party_slug = :slug)
"""


async def arrivals_of_subject(
    connection: AsyncConnection, subject: SubjectId, ids: Collection[str]
) -> Sequence[Arrival]:
    """Who was to hear some events of one person."""
    return await _arrivals(connection, _OF_SUBJECT, ids, subject=subject)


async def arrivals_at(
    connection: AsyncConnection, party: Party, ids: Collection[str]
) -> Sequence[Arrival]:
    """Which systems of one brand or partner were to hear some events."""
    return await _arrivals(connection, _OF_PARTY, ids, kind=party.kind, slug=party.slug)


def _name(way: str, number: int | None, client_id: str) -> str:
    return f"{way}:{client_id if number is None else number}"


async def _arrivals(
    connection: AsyncConnection, whose: str, ids: Collection[str], **of: object
) -> Sequence[Arrival]:
    statement = text(_ARRIVALS.format(whose=whose)).columns(at=InstantType, arrived_at=InstantType)
    rows = await connection.execute(statement, {"ids": list(ids), **of})
    return [
        Arrival(
            **{name: row[name] for name in Arrival.__slots__ if name != "party"},
            party=Party(kind=PartyKind(row["party_kind"]), slug=Slug(row["party_slug"])),
        )
        for row in rows.mappings()
    ]
