"""Whether bytes are a PNG as it is to be: whole, each part as its sum says, nothing behind it.

What it shows is not decoded.  Spec: PNG (third edition), sections 5.2, 5.3 and 11.2.1.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEAD_BYTES: Final = 13
_FRAME_BYTES: Final = 12
"""Of a chunk, beside what it holds: length, name, sum."""
_MOST_PIXELS: Final = 32_768
"""To a side."""
_MOST_CHUNKS: Final = 4_096
"""Encoders write some kilobytes into each.  All of them empty, they would take a second to walk."""
_DEPTHS: Final = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
"""Bits by the type of colour."""


def png_size(unverified: bytes) -> tuple[int, int]:
    """Width and height, in pixels.

    Raises:
        ValueError: it is no PNG, or not a whole one; the message says where.
    """
    chunks = list(_chunks(unverified))
    names = [name for name, _ in chunks]
    if not chunks or names[0] != b"IHDR" or names.count(b"IHDR") != 1:
        raise ValueError("it does not begin with its header")
    if b"IDAT" not in names:
        raise ValueError("there is no picture in it")
    if names.index(b"IEND") != len(names) - 1 or chunks[-1][1]:
        raise ValueError("something stands behind its end")
    head = chunks[0][1]
    if len(head) != _HEAD_BYTES:
        raise ValueError("its header is of another length")
    width, height, depth, colour, packing, filtering, order = struct.unpack(">IIBBBBB", head)
    if not (0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        raise ValueError(f"a side has from 1 to {_MOST_PIXELS} pixels")
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or order > 1:
        raise ValueError("its header says what no PNG is")
    return width, height


def _chunks(unverified: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each with its name, the last of them its end, whatever stands behind it."""
    if not unverified.startswith(_SIGNATURE):
        raise ValueError("it has not a PNG's first eight bytes")
    at, count = len(_SIGNATURE), 0
    is_over = False
    while at < len(unverified) or not is_over:
        frame = unverified[at : at + 8]
        if len(frame) < 8:  # noqa: PLR2004 length and name
            raise ValueError(f"it breaks off at byte {at}")
        length, name = int.from_bytes(frame[:4]), frame[4:]
        end = at + _FRAME_BYTES + length
        if end > len(unverified):
            raise ValueError(f"it breaks off at byte {at}")
        checked = unverified[at + 4 : end - 4]
        if zlib.crc32(checked) != int.from_bytes(unverified[end - 4 : end]):
            raise ValueError(f"what stands at byte {at} was changed")
        count += 1
        if count > _MOST_CHUNKS:
            raise ValueError(f"it has more than {_MOST_CHUNKS} chunks: write larger ones")
        is_over = is_over or name == b"IEND"
        yield name, checked[4:]
        at = end
