"""What the pages say: all of it in each language, and nothing else."""

import itertools
import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from consentid.web.pages.words import LANGUAGES, choose_language, words_of

_PAGES = Path(str(files("consentid.web.pages")))
_BRANDBOOK = Path(str(files("consentid.brandbook")))
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def _said() -> set[str]:
    found = extract_from_dir(
        str(_PAGES),
        [("templates/**.*", "jinja2"), ("**.py", "python")],
        keywords={"_": None, "ngettext": (1, 2), "say": None},
    )
    # What a version changes is put into words by the room that knows the files.
    changes = extract_from_dir(
        str(_BRANDBOOK), [("difference.py", "python")], keywords={"change": None}
    )
    every = itertools.chain(found, changes)
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in every}


def _catalogue(language: str) -> Catalog:
    with (_PAGES / "locales" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def _forms(text: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def _messages(catalogue: Catalog) -> list[Message]:
    return [each for each in catalogue if each.id]


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_catalogue_says_all_that_the_pages_say_and_nothing_else(language: str) -> None:
    catalogue = _catalogue(language)
    assert {_forms(each.id)[0] for each in _messages(catalogue)} == _said()
    for each in _messages(catalogue):
        assert all(_forms(each.string)), each.id
        assert not each.fuzzy
    assert not catalogue.obsolete


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_translation_keeps_the_places_of_its_message(language: str) -> None:
    for each in _messages(_catalogue(language)):
        wanted = set(_PLACEHOLDER.findall(_forms(each.id)[-1]))
        for text in _forms(each.string):
            # A singular may leave its number out.
            assert wanted - {"num"} <= set(_PLACEHOLDER.findall(text)) <= wanted


def test_french_never_breaks_a_line_before_its_punctuation() -> None:
    for each in _messages(_catalogue("fr")):
        for text in _forms(each.string):
            assert not re.search(r" [:;?!»]|« ", text), text


def test_the_first_of_a_month_is_an_ordinal_in_french() -> None:
    days = [date(2027, 6, 1), date(2027, 6, 11)]
    assert [words_of("fr").date(day) for day in days] == ["1er juin 2027", "11 juin 2027"]
    assert words_of("en").date(days[0]) == "1 June 2027"


def test_a_language_says_its_own_name() -> None:
    assert [words_of(tag).own_name for tag in ("en", "fr", "de", "ar")] == [
        "English",
        "Français",
        "Deutsch",
        "العربية",
    ]


def test_a_language_without_a_catalogue_keeps_its_direction() -> None:
    assert (words_of("ar").direction, words_of("fr").direction) == ("rtl", "ltr")
    assert words_of("ar").say("Continue") == "Continue"


def test_a_region_is_no_reason_for_another_language() -> None:
    assert choose_language(["fr-CA", "en"], ["en", "fr"]) == "fr"
    assert choose_language(["de"], ["en", "fr"]) == "en"
    assert choose_language(["fr"], ["en", "fr-BE"]) == "fr-BE"


@given(st.lists(st.text(max_size=8), max_size=4))
def test_whatever_is_preferred_a_language_on_offer_is_chosen(preferred: list[str]) -> None:
    assert choose_language(preferred, ["en", "fr"]) in {"en", "fr"}
