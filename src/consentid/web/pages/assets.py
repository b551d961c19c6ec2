"""The style sheets: ours, and one per look.  Each address names its content, so it keeps for ever.

Spec: Subresource Integrity (W3C); RFC 8246 (immutable).
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from consentid.brandbook.book import Book, Look
from consentid.brandbook.look import contrast
from consentid.core.party import Party

FOLDER: Final = "/assets"
_STATIC: Final = files("consentid.web.pages") / "static"
_DIGEST_LENGTH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleSheet:
    """A style sheet, its address and what a page pins it to."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the content, shortened.  16 hexadecimal characters."""
        return hashlib.sha256(self.content).hexdigest()[:_DIGEST_LENGTH]

    @property
    def file(self) -> str:
        """The last part of its address."""
        return f"{self.name}.{self.digest}.css"

    @property
    def path(self) -> str:
        """Its address."""
        return f"{FOLDER}/{self.file}"

    @property
    def integrity(self) -> str:
        """For the page's ``integrity`` attribute."""
        return f"sha256-{base64.b64encode(hashlib.sha256(self.content).digest()).decode()}"


PAGE_STYLE: Final = StyleSheet(name="pages", content=(_STATIC / "pages.css").read_bytes())
"""Our own rules, which take every colour from a look's properties."""


@lru_cache(maxsize=256)
def _look_style(name: str, properties: tuple[tuple[str, str], ...]) -> StyleSheet:
    told = dict(properties)
    # Controls, scroll bars and form fields follow the brand's paper, not the system.
    paper = told["--paper"]
    is_dark = contrast(paper, "#ffffff") > contrast(paper, "#000000")
    rules = "".join(f"{key}:{text};" for key, text in properties)
    scheme = "dark" if is_dark else "light"
    return StyleSheet(name=name, content=f":root{{{rules}color-scheme:{scheme}}}\n".encode())


def look_style(look: Look, name: str) -> StyleSheet:
    """The style sheet of a look.  Its values passed a closed form, so none carries a rule."""
    return _look_style(name, tuple(sorted(look.properties.items())))


def find_style(book: Book, unverified_file: str) -> StyleSheet | None:
    """The style sheet that an address names, ours or a look of the configuration in force."""
    if unverified_file == PAGE_STYLE.file:
        return PAGE_STYLE
    found = (look_style(look, name) for name, look in _looks(book))
    return next((sheet for sheet in found if sheet.file == unverified_file), None)


def style_name(party: Party | None) -> str:
    """``brand-news``, ``partner-reach``, ``group``: no two looks share one."""
    return "group" if party is None else f"{party.kind}-{party.slug}"


def _looks(book: Book) -> Iterator[tuple[str, Look]]:
    yield style_name(None), book.group.look
    for profile in (*book.brands.values(), *book.partners.values()):
        yield style_name(profile.party), profile.look
