"""The systems that hear of changes: how far behind each is, and which has a certain event.

A system is a way to a client: an endpoint that events are sent to one by one (a webhook, a Shared
Signals stream), or a way by which its whole sequence is read (each way of ``event_marks``).  A
client that has endpoints counts by these: what it reads beside them is catching up.  What a system
left out by its own filters it was not to hear.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping, bindparam, text
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


_STREAMS: Final = """
    SELECT stream_no, client_id, head, party_kind, party_slug,
      coalesce((
        SELECT min(seq) FROM events WHERE events.stream_no = opened.stream_no
      ), head + 1) AS oldest_seq,
      coalesce(called.seq, 0) AS called_seq, greatest(called.at, said.at) AS called_at
    FROM event_streams AS opened JOIN clients USING (client_id)
    LEFT JOIN LATERAL (
      SELECT seq, at FROM event_marks AS marks
      WHERE marks.stream_no = opened.stream_no AND way = 'call' ORDER BY seq DESC LIMIT 1
    ) AS called ON true
    LEFT JOIN LATERAL (
      SELECT at FROM event_confirmations AS one
      WHERE one.stream_no = opened.stream_no ORDER BY seq DESC LIMIT 1
    ) AS said ON true
    WHERE clients.disabled_at IS NULL AND {whose}
"""
_UPTO: Final = """
    CASE WHEN endpoints.disabled_why = 'disabled' THEN streams.head
      WHEN endpoints.stream_no = streams.stream_no THEN endpoints.queued_seq ELSE 0 END
"""
"""How far what is to be sent lies in the queue: where its receiver wants nothing, to the end."""
_WAYS: Final = f"""
    SELECT CASE WHEN shared.endpoint_no IS NULL THEN 'webhook' ELSE 'ssf' END AS way,
      endpoints.endpoint_no AS number, streams.client_id, url, {_UPTO} AS upto_seq,
      greatest(delivered_at, called_at) AS arrived_at, failures, failing_since, disabled_why
    FROM webhook_endpoints AS endpoints JOIN streams USING (client_id)
    LEFT JOIN ssf_streams AS shared USING (endpoint_no)
    UNION ALL
    SELECT read.way, NULL, streams.client_id, NULL, read.seq,
      greatest(read.at, called_at), 0, carried.failing_since, NULL
    FROM streams JOIN (
      SELECT DISTINCT ON (stream_no, way) stream_no, way, seq, at FROM event_marks
      WHERE way <> 'call' ORDER BY stream_no, way, seq DESC
    ) AS read USING (stream_no)
    LEFT JOIN LATERAL (
      SELECT failing_since FROM connectors
      WHERE connectors.client_id = streams.client_id AND kind = read.way
      ORDER BY greatest(created_at, moved_at, failing_since) DESC LIMIT 1
    ) AS carried ON true
    WHERE read.way <> 'feed' OR NOT EXISTS (
      SELECT FROM webhook_endpoints AS own WHERE own.client_id = streams.client_id
    )
"""  # noqa: S608 - nothing but our own names
_UNSAID: Final = """
    one.seq > called_seq AND NOT EXISTS (
      SELECT FROM event_confirmations AS said
      WHERE said.stream_no = one.stream_no AND said.seq = one.seq
    )
"""
_TO_COME: Final = f"""
    SELECT
      head - past.seq - (
        SELECT count(*) FROM event_confirmations AS one
        WHERE one.stream_no = streams.stream_no AND one.seq > past.seq
      ) AS number,
      (
        SELECT at FROM events AS one
        WHERE one.stream_no = streams.stream_no AND one.seq > past.seq AND {_UNSAID}
        ORDER BY seq LIMIT 1
      ) AS since,
      (
        SELECT count(*) FROM events AS one
        WHERE one.stream_no = streams.stream_no AND one.seq > past.seq AND narrows
          AND at < :before AND {_UNSAID}
      ) AS late
    FROM (SELECT greatest(upto_seq, called_seq, oldest_seq - 1) AS seq) AS past
"""  # noqa: S608 - nothing but our own names
"""Of what lies in the sequence: it has no gap, so however much that is, it need not be counted."""
_QUEUED: Final = f"""
    SELECT count(*) AS number, min(queued_at) AS since,
      count(*) FILTER (WHERE queued_at < :before AND EXISTS (
        SELECT FROM events
        WHERE events.stream_no = one.stream_no AND events.seq = one.seq AND narrows
      )) AS late
    FROM webhook_deliveries AS one
    WHERE endpoint_no = ways.number AND notice IS NULL AND {_UNSAID} AND state =
