"""Texts that several bodies carry, with the form that they must have."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from consentid.core.purpose import MAX_LENGTH

MAX_REFERENCE: Final = 1_024
REFERENCE: Final = "^[A-Za-z0-9_-]+$"

Reference: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=MAX_REFERENCE, pattern=REFERENCE)
]
"""What we sealed and handed out: base64url."""

Digest: TypeAlias = Annotated[str, Meta(min_length=64, max_length=64, pattern="^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal."""

PurposeText: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=MAX_LENGTH, pattern=r"^[a-z0-9_.:*-]+$")
]
"""A purpose as somebody names it; whether it is one, the catalogue says."""
