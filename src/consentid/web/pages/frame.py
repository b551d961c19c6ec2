"""What stands around every page: the look, the language, who answers for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from consentid.brandbook.book import Book, Entity, Profile
from consentid.web.pages.assets import Asset, look_icon, look_style, style_name
from consentid.web.pages.words import words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageLink:
    """The same page in another language."""

    tag: str
    name: str
    """In itself."""
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Around a page."""

    language: str
    name: str
    """The brand's, or the group's."""
    logo: str
    group: str
    style: Asset | None = None
    """None where no configuration is at hand: the page's own look, then."""
    icon: Asset | None = None
    entity: Entity | None = None
    """Who answers for what the page asks."""
    languages: tuple[LanguageLink, ...] = ()
    """None where the page cannot be shown again."""


def frame_of(book: Book, profile: Profile | None, language: str, *, path: str | None) -> Frame:
    """The frame of a brand's or partner's page, or of the group's where there is none.

    ``path`` is where the page can be asked for again, without a query; None if it cannot.
    """
    look, name, entity = (
        (book.group.look, book.group.name, book.group.entity)
        if profile is None
        else (profile.look, profile.name, profile.entity)
    )
    style = style_name(None if profile is None else profile.party)
    return Frame(
        language=language,
        name=name,
        logo=look.logo,
        style=look_style(look, style),
        icon=look_icon(look, style),
        entity=entity,
        group=book.group.name,
        languages=() if path is None else _links(book.group.languages, language, path),
    )


def bare_frame(language: str) -> Frame:
    """The frame of a page that must be shown though no configuration is at hand."""
    return Frame(language=language, name="consentid", logo="consentid", group="")


def _links(tags: Sequence[str], current: str, path: str) -> tuple[LanguageLink, ...]:
    return tuple(
        LanguageLink(
            tag=tag,
            name=words_of(tag).own_name,
            href=f"{path}?lang={tag}",
            is_current=tag == current,
        )
        for tag in tags
    )
