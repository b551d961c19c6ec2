"""Carry a receiver's feed to a broker, in its order.

What the broker says that it took last is believed before our own note of it: killed between its
acknowledgement and our note, whoever comes next goes on behind both.  Where it cannot say, our note
counts, and the broker leaves out by their ids what it has.
"""

from typing import Final, final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import Scope
from consentid.connectors.broker import NOWHERE, Broker, Message, Place
from consentid.events.filters import Filters
from consentid.flows.context import Context
from consentid.flows.event_cursor import Position, position_at, stream_of_client
from consentid.flows.read_events import read_page
from consentid.flows.stage_act import noting_of
from consentid.kit.errors import (
    BadCursorError,
    ConflictError,
    ConsentidError,
    GoneError,
    NotFoundError,
    UnavailableError,
)
from consentid.store import clients, clock, confirmations, connectors, feed
from consentid.store.clients import Client
from consentid.store.connectors import Connector
from consentid.telemetry.tracing import step

BATCH: Final = 500
_ALL: Final = Filters()


async def find_receiver(connection: AsyncConnection, client_id: str) -> Client:
    """A client that may read events.

    Raises:
        NotFoundError: there is none of this name.
    """
    client = await clients.find(connection, client_id)
    if client is None or Scope.EVENTS_READ not in client.scopes:
        raise NotFoundError(
            "client_unknown",
            f"no client {client_id} has the scope {Scope.EVENTS_READ}",
            where="--client",
        )
    return client


async def open_connector(context: Context, client_id: str, *, kind: str, target: str) -> Connector:
    """The connector of a receiver, made now where there is none; its stream begins with it.

    Raises:
        NotFoundError: no such client may read events.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        await find_receiver(connection, client_id)
        now = await clock.now(connection)
        made = await connectors.open_connector(
            connection, client_id=client_id, kind=kind, target=target, at=now
        )
        if made.is_new:
            noted = noting_of(context, context.settings.command_line)
            await noted.note(
                connection, "connector/add", at=now, connector=made.no, client=client_id, way=kind
            )
    await stream_of_client(context, client_id)
    return made


async def note_failure(context: Context, connector: Connector, error: ConsentidError) -> None:
    """Keep that it fails, for whoever looks at how things go.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        await connectors.note_failure(connection, connector.no, failure=error.code, at=now)


@final
class Publisher:
    """Carries on to one connection; where a round fails, begin with another."""

    def __init__(self, context: Context, connector: Connector, broker: Broker) -> None:
        self._context: Final = context
        self._connector: Final = connector
        self._broker: Final = broker
        self._position: Position | None = None

    async def begin(self, *, is_gap_taken: bool = False) -> int:
        """Find out where to go on; the number of the last event that the broker has.

        Raises:
            ConflictError: events are missing between what it has and what is kept, unless
                ``is_gap_taken``: then go on with the oldest that is kept.
            NotFoundError: the client may not read events any more.
            UnavailableError: the broker or the database cannot be reached.
        """
        async with self._context.database.glancing() as connection:
            await find_receiver(connection, self._connector.client_id)
        stream = await stream_of_client(self._context, self._connector.client_id)
        async with self._context.database.glancing() as connection:
            oldest = await feed.oldest_kept(connection, stream)
            noted = Place(*await connectors.find_place(connection, self._connector.no))
        last = await self._broker.find_last()
        place = noted if last is None else last
        try:
            if place == NOWHERE:
                self._position = Position(stream=stream, seq=oldest - 1)
            else:
                self._position = position_at(
                    stream, stream_no=place.stream_no, seq=place.seq, oldest=oldest
                )
        except GoneError as error:
            if not is_gap_taken:
                raise _gap("events that it does not have are kept no more") from error
            self._position = Position(stream=stream, seq=oldest - 1)
        except BadCursorError as error:
            if not is_gap_taken:
                raise _gap("it has more than the database, as after a backup's return") from error
            self._position = Position(stream=stream, seq=stream.head)
        await self._move(self._position)
        return self._position.seq

    @step("publish_events")
    async def round(self) -> int:
        """Carry on what there is, ``BATCH`` at most; how many events.

        Raises:
            UnavailableError: the broker or the database cannot be reached.
            GoneError: the stream was closed.
        """
        position = self._position
        if position is None:
            msg = "begin first"
            raise RuntimeError(msg)
        page = await read_page(self._context, position, _ALL, limit=BATCH)
        if not page.events:
            return 0
        stream_no = position.stream.stream_no
        taken = await self._broker.publish(
            [
                Message(
                    place=Place(stream_no=stream_no, seq=each.seq),
                    id=each.id,
                    kind=each.kind,
                    body=each.body,
                )
                for each in page.events
            ]
        )
        await self._move(Position(stream=position.stream, seq=page.events[taken - 1].seq))
        if taken < len(page.events):
            raise UnavailableError(
                "broker_stopped", "The broker took a part of what there was.", retry_after_s=1
            )
        return taken

    async def _move(self, position: Position) -> None:
        async with self._context.database.writing() as connection:
            await connectors.move(
                connection,
                self._connector.no,
                stream_no=position.stream.stream_no,
                seq=position.seq,
                at=await clock.now(connection),
            )
            await confirmations.mark(
                connection, self._connector.kind, {position.stream.stream_no: position.seq}
            )
        self._position = position


def _gap(why: str) -> ConflictError:
    return ConflictError(
        "broker_gap",
        f"The broker cannot be carried on without a gap: {why}. Once those who read it have begun "
        "again with /v1/events/snapshot, go on with --over-the-gap.",
    )
