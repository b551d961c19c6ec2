"""The log's entries and tiles, for whoever hashes them.

Full tiles are kept with the root over them; a partial tile is what lies below it, so there is
nothing that could say otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.errors import MalformedError, UnavailableError
from consentid.ledger.growing import FullTile
from consentid.ledger.tiles import WIDTH, TileId, decode_tile, encode_tile
from consentid.ledger.tree import leaf_hash
from consentid.store.tables import ledger_entries, ledger_tiles


async def add_tiles(connection: AsyncConnection, log_no: int, tiles: Sequence[FullTile]) -> None:
    """Add tiles that became full."""
    if not tiles:
        return
    await connection.execute(
        insert(ledger_tiles),
        [
            {
                "log_no": log_no,
                "level": tile.level,
                "number": tile.number,
                "root": tile.root,
                "hashes": encode_tile(tile.hashes),
            }
            for tile in tiles
        ],
    )


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
    """The hashes of tiles, full and partial, as they are stored.

    Raises:
        UnavailableError: something of them is missing.
    """
    found: dict[TileId, list[bytes]] = {}
    full: dict[tuple[int, int], TileId] = {}
    for tile in wanted:
        level = tile.level or 0
        first = tile.number * WIDTH
        if tile.width == WIDTH:
            full[level, tile.number] = tile
        elif level:
            found[tile] = await _roots(connection, log_no, level - 1, first, tile.width)
        else:
            kept = await leaves(connection, log_no, first, tile.width)
            found[tile] = [leaf_hash(leaf) for leaf in kept]
    if full:
        statement = select(ledger_tiles.c.level, ledger_tiles.c.number, ledger_tiles.c.hashes)
        statement = statement.where(
            ledger_tiles.c.log_no == log_no,
            tuple_(ledger_tiles.c.level, ledger_tiles.c.number).in_(list(full)),
        )
        for row in await connection.execute(statement):
            try:
                hashes = decode_tile(row.hashes, width=WIDTH)
            except MalformedError as error:
                raise _damaged(
                    f"tile {row.number} of level {row.level}: {error.message}"
                ) from error
            found[full.pop((row.level, row.number))] = hashes
        for level, number in full:
            raise _damaged(f"tile {number} of level {level} is missing")
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


async def _roots(
    connection: AsyncConnection, log_no: int, level: int, first: int, count: int
) -> list[bytes]:
    statement = (
        select(ledger_tiles.c.root)
        .where(
            ledger_tiles.c.log_no == log_no,
            ledger_tiles.c.level == level,
            ledger_tiles.c.number >= first,
            ledger_tiles.c.number < first + count,
        )
        .order_by(ledger_tiles.c.number)
    )
    found = list((await connection.execute(statement)).scalars())
    if len(found) != count:
        raise _damaged(f"{count - len(found)} tiles of level {level} from {first} on are missing")
    return found


def _damaged(message: str) -> UnavailableError:
    return UnavailableError(
        "ledger_damaged", f"{message}: run `consentid ledger verify`", retry_after_s=60
    )
