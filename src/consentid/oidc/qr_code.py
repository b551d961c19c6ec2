"""An address as a picture that a telephone reads.  Spec: ISO/IEC 18004; RFC 8628 section 3.3.1.

Televisions of ten years ago cannot draw one, so it comes ready to be shown: SVG in a data URI.
"""

from typing import Final

import segno

_QUIET_ZONE: Final = 4
"""Modules of white around it, which readers need."""


def qr_data_uri(address: str) -> str:
    """Black on white, without a size of its own.  About three kilobytes of ASCII."""
    # As coarse as it gets, to be read from the sofa; better against reflections where that is free.
    drawn = segno.make(address, error="l", micro=False, boost_error=True)
    return drawn.svg_data_uri(
        border=_QUIET_ZONE, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None
    )
