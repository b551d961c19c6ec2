"""Canonical JSON.  Spec: RFC 8785 (JCS).

Digests, commitments and ledger leaves are taken over these bytes.  Values are restricted to what
all our records use: objects with string keys, arrays, strings, booleans, null and integers within
2^53.  Floats are refused, so the number rules of RFC 8785 section 3.2.2.3 never bite.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

Json: TypeAlias = "str | int | bool | Sequence[Json] | Mapping[str, Json] | None"

_SAFE_INTEGER: Final = 2**53 - 1
_NAMES: Final = frozenset({str})
_LEAVES: Final[frozenset[object]] = frozenset({str, bool, type(None)})
_quick: Final = msgspec.json.Encoder(order="sorted")
"""Writes strings as RFC 8785 wants them, and sorts keys by their UTF-8: of ASCII, the same."""
_encoder: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(value: Json) -> bytes:
    """Encode canonically: keys sorted by UTF-16 code units, no white space, UTF-8.

    Raises:
        ValueError: a float, an integer beyond 2^53 - 1, a lone surrogate, or another type.
    """
    try:
        if _is_plain(value):
            return _quick.encode(value)
        return _encoder.encode(_ordered(value)).encode()
    except UnicodeEncodeError as error:
        msg = "a lone surrogate has no canonical form"
        raise ValueError(msg) from error


def digest(value: Json) -> bytes:
    """SHA-256 over the canonical bytes.  32 bytes."""
    return hashlib.sha256(encode(value)).digest()


def _is_plain(whole: Json) -> bool:
    """Whether it is of Python's own types and all names are ASCII: nearly always."""
    parts: list[Any] = [whole]
    kinds: Iterable[object] = map(type, parts)
    for part, kind in zip(parts, kinds, strict=True):  # which grow meanwhile
        if kind is dict:
            if not (_NAMES.issuperset(map(type, part)) and "".join(part).isascii()):
                return False
            parts.extend(part.values())
        elif kind is list or kind is tuple:
            parts.extend(part)
        elif kind is int:
            if not -_SAFE_INTEGER <= part <= _SAFE_INTEGER:
                return False
        elif kind not in _LEAVES and not isinstance(part, StrEnum):
            return False
    return True


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _sorted(keys: Iterable[str]) -> list[str]:
    # Up to the surrogates, code units are in the order of characters.
    in_order = sorted(keys)
    return in_order if "".join(in_order).isascii() else sorted(in_order, key=_utf16)


def _ordered(value: Json) -> Json:
    match value:
        case None | bool() | str():
            return value
        case int():
            if abs(value) > _SAFE_INTEGER:
                msg = "an integer beyond 2^53 - 1 has no canonical form"
                raise ValueError(msg)
            return value
        case Mapping():
            return {key: _ordered(value[key]) for key in _sorted(value)}
        case bytes() | bytearray() | memoryview():
            pass  # a sequence of integers to Python, and no JSON
        case Sequence():
            return [_ordered(item) for item in value]
    msg = f"{type(value).__name__} has no canonical form"
    raise ValueError(msg)
