"""The pages' own words in each language, and how a language writes dates, lists and names.

The words are gettext catalogues, ``locales/<language>.po``, read as they are: no compiled copy that
could say another thing.  What the group writes itself comes from its files, not from here.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final, final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES: Final = ("en", "fr")
"""What the pages themselves speak; the first is what the templates are written in."""
_EUROPEAN: Final = Locale("en", "150")
_FOLDER: Final = files("consentid.web.pages") / "locales"


@final
class Words:
    """One language, as the pages speak it."""

    def __init__(self, tag: str) -> None:
        self.tag: str = tag
        self._locale: Locale = _locale(tag)
        self.translations: NullTranslations = _translations(self._locale.language)

    def say(self, message: str) -> str:
        """A text of ours."""
        return self.translations.ugettext(message)

    def month(self, day: date) -> str:
        """``December 2026``, as the language has it."""
        return format_skeleton("yMMMM", day, locale=self._locale)

    def date(self, day: date) -> str:
        """``12 December 2026``, as the language has it."""
        # Plain English would be American: the month first.
        locale = _EUROPEAN if str(self._locale) == "en" else self._locale
        told = format_date(day, "long", locale)
        # The first of a month is an ordinal in French, which the locale data leave out.
        is_ordinal = self._locale.language == "fr" and day.day == 1
        return told.replace("1 ", "1er ", 1) if is_ordinal else told

    def lasting(self, time: timedelta) -> str:
        """``3 hours``, as the language has it; a minute at least."""
        shown = max(time, timedelta(minutes=1))
        return format_timedelta(shown, granularity="minute", threshold=2, locale=self._locale)

    def list(self, names: Iterable[str]) -> str:
        """``A, B and C``, as the language has it."""
        return format_list(list(names), locale=self._locale)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return self._locale.text_direction

    @property
    def own_name(self) -> str:
        """The language's name in itself, with a capital."""
        name = self._locale.get_display_name(self._locale) or self.tag
        return name[:1].upper() + name[1:]


@cache
def words_of(tag: str) -> Words:
    """The words of a language that the group declares; English where we have no catalogue."""
    return Words(tag)


def choose_language(preferred: Sequence[str], offered: Sequence[str]) -> str:
    """The first preferred language that is offered, whatever its region; else the first offered."""
    for wanted in preferred:
        short = wanted.lower().partition("-")[0]
        for tag in offered:
            if tag.lower() == wanted.lower():
                return tag
        for tag in offered:
            if tag.lower().partition("-")[0] == short:
                return tag
    return offered[0]


def _locale(tag: str) -> Locale:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale(LANGUAGES[0])


@cache
def _translations(language: str) -> NullTranslations:
    if language == LANGUAGES[0] or language not in LANGUAGES:
        return NullTranslations()
    with (_FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
