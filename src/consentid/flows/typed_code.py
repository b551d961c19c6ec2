"""Codes that a person reads in one place and types in another, stored hashed.

Of 20 characters they are 100 random bits; whoever makes shorter ones keys the hash.
"""

import re
from collections.abc import Callable
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing in it is mistaken for something else."""
_MISREAD: Final = str.maketrans("OIL", "011")
_LENGTH: Final = 20
_GROUP: Final = 5


def make_typed_code(randomness: Callable[[int], bytes], *, length: int = _LENGTH) -> str:
    """A new code, in groups of five: five bits a character."""
    text = "".join(_ALPHABET[each % len(_ALPHABET)] for each in randomness(length))
    return "-".join(text[at : at + _GROUP] for at in range(0, length, _GROUP))


def read_typed_code(unverified: str, *, length: int = _LENGTH) -> str | None:
    """What somebody typed, without groups and as it was meant; None if it is no code."""
    text = re.sub(r"[\s-]", "", unverified).upper().translate(_MISREAD)
    return text if len(text) == length else None
