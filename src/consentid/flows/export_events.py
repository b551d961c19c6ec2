"""Write a receiver's feed into a warehouse's folder, from where it ends.

A folder begins with what holds of everybody, and the place of which that is true: what comes after
it is in the feed.  Revisions tell which of two is the newer, where both have it.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from consentid.connectors.broker import Place
from consentid.connectors.folder import Folder
from consentid.connectors.rows import EFFECTIVE, Row, Table, rows_of, snapshot_row
from consentid.events.contract import sequence_of
from consentid.events.filters import Filters
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.event_cursor import (
    Position,
    find_start,
    position_at,
    stream_of_client,
)
from consentid.flows.publish_events import find_receiver
from consentid.flows.read_events import MOST as MOST_OF_PAGE
from consentid.flows.read_events import read_page
from consentid.flows.show_standings import MOST as MOST_PEOPLE
from consentid.flows.show_standings import show_standings
from consentid.flows.stage_act import noting_of
from consentid.kit.errors import BadCursorError, ConflictError, GoneError
from consentid.kit.instants import to_rfc3339
from consentid.store import clock, feed
from consentid.telemetry.tracing import step

BATCH: Final = 20_000
"""Events, or people, of one set of files."""
_ALL: Final = Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written by now, all in all."""

    people: int
    """Of the snapshot."""
    events: int
    files: int


async def export_events(
    context: Context, client_id: str, folder: Folder
) -> AsyncGenerator[Written]:
    """Write all that there is now, and say so after each set of files.

    Raises:
        ConflictError: events are missing between what the folder has and what is kept.
        NotFoundError: no such client may read events.
        UnavailableError: the database or the folder cannot be reached.
    """
    async with context.database.writing() as connection:
        client = await find_receiver(connection, client_id)
        noted = noting_of(context, context.settings.command_line)
        await noted.note(
            connection, "events/export", at=await clock.now(connection), client=client_id
        )
    caller = Caller(client=client, scopes=client.scopes, subject=None, device=None)
    people = events = files = 0
    if folder.place is None:
        people, files = await _write_snapshot(context, caller, folder)
        yield Written(people=people, events=0, files=files)
    position = await _position(context, client_id, folder)
    while True:
        position, of_set, made = await _write_set(context, position, folder)
        if not of_set:
            return
        events, files = events + of_set, files + made
        yield Written(people=people, events=events, files=files)


async def _position(context: Context, client_id: str, folder: Folder) -> Position:
    stream, place = await stream_of_client(context, client_id), folder.place
    if place is None:
        msg = "a snapshot leaves a place"
        raise RuntimeError(msg)
    async with context.database.glancing() as connection:
        oldest = await feed.oldest_kept(connection, stream)
    try:
        return position_at(stream, stream_no=place.stream_no, seq=place.seq, oldest=oldest)
    except (GoneError, BadCursorError) as error:
        raise ConflictError(
            "folder_gap",
            "This folder cannot be carried on: events that follow it are kept no more, or the "
            "database was restored. Name an empty one: it begins with a snapshot.",
            where="--to",
        ) from error


@step("export_events")
async def _write_set(
    context: Context, position: Position, folder: Folder
) -> tuple[Position, int, int]:
    """Write the next set of files; where it ends, how many events it has, how many files."""
    rows: dict[tuple[Table, str], list[Row]] = {}
    first, count = position.seq + 1, 0
    while count < BATCH:
        page = await read_page(context, position, _ALL, limit=MOST_OF_PAGE)
        for each in page.events:
            day, some = rows_of(each.kind, each.body)
            for table, row in some:
                rows.setdefault((table, day), []).append(row)
        count, position = count + len(page.events), page.position
        if page.is_last:
            break
    if not count:
        return position, 0, 0
    names = folder.put(sequence_of(first), rows)
    folder.keep(Place(stream_no=position.stream.stream_no, seq=position.seq), names)
    return position, count, len(names)


async def _write_snapshot(context: Context, caller: Caller, folder: Folder) -> tuple[int, int]:
    """Write what holds of everybody; how many people, how many files."""
    async with context.database.glancing() as connection:
        day = to_rfc3339(await clock.now(connection))[:10]
    names: list[str] = []
    rows: list[Row] = []
    people, page = 0, None
    while True:
        shown = await show_standings(context, caller, page=page, limit=MOST_PEOPLE)
        start = await find_start(context, caller, shown.cursor)
        rows += [
            snapshot_row(start.seq, person.subject, standing)
            for person in shown.subjects
            for standing in person.effective
        ]
        people, page = people + len(shown.subjects), shown.next
        if rows and (page is None or len(rows) >= BATCH):
            names += folder.put(f"snapshot-{len(names) + 1:06d}", {(EFFECTIVE, day): rows})
            rows = []
        if page is None:
            break
    folder.keep(Place(stream_no=start.stream.stream_no, seq=start.seq), names)
    return people, len(names)
