"""Style sheets, icons and a script: ours, and two per look.  An address names its content.

Spec: Subresource Integrity (W3C); RFC 8246 (immutable).
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final, TypeAlias

from consentid.brandbook.book import Book, Look
from consentid.brandbook.look import dark_of, is_dark
from consentid.core.party import Party

FOLDER: Final = "/assets"
_STATIC: Final = files("consentid.web.pages") / "static"
_DIGEST_LENGTH: Final = 16
_ICON_SIZE_PX: Final = 32
_Properties: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file, its address and what a page pins it to."""

    name: str
    extension: str
    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the content, shortened.  16 hexadecimal characters."""
        return hashlib.sha256(self.content).hexdigest()[:_DIGEST_LENGTH]

    @property
    def file(self) -> str:
        """The last part of its address."""
        return f"{self.name}.{self.digest}.{self.extension}"

    @property
    def path(self) -> str:
        """Its address."""
        return f"{FOLDER}/{self.file}"

    @property
    def integrity(self) -> str:
        """For the page's ``integrity`` attribute."""
        return f"sha256-{base64.b64encode(hashlib.sha256(self.content).digest()).decode()}"


def _style(name: str, content: bytes) -> Asset:
    return Asset(name=name, extension="css", media_type="text/css", content=content)


PAGE_STYLE: Final = _style("pages", (_STATIC / "pages.css").read_bytes())
"""Our own rules, which take every colour from a look's properties."""
PREFERENCES_STYLE: Final = _style("preferences", (_STATIC / "preferences.css").read_bytes())
"""What the preference centre needs besides."""
VISIT_SCRIPT: Final = Asset(
    name="visit",
    extension="js",
    media_type="text/javascript",
    content=(_STATIC / "visit.js").read_bytes(),
)
"""What takes a code out of an address."""
LINK_SCRIPT: Final = Asset(
    name="link",
    extension="js",
    media_type="text/javascript",
    content=(_STATIC / "link.js").read_bytes(),
)
"""What takes a consent link out of an address.  Our own pages have no other script."""
_OWN: Final = {
    asset.file: asset for asset in (PAGE_STYLE, PREFERENCES_STYLE, VISIT_SCRIPT, LINK_SCRIPT)
}


@lru_cache(maxsize=256)
def _look_style(name: str, properties: _Properties, dark: _Properties | None) -> Asset:
    # Controls, scroll bars and form fields follow the brand's paper, not the system.
    scheme = "dark" if is_dark(dict(properties)["--paper"]) else "light"
    rules = _root(properties, scheme)
    if dark is not None:
        # On paper, ink is dark.
        rules += f"@media screen and (prefers-color-scheme:dark){{{_root(dark, 'dark')}}}"
    return _style(name, f"{rules}\n".encode())


def _root(properties: _Properties, scheme: str) -> str:
    rules = "".join(f"{key}:{text};" for key, text in properties)
    return f":root{{{rules}color-scheme:{scheme}}}"


def look_style(look: Look, name: str) -> Asset:
    """The style sheet of a look.  Its values passed a closed form, so none carries a rule."""
    dark = dark_of(look)
    return _look_style(
        name,
        tuple(sorted(look.properties.items())),
        None if dark is None else tuple(sorted(dark.items())),
    )


@lru_cache(maxsize=256)
def _icon(name: str, accent: str, radius: str) -> Asset:
    number = float(radius.rstrip("pxrem"))
    corner = min(number * (16 if radius.endswith("rem") else 1), _ICON_SIZE_PX / 2)
    size, side = _ICON_SIZE_PX, _ICON_SIZE_PX - 4
    content = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}">'
        f'<rect x="2" y="2" width="{side}" height="{side}" rx="{corner:g}"'
        f' fill="{accent}"/></svg>\n'
    )
    return Asset(name=name, extension="svg", media_type="image/svg+xml", content=content.encode())


def look_icon(look: Look, name: str) -> Asset:
    """The mark that stands before a logo, for the browser's tab."""
    return _icon(name, look.properties["--accent"], look.properties["--radius"])


def find_asset(book: Book, unverified_file: str) -> Asset | None:
    """The file that an address names, ours or of a look in the configuration in force."""
    own = find_own_asset(unverified_file)
    if own is not None:
        return own
    found = (
        asset
        for name, look in _looks(book)
        for asset in (look_style(look, name), look_icon(look, name))
    )
    return next((asset for asset in found if asset.file == unverified_file), None)


def find_own_asset(unverified_file: str) -> Asset | None:
    """The file of ours that an address names: no configuration is needed for it."""
    return _OWN.get(unverified_file)


def style_name(party: Party | None) -> str:
    """``brand-news``, ``partner-reach``, ``group``: no two looks share one."""
    return "group" if party is None else f"{party.kind}-{party.slug}"


def _looks(book: Book) -> Iterator[tuple[str, Look]]:
    yield style_name(None), book.group.look
    for profile in (*book.brands.values(), *book.partners.values()):
        yield style_name(profile.party), profile.look
