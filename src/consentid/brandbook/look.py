"""Reading a look: colours, corners and type, as CSS custom properties.

Every value has a closed form, so none can carry a rule of its own into a style sheet, and what
must be read has the contrast that reading takes.  A look for dark screens may stand beside it, with
all its colours; where none does, one is made from the accent.

Spec: WCAG 2.2 success criteria 1.4.3, 1.4.11; CSS Media Queries level 5 (prefers-color-scheme).
"""

import colorsys
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from consentid.brandbook import form
from consentid.brandbook.book import Look
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table

_COLOURS: Final = ("accent", "on_accent", "ink", "muted", "paper", "surface", "line")
_TEXT_CONTRAST: Final = 4.5
_LIMIT_CONTRAST: Final = 3.0
CONTRASTS: Final = (
    ("ink", "paper", _TEXT_CONTRAST),
    ("ink", "surface", _TEXT_CONTRAST),
    ("muted", "paper", _TEXT_CONTRAST),
    ("muted", "surface", _TEXT_CONTRAST),
    ("on_accent", "accent", _TEXT_CONTRAST),
    ("accent", "paper", _LIMIT_CONTRAST),
    ("accent", "surface", _LIMIT_CONTRAST),
)
"""What is read or seen on what, and the contrast that this takes."""
_DARK_ACCENT_CONTRAST: Final = 5.5


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
    """Read ``[look]``, and ``[look.dark]`` in it."""
    logo = table.text("logo", form.NAME)
    colours = _read_colours(table)
    radius = table.text("radius", form.LENGTH)
    typeface = table.word("font", Typeface) or Typeface.SANS
    dark = None
    if "dark" in table:
        below = table.table("dark")
        dark = _read_colours(below)
        below.close()
        _check_ground(below, dark)
    table.close()
    return Look(
        logo=logo,
        properties={
            **_properties(colours),
            "--radius": radius,
            "--font": _STACKS[typeface],
        },
        dark=None if dark is None else _properties(dark),
    )


def is_dark(colour: str) -> bool:
    """Whether white reads better on a colour than black does."""
    return contrast(colour, "#ffffff") > contrast(colour, "#000000")


def dark_of(look: Look) -> Mapping[str, str] | None:
    """A look's colours on a dark screen; None where its paper is dark anyway."""
    if look.dark is not None:
        return look.dark
    return None if is_dark(look.properties["--paper"]) else darkened(look.properties["--accent"])


def darkened(accent: str) -> Mapping[str, str]:
    """A dark palette in the hue of an accent, readable throughout."""
    hue, _, depth = colorsys.rgb_to_hls(*(int(accent[at : at + 2], 16) / 255 for at in (1, 3, 5)))
    tint = min(depth, 0.22)
    paper, surface, line = (_hls(hue, lightness, tint) for lightness in (0.085, 0.135, 0.27))
    return _properties(
        {
            "accent": _lightened(hue, min(depth, 0.85), surface),
            "on_accent": paper,
            "ink": _hls(hue, 0.95, tint),
            "muted": _hls(hue, 0.74, tint),
            "paper": paper,
            "surface": surface,
            "line": line,
        }
    )


def _lightened(hue: float, depth: float, ground: str) -> str:
    """The darkest colour of a hue that stands out on a ground as text does, and a little more."""
    return next(
        found
        for step in range(45, 101)
        if contrast(found := _hls(hue, step / 100, depth), ground) >= _DARK_ACCENT_CONTRAST
    )


def _hls(hue: float, lightness: float, depth: float) -> str:
    return "#" + "".join(
        f"{round(channel * 255):02x}" for channel in colorsys.hls_to_rgb(hue, lightness, depth)
    )


def _properties(colours: Mapping[str, str]) -> dict[str, str]:
    return {f"--{key.replace('_', '-')}": colour for key, colour in colours.items()}


def _read_colours(table: Table) -> Mapping[str, str]:
    colours = {key: table.text(key, form.COLOUR) for key in _COLOURS}
    for key, ground, least in CONTRASTS:
        if colours[key] and colours[ground]:
            found = contrast(colours[key], colours[ground])
            if found < least:
                table.tell(
                    Rule.LOW_CONTRAST,
                    f"its contrast with {ground} is {found:.2f}, and {least} is needed",
                    f"choose {key} and {ground} further apart in lightness",
                    key,
                )
    return colours


def _check_ground(table: Table, dark: Mapping[str, str]) -> None:
    for key in ("paper", "surface"):
        if dark[key] and not is_dark(dark[key]):
            table.tell(
                Rule.WRONG_FORM,
                f"{dark[key]} is no ground for a dark screen",
                "choose one on which white reads better than black, or leave [look.dark] out",
                key,
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
