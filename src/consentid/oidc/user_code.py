"""The code that a person reads on a device and types on a phone.

Eight letters of seventeen: no vowel or Y, so that they spell no word; no letter that is taken for
another or for a digit on a screen across the room (G and Q for C and O, V for U and W).  That is
nearly 2^33 codes, each good for ten minutes; what may be tried is limited on top.
Spec: RFC 8628 sections 5.1 and 6.1.
"""

import unicodedata
from collections.abc import Callable
from typing import Final

ALPHABET: Final = "BCDFHJKLMNPRSTWXZ"
LENGTH: Final = 8
_GROUP: Final = 4
_MAX_TYPED: Final = 64


def make_user_code(draw: Callable[[int], int]) -> str:
    """A new code; ``draw(n)`` gives each number below n with equal chance.  8 letters."""
    return "".join(ALPHABET[draw(len(ALPHABET))] for _ in range(LENGTH))


def show_user_code(code: str) -> str:
    """As a device shows it: ``BCDF-HJKL``."""
    return f"{code[:_GROUP]}-{code[_GROUP:]}"


def read_user_code(unverified: str) -> str | None:
    """What somebody typed as a code, whatever its case, spaces and dashes; None if it is none."""
    if len(unverified) > _MAX_TYPED:
        return None
    typed = unicodedata.normalize("NFKC", unverified).upper()
    code = "".join(letter for letter in typed if unicodedata.category(letter)[0] not in "PZC")
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None