"""  # noqa: S608 - nothing but our own names
_SYSTEMS: Final = f"""
    WITH streams AS ({_STREAMS}), ways AS ({_WAYS})
    SELECT ways.*, party_kind, party_slug, queued.number + to_come.number AS waiting,
      least(queued.since, to_come.since) AS oldest_at, given_up.number AS dead,
      queued.late + to_come.late + given_up.late AS late
    FROM ways JOIN streams USING (client_id)
    CROSS JOIN LATERAL ({_TO_COME}) AS to_come
    CROSS JOIN LATERAL ({_QUEUED} 'pending') AS queued
    CROSS JOIN LATERAL ({_QUEUED} 'dead') AS given_up
    ORDER BY party_kind, party_slug, client_id, way, number
"""  # noqa: S608 - nothing but our own names
_ALL: Final = "true"
_OF_PARTY: Final = """
    client_id IN (SELECT client_id FROM clients WHERE party_kind = :kind AND party_slug = :slug)
"""


async def every(connection: AsyncConnection, *, before: Instant) -> Sequence[System]:
    """All systems; whoever has not confirmed what came before an instant is late."""
    return await _systems(connection, _ALL, before)


async def of_party(
    connection: AsyncConnection, party: Party, *, before: Instant
) -> Sequence[System]:
    """The systems of one brand or partner, as ``every``."""
    return await _systems(connection, _OF_PARTY, before, kind=party.kind, slug=party.slug)


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


_ARRIVALS: Final = f"""
    WITH told AS (
      SELECT stream_no, seq, id, at, narrows, client_id, head
      FROM events JOIN event_streams USING (stream_no)
      WHERE id = ANY (:ids) AND {{whose}}
    ), calls AS (
      SELECT told.stream_no, told.seq, least(
        (SELECT min(marks.at) FROM event_marks AS marks
         WHERE marks.stream_no = told.stream_no AND way = 'call' AND marks.seq >= told.seq),
        (SELECT one.at FROM event_confirmations AS one
         WHERE one.stream_no = told.stream_no AND one.seq = told.seq)
      ) AS called_at
      FROM told
    ), arrivals (stream_no, seq, way, number, state, arrived_at) AS (
      SELECT streams.stream_no, streams.seq,
        CASE WHEN shared.endpoint_no IS NULL THEN 'webhook' ELSE 'ssf' END,
        endpoints.endpoint_no, state, CASE WHEN state = 'delivered' THEN settled_at END
      FROM told AS streams JOIN webhook_endpoints AS endpoints USING (client_id)
      LEFT JOIN ssf_streams AS shared USING (endpoint_no)
      LEFT JOIN webhook_deliveries AS sent ON sent.endpoint_no = endpoints.endpoint_no
        AND sent.stream_no = streams.stream_no AND sent.seq = streams.seq
      WHERE state <> 'left_out' OR (state IS NULL AND streams.seq > {_UPTO})
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
"""  # noqa: S608 - nothing but our own names
_OF_SUBJECT: Final = "subject_id = :subject"


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


async def _systems(
    connection: AsyncConnection, whose: str, before: Instant, **of: object
) -> Sequence[System]:
    statement = (
        text(_SYSTEMS.format(whose=whose))
        .bindparams(bindparam("before", type_=InstantType))
        .columns(oldest_at=InstantType, arrived_at=InstantType, failing_since=InstantType)
    )
    rows = await connection.execute(statement, {"before": before, **of})
    return [
        System(
            **{name: row[name] for name in System.__slots__ if name != "party"}, party=_party(row)
        )
        for row in rows.mappings()
    ]


async def _arrivals(
    connection: AsyncConnection, whose: str, ids: Collection[str], **of: object
) -> Sequence[Arrival]:
    statement = text(_ARRIVALS.format(whose=whose)).columns(at=InstantType, arrived_at=InstantType)
    rows = await connection.execute(statement, {"ids": list(ids), **of})
    return [
        Arrival(
            **{name: row[name] for name in Arrival.__slots__ if name != "party"}, party=_party(row)
        )
        for row in rows.mappings()
    ]


def _party(row: RowMapping) -> Party:
    return Party(kind=PartyKind(row["party_kind"]), slug=Slug(row["party_slug"]))
