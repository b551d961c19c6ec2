"""Tiles and entry bundles: how a log is served as files that never change.

A tile is 1 to 256 hashes side by side: those of leaves at level 0, of full tiles below elsewhere.
Spec: C2SP tlog-tiles.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from consentid.kit.errors import MalformedError, NotFoundError
from consentid.ledger.tree import HASH_BYTES, Range, folded, perfect_ranges, root_of

WIDTH: Final = 256
HEIGHT: Final = 8
MAX_ENTRY_BYTES: Final = 2**16 - 1
_MAX_LEVEL: Final = 63
_MAX_NUMBER: Final = 2**55
"""Beyond it no tile lies, whatever its level: a tree has fewer than 2^63 leaves."""
_PATH: Final = re.compile(
    r"(?P<level>0|[1-9][0-9]?|entries)/(?P<number>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class TileId(NamedTuple):
    """Which tile; ``level`` is None of a bundle of entries."""

    level: int | None
    number: int
    width: int
    """1 to 256: what is less than 256 wide is partial."""


def path_of(tile: TileId) -> str:
    """The path beneath ``<prefix>/tile/``, such as ``0/x001/x234/067.p/8``."""
    level = "entries" if tile.level is None else str(tile.level)
    rest, last = divmod(tile.number, 1000)
    parts = [f"{last:03}"]
    while rest:
        rest, part = divmod(rest, 1000)
        parts.append(f"x{part:03}")
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"{level}/{'/'.join(reversed(parts))}{partial}"


def parse_path(unverified_path: str) -> TileId:
    """Read such a path; each tile has one spelling.

    Raises:
        NotFoundError: it names no tile that a log could have.
    """
    found = _PATH.fullmatch(unverified_path)
    tile = None
    if found is not None:
        level = None if found["level"] == "entries" else int(found["level"])
        digits = found["number"].replace("x", "").replace("/", "")
        width = WIDTH if found["width"] is None else int(found["width"])
        if len(digits) <= len(str(_MAX_NUMBER)) + 2:
            tile = TileId(level=level, number=int(digits), width=width)
    if (
        tile is None
        or (tile.level or 0) > _MAX_LEVEL
        or tile.number > _MAX_NUMBER
        or tile.width > WIDTH
        or path_of(tile) != unverified_path
    ):
        raise NotFoundError("no_such_tile", "No tile has such a path.", where="path")
    return tile


def tiles_of(size: int) -> list[TileId]:
    """The partial tiles of a tree, from level 0 up: where it grows."""
    found: list[TileId] = []
    level, count = 0, size
    while count:
        if count % WIDTH:
            found.append(TileId(level=level, number=count // WIDTH, width=count % WIDTH))
        level, count = level + 1, count // WIDTH
    return found


def is_within(tile: TileId, size: int) -> bool:
    """Whether all of a tile is part of a tree of that size."""
    level = tile.level or 0
    return tile.number * WIDTH + tile.width <= size >> (HEIGHT * level)


def tile_of(node: Range, size: int) -> TileId:
    """The tile of a tree that has what makes the hash of a perfect subtree."""
    level = ((node.end - node.begin).bit_length() - 1) // HEIGHT
    number = node.begin >> (HEIGHT * (level + 1))
    width = min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH)
    return TileId(level=level, number=number, width=width)


def tiles_for(ranges: Iterable[Range], size: int) -> set[TileId]:
    """The tiles of a tree that it takes to hash subtrees of it."""
    return {tile_of(node, size) for each in ranges for node in perfect_ranges(each)}


def hash_of(given: Range, size: int, tiles: Mapping[TileId, Sequence[bytes]]) -> bytes:
    """The hash of a subtree, out of tiles of ``tiles_for``.

    Raises:
        KeyError: a tile is missing.
    """
    hashes: list[bytes] = []
    for node in perfect_ranges(given):
        tile = tile_of(node, size)
        shift = HEIGHT * (tile.level or 0)
        first = (node.begin >> shift) - tile.number * WIDTH
        hashes.append(root_of(tiles[tile][first : first + ((node.end - node.begin) >> shift)]))
    return folded(hashes)


def encode_tile(hashes: Sequence[bytes]) -> bytes:
    """The bytes of a tile."""
    return b"".join(hashes)


def decode_tile(tile: bytes, *, width: int) -> list[bytes]:
    """The hashes of a tile.

    Raises:
        MalformedError: it is cut short, or longer than it should be.
    """
    if len(tile) != width * HASH_BYTES:
        raise MalformedError(
            "bad_tile",
            f"a tile of {width} hashes has {width * HASH_BYTES} bytes, not {len(tile)}",
            where="tile",
        )
    return [tile[begin : begin + HASH_BYTES] for begin in range(0, len(tile), HASH_BYTES)]


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """The bytes of a bundle: each entry after its length in two bytes.

    Raises:
        ValueError: an entry is longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            msg = f"an entry has at most {MAX_ENTRY_BYTES} bytes, not {len(entry)}"
            raise ValueError(msg)
        parts += (len(entry).to_bytes(2), entry)
    return b"".join(parts)


def decode_bundle(bundle: bytes, *, width: int) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        MalformedError: it is cut short, or does not hold ``width`` entries.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(bundle):
        begin = at + 2
        at = begin + int.from_bytes(bundle[at:begin])
        if begin > len(bundle) or at > len(bundle):
            raise MalformedError("bad_tile", "the bundle is cut short", where="bundle")
        entries.append(bundle[begin:at])
    if len(entries) != width:
        raise MalformedError(
            "bad_tile", f"the bundle holds {len(entries)} entries, not {width}", where="bundle"
        )
    return entries
