"""How a notice was laid out, as whoever keeps a picture of it says so."""

from collections.abc import Callable, Mapping
from typing import Final

from consentid.kit.errors import MalformedError
from consentid.web.pages import rendering

_HASH: Final = 32
LAYOUTS: Final[Mapping[str, Callable[[], bytes]]] = {
    "consent": rendering.layout_digest,
    "link": rendering.link_layout_digest,
    "preferences": rendering.preferences_layout_digest,
}
"""The hub's own pages, as this release has them."""


def read_layout(unverified: str, *, where: str) -> bytes:
    """The SHA-256 of a layout: of one of our own pages by its name, or as it is written.  32 bytes.

    Raises:
        MalformedError: it is neither.
    """
    own = LAYOUTS.get(unverified)
    if own is not None:
        return own()
    try:
        digest = bytes.fromhex(unverified)
    except ValueError:
        digest = b""
    if len(digest) != _HASH or len(unverified) != 2 * _HASH:
        raise MalformedError(
            "layout_malformed",
            f"write one of {', '.join(LAYOUTS)}, or 64 hexadecimal digits",
            where=where,
        )
    return digest
