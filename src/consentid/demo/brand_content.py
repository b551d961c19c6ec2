"""What the demo's brands publish: invented stories, goods and programmes, in every language.

They lie as TOML in ``brand_files/content``; one file per brand and language, and one per language
for the words that all three sites say.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import msgspec

LANGUAGES: Final = ("en", "fr")
FOLDER: Final[Traversable] = files("consentid.demo") / "brand_files"
PLACES: Final[Mapping[str, str]] = {"news": "stories", "shop": "goods", "play": "programmes"}
"""By brand: the first part of the address of everything that it publishes."""
_SHELF: Final = 4


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One story, article for sale or programme."""

    slug: str
    kind: str
    title: str
    lead: str
    note: str
    """What stands beside it: how long it takes, what it costs."""
    body: list[str]
    facts: list[list[str]] = []
    place: str = ""
    """Set when read."""

    @property
    def path(self) -> str:
        """Its page."""
        return f"/{self.place}/{self.slug}"


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a brand publishes, in one language."""

    description: str
    tagline: str
    items: list[Item]

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Each kind, with the first item of it."""
        first: dict[str, str] = {}
        for item in self.items:
            first.setdefault(item.kind, item.slug)
        return list(first.items())

    @property
    def shelf(self) -> list[Item]:
        """What the editors picked for everybody."""
        return self.shelf_beside("")

    def shelf_beside(self, reading: str) -> list[Item]:
        """The same without what is being read."""
        return [one for one in reversed(self.items) if one.slug != reading][:_SHELF]

    @property
    def above_the_shelf(self) -> list[Item]:
        """What a front page that shows nothing twice lists itself."""
        return self.items[: len(self.items) - len(self.shelf)]


@cache
def content_of(brand: str, language: str) -> Content:
    """What a brand publishes."""
    text = _read(f"{brand}.{language}.toml")
    read = msgspec.toml.decode(text, type=Content)
    placed = [msgspec.structs.replace(one, place=PLACES[brand]) for one in read.items]
    return msgspec.structs.replace(read, items=placed)


@cache
def words_of(language: str) -> Mapping[str, Any]:
    """What all sites say; a table per brand for what only that one says."""
    return msgspec.toml.decode(_read(f"words.{language}.toml"), type=dict[str, Any])


@cache
def tv_words_of(language: str) -> Mapping[str, Any]:
    """What the app on the television says, and which purposes it asks about."""
    return msgspec.toml.decode(_read(f"tv.{language}.toml"), type=dict[str, Any])


def _read(name: str) -> str:
    return (FOLDER / "content" / name).read_text(encoding="utf-8")
