"""Connectors: whose events they carry where, and how far they are."""

from dataclasses import dataclass

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import InstantType, connectors
from consentid.store.turns import Duty


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A receiver's feed, and the broker that gets it."""

    no: int
    client_id: str
    kind: str
    """``nats``: the way by which its events arrive."""
    is_new: bool = False
    """Whether it was made a moment ago."""

    @property
    def duty(self) -> Duty:
        """To carry on what the broker does not have: one process at a time."""
        return Duty(
            lock=f"consentid.connector.{self.no}",
            waiting=(
                "SELECT FROM connectors JOIN event_streams AS feed USING (client_id)"
                f" WHERE connector_no = {self.no}"
                " AND (feed.stream_no, feed.head) <> (connectors.stream_no, connectors.seq)"
            ),
        )


async def open_connector(
    connection: AsyncConnection, *, client_id: str, kind: str, target: str, at: Instant
) -> Connector:
    """The connector of a client to a target, made now where there is none, and then ``is_new``."""
    named = {"client_id": client_id, "kind": kind, "target": target}
    made = await connection.execute(
        insert(connectors)
        .values(**named, created_at=at, stream_no=0, seq=0)
        .on_conflict_do_nothing()
    )
    found = await connection.execute(select(connectors.c.connector_no).filter_by(**named))
    number = found.scalar_one()
    return Connector(no=number, client_id=client_id, kind=kind, is_new=made.rowcount > 0)


async def find_place(connection: AsyncConnection, number: int) -> tuple[int, int]:
    """The stream and the number of the last event that was noted."""
    found = await connection.execute(
        select(connectors.c.stream_no, connectors.c.seq).where(connectors.c.connector_no == number)
    )
    stream_no, seq = found.one()
    return stream_no, seq


async def move(
    connection: AsyncConnection, number: int, *, stream_no: int, seq: int, at: Instant
) -> None:
    """Note how far the broker is, and that it works."""
    await connection.execute(
        update(connectors)
        .where(connectors.c.connector_no == number)
        .values(stream_no=stream_no, seq=seq, moved_at=at, failing_since=None, failure=None)
    )


async def note_failure(
    connection: AsyncConnection, number: int, *, failure: str, at: Instant
) -> None:
    """Note that the broker does not take what there is."""
    await connection.execute(
        update(connectors)
        .where(connectors.c.connector_no == number)
        .values(
            failure=failure,
            failing_since=func.coalesce(connectors.c.failing_since, literal(at, InstantType)),
        )
    )
