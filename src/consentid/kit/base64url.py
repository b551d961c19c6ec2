"""Strict, unpadded base64url.  Spec: RFC 7515 section 2, RFC 4648 section 5.

Strict means that every byte string has exactly one accepted text: no padding, no white space, no
characters of the other alphabet, no non-zero trailing bits.
"""

import binascii
from typing import Final

_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING: Final = (b"", None, b"==", b"=")
_LAST: Final = (b"", b"AEIMQUYcgkosw048", b"AQgw")
"""The characters that end a text, by padding: those whose unused bits are zero."""


def encode(raw: bytes) -> str:
    """Encode without padding."""
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_FROM_STANDARD).decode()


def decode(text: str | bytes) -> bytes:
    """Decode, refusing every spelling but the canonical one.

    Raises:
        ValueError: the text is not canonical unpadded base64url.
    """
    raw = text.encode("ascii") if isinstance(text, str) else text
    padding = _PADDING[len(raw) % 4]
    if padding is None:
        msg = "base64url text cannot have this length"
        raise ValueError(msg)
    decoded = binascii.a2b_base64(raw.translate(_TO_STANDARD) + padding, strict_mode=True)
    # Non-zero trailing bits would give one value two spellings.
    if padding and raw[-1] not in _LAST[len(padding)]:
        msg = "base64url text has trailing bits"
        raise ValueError(msg)
    return decoded


_FROM_STANDARD: Final = bytes.maketrans(b"+/", b"-_")
