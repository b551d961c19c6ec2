"""A tree that grows: what it takes to add leaves and to know the root, and no more.

Held are the hashes of the partial tiles and the perfect subtrees that the tree falls into: a few
kilobytes, however large the tree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from consentid.ledger.tiles import HEIGHT, WIDTH, TileId, hash_of, tiles_of
from consentid.ledger.tree import Range, folded, node_hash, perfect_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTile:
    """A tile that has just become full, and the root over it: a hash of the level above."""

    level: int
    number: int
    hashes: tuple[bytes, ...]
    root: bytes


@final
class Growth:
    """The right edge of a tree."""

    def __init__(
        self, size: int = 0, partial: Mapping[TileId, Sequence[bytes]] | None = None
    ) -> None:
        """Begin where a tree has got to; ``partial`` has all of ``tiles_of(size)``.

        Raises:
            KeyError: one of them is missing.
        """
        given = partial or {}
        self.size: int = size
        self._tiles: list[list[bytes]] = []
        for tile in tiles_of(size):
            level = tile.level or 0
            self._tiles += [[] for _ in range(level + 1 - len(self._tiles))]
            self._tiles[level] = list(given[tile])
        self._perfect: list[tuple[int, bytes]] = [
            (node.end - node.begin, hash_of(node, size, given))
            for node in perfect_ranges(Range(0, size))
        ]

    def append(self, leaf: bytes) -> list[FullTile]:
        """Add a leaf's hash; the tiles that became full by it, from level 0 up."""
        width, merged, perfect = 1, leaf, self._perfect
        rising = [leaf]  # what each level's tile gets, as far up as this leaf fills them
        while perfect and perfect[-1][0] == width:
            merged = node_hash(perfect.pop()[1], merged)
            width *= 2
            if width == WIDTH ** len(rising):
                rising.append(merged)
        perfect.append((width, merged))
        self.size += 1
        return self._fill(rising)

    def root(self) -> bytes:
        """The root of the tree as it is.  32 bytes."""
        return folded(hash_ for _, hash_ in self._perfect)

    def _fill(self, rising: Sequence[bytes]) -> list[FullTile]:
        full: list[FullTile] = []
        for level, added in enumerate(rising):
            if level == len(self._tiles):
                self._tiles.append([])
            hashes = self._tiles[level]
            hashes.append(added)
            if len(hashes) == WIDTH:
                self._tiles[level] = []
                number = (self.size >> (HEIGHT * (level + 1))) - 1
                root = rising[level + 1]
                full.append(FullTile(level=level, number=number, hashes=tuple(hashes), root=root))
        return full
