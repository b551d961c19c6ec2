"""Reading a look: colours, corners and type, as CSS custom properties.

Every value has a closed form, so none can carry a rule of its own into a style sheet, and what
must be read has the contrast that reading takes.  Spec: WCAG 2.2 success criteria 1.4.3, 1.4.11.
"""

from enum import StrEnum
from typing import Final

from consentid.brandbook import form
from consentid.brandbook.book import Look
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table

_COLOURS: Final = ("accent", "on_accent", "ink", "muted", "paper", "surface", "line")
_TEXT_CONTRAST: Final = 4.5
_LIMIT_CONTRAST: Final = 3.0
_CONTRASTS: Final = (
    ("ink", "paper", _TEXT_CONTRAST),
    ("ink", "surface", _TEXT_CONTRAST),
    ("muted", "paper", _TEXT_CONTRAST),
    ("muted", "surface", _TEXT_CONTRAST),
    ("on_accent", "accent", _TEXT_CONTRAST),
    ("accent", "paper", _LIMIT_CONTRAST),
    ("accent", "surface", _LIMIT_CONTRAST),
)


class Typeface(StrEnum):
    """The kinds of type that need no download."""

    SANS = "sans"
    SERIF = "serif"
    ROUNDED = "rounded"
    MONO = "mono"


_STACKS: Final = {
    Typeface.SANS: 'system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif',
    Typeface.SERIF: 'Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif',
    Typeface.ROUNDED: 'ui-rounded, "Hiragino Maru Gothic ProN", Quicksand, Nunito, sans-serif',
    Typeface.MONO: 'ui-monospace, "Cascadia Code", Menlo, Consolas, monospace',
}


def read_look(table: Table) -> Look:
    """Read ``[look]``."""
    logo = table.text("logo", form.NAME)
    colours = {key: table.text(key, form.COLOUR) for key in _COLOURS}
    radius = table.text("radius", form.LENGTH)
    typeface = table.word("font", Typeface) or Typeface.SANS
    table.close()
    for key, ground, least in _CONTRASTS:
        if colours[key] and colours[ground]:
            found = contrast(colours[key], colours[ground])
            if found < least:
                table.tell(
                    Rule.LOW_CONTRAST,
                    f"its contrast with {ground} is {found:.2f}, and {least} is needed",
                    f"choose {key} and {ground} further apart in lightness",
                    key,
                )
    properties = {f"--{key.replace('_', '-')}": colour for key, colour in colours.items()}
    return Look(
        logo=logo, properties={**properties, "--radius": radius, "--font": _STACKS[typeface]}
    )


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21.  Spec: WCAG 2.2, contrast ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    if channel <= 0.04045:  # noqa: PLR2004 - the knee of the sRGB curve
        return channel / 12.92
    return float(((channel + 0.055) / 1.055) ** 2.4)
