"""Hashes of the log's subtrees, as this process has worked them out: they never change.

Whoever proves something needs a few large subtrees of everybody's and a few small ones of its own;
with the large ones at hand it is one tile that is read and hashed.
Spec: RFC 9162 section 2.1.1.
"""

from collections.abc import Sequence
from typing import Final, final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.ledger.tiles import hash_of, tiles_for
from consentid.ledger.tree import Range, folded, perfect_ranges
from consentid.store import ledger_tiles
from consentid.verify.recent import Recent

_MOST: Final = 10_000
"""Some 4 MB."""


@final
class SubtreeMemory:
    """Of one process.  Whoever asks makes sure that a tree of that size was published."""

    def __init__(self) -> None:
        self._known: Final[Recent[tuple[int, Range], bytes]] = Recent(_MOST)

    async def hashes(
        self, connection: AsyncConnection, log_no: int, ranges: Sequence[Range], *, size: int
    ) -> list[bytes]:
        """The hashes of subtrees of a log's tree; what is not known comes in one statement.

        Raises:
            UnavailableError: something of it is missing.
        """
        parts = [perfect_ranges(each) for each in ranges]
        found: dict[Range, bytes] = {}
        missing: list[Range] = []
        for part in {part for each in parts for part in each}:
            known = self._known.find((log_no, part))
            if known is None:
                missing.append(part)
            else:
                found[part] = known
        if missing:
            tiles = await ledger_tiles.tiles(connection, log_no, tiles_for(missing, size))
            for part in missing:
                found[part] = hash_of(part, size, tiles)
                self._known.put((log_no, part), found[part])
        return [folded(found[part] for part in each) for each in parts]
