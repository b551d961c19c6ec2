"""The log's entries and tiles, for whoever hashes them.

Full tiles are kept with the root over them; a partial tile is what lies below it, so there is
nothing that could say otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.errors import MalformedError, UnavailableError
from consentid.ledger.tiles import WIDTH, TileId, decode_tile
from consentid.store.arrays import fetch
from consentid.store.tables import ledger_entries, ledger_tiles

_TILES: Final = """
    SELECT level, number, 256 AS width, hashes FROM ledger_tiles
    WHERE log_no = $1
      AND (level, number) IN (SELECT * FROM unnest($2::integer[], $3::bigint[]))
  UNION ALL
    SELECT wanted.level, wanted.number, wanted.width, (
      SELECT string_agg(root, ''::bytea ORDER BY below.number) FROM ledger_tiles AS below
      WHERE below.log_no = $1 AND below.level = wanted.level - 1
        AND below.number >= wanted.number * 256
        AND below.number < wanted.number * 256 + wanted.width
    ) FROM unnest($4::integer[], $5::bigint[], $6::integer[]) AS wanted (level, number, width)
  UNION ALL
    SELECT 0, wanted.number, wanted.width, (
      SELECT string_agg(sha256('\\x00'::bytea || leaf), ''::bytea ORDER BY idx)
      FROM ledger_entries
      WHERE log_no = $1 AND idx >= wanted.number * 256
        AND idx < wanted.number * 256 + wanted.width
    ) FROM unnest($7::bigint[], $8::integer[]) AS wanted (number, width)
"""


async def leaves(connection: AsyncConnection, log_no: int, first: int, count: int) -> list[bytes]:
    """Some leaves, as they were hashed.

    Raises:
        UnavailableError: one is missing.
    """
    statement = (
        select(ledger_entries.c.leaf)
        .where(
            ledger_entries.c.log_no == log_no,
            ledger_entries.c.idx >= first,
            ledger_entries.c.idx < first + count,
        )
        .order_by(ledger_entries.c.idx)
    )
    found = list((await connection.execute(statement)).scalars())
    if len(found) != count:
        raise _damaged(f"{count - len(found)} of the entries from {first} on are missing")
    return found


async def tiles(
    connection: AsyncConnection, log_no: int, wanted: Iterable[TileId]
) -> Mapping[TileId, list[bytes]]:
    """The hashes of tiles, full and partial, as they are stored: one statement for them all.

    Raises:
        UnavailableError: something of them is missing.
    """
    asked = list(wanted)
    full = [tile for tile in asked if tile.width == WIDTH]
    partial = [tile for tile in asked if tile.width < WIDTH and tile.level]
    lowest = [tile for tile in asked if tile.width < WIDTH and not tile.level]
    rows = await fetch(
        connection,
        _TILES,
        log_no,
        [tile.level or 0 for tile in full],
        [tile.number for tile in full],
        [tile.level for tile in partial],
        [tile.number for tile in partial],
        [tile.width for tile in partial],
        [tile.number for tile in lowest],
        [tile.width for tile in lowest],
    )
    stored: dict[tuple[int, int, int], bytes | None] = {
        (row["level"], row["number"], row["width"]): row["hashes"] for row in rows
    }
    found: dict[TileId, list[bytes]] = {}
    for tile in asked:
        place = (tile.level or 0, tile.number, tile.width)
        try:
            found[tile] = decode_tile(stored.get(place) or b"", width=tile.width)
        except MalformedError as error:
            path = f"tile {tile.number} of level {tile.level or 0}"
            raise _damaged(f"{path} is not whole: {error.message}") from error
    return found


async def tiles_from(
    connection: AsyncConnection, log_no: int, level: int, number: int, *, limit: int
) -> Sequence[tuple[int, bytes, bytes]]:
    """Full tiles of a level from a number on: number, hashes, root."""
    statement = (
        select(ledger_tiles.c.number, ledger_tiles.c.hashes, ledger_tiles.c.root)
        .where(
            ledger_tiles.c.log_no == log_no,
            ledger_tiles.c.level == level,
            ledger_tiles.c.number >= number,
        )
        .order_by(ledger_tiles.c.number)
        .limit(limit)
    )
    return [(row.number, row.hashes, row.root) for row in await connection.execute(statement)]


def _damaged(message: str) -> UnavailableError:
    return UnavailableError(
        "ledger_damaged", f"{message}: run `consentid ledger verify`", retry_after_s=60
    )
