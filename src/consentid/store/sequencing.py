"""What waits for the log comes into it, and what came is published.

Each is one statement, and each statement a transaction of its own: nothing is sent but them, and
whoever is killed leaves nothing half done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.ledger.growing import FullTile
from consentid.ledger.tiles import encode_tile
from consentid.store.arrays import fetch, transposed, unnest
from consentid.store.catalogues import IN_FORCE, InForce, in_force_of
from consentid.store.ledger import PublishedRow, TreeRow
from consentid.store.tables import ledger_tiles

_WAITING: Final = f"""
SELECT * FROM (
  SELECT array_agg(seq ORDER BY seq) AS places, array_agg(leaf ORDER BY seq) AS leaves
  FROM (SELECT seq, leaf FROM staged_entries ORDER BY seq LIMIT $1) AS first
) AS waiting, ({IN_FORCE}) AS in_force
"""  # noqa: S608 - a text of ours
_TILE: Final = ("level", "number", "root", "hashes")
_GROW: Final = f"""
WITH grown AS (
  INSERT INTO ledger_trees (log_no, size, previous_size, root, integrated_at)
  SELECT $1, $2, $3, $4, clock_timestamp() WHERE EXISTS (
    SELECT FROM ledger_checkpoints WHERE log_no = $1 AND size = $3
  )
  ON CONFLICT DO NOTHING RETURNING size
), gone AS (
  DELETE FROM staged_entries
  WHERE seq = ANY($5::bigint[]) AND EXISTS (SELECT FROM grown)
  RETURNING seq, event_id, kind, leaf
), added AS (
  INSERT INTO ledger_entries (log_no, idx, event_id, kind, leaf)
  SELECT $1, $3 - 1 + row_number() OVER (ORDER BY seq), event_id, kind, leaf FROM gone
), filled AS (
  INSERT INTO ledger_tiles (log_no, {", ".join(_TILE)})
  SELECT $1, given.* FROM {unnest(ledger_tiles, _TILE, first=6)}
  WHERE EXISTS (SELECT FROM grown)
)
SELECT size FROM grown
"""  # noqa: S608 - names of ours
_PUBLISH: Final = """
WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO ledger_checkpoints (log_no, size, note, published_at)
SELECT $1, $2, $3, clock_timestamp() FROM unhurried ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits to be integrated, the first staged first, and what operators have applied."""

    places: Sequence[int]
    """Where each was staged."""
    leaves: Sequence[bytes]
    in_force: InForce


async def waiting(connection: AsyncConnection, *, limit: int) -> Waiting:
    """What waits to be integrated, at most ``limit``."""
    (row,) = await fetch(connection, _WAITING, limit)
    return Waiting(
        places=row["places"] or (), leaves=row["leaves"] or (), in_force=in_force_of(row)
    )


async def grow(
    connection: AsyncConnection,
    log_no: int,
    tree: TreeRow,
    *,
    places: Sequence[int],
    tiles: Sequence[FullTile],
) -> bool:
    """Have a log grow from its size by what waits; False where it grew otherwise meanwhile.

    False, too, where its size has no checkpoint: the server lost it, and whoever opens the log anew
    publishes it once more.
    Entries that are staged never change: what comes into the log is what was looked at.  Where one
    of them were gone, the log's trigger would refuse to have a size without it.
    """
    rows = ((tile.level, tile.number, tile.root, encode_tile(tile.hashes)) for tile in tiles)
    given = (log_no, tree.size, tree.previous_size, tree.root, places)
    columns = transposed(rows, width=len(_TILE))
    return bool(await fetch(connection, _GROW, *given, *columns))


async def publish(connection: AsyncConnection, log_no: int, published: PublishedRow) -> None:
    """Publish a checkpoint; what was published for its size before stays.

    Nobody waits until the disk has it, who would be in the way of others that do.  Where it is lost
    with the server, the size that it is of is not: whoever publishes next signs the same once more,
    byte for byte, before the log grows.  ``grow`` sees to that.
    """
    await fetch(connection, _PUBLISH, log_no, published.size, published.note)
