"""A TOML table, read key by key; what is wrong with it is noted and reading goes on.

Each accessor takes note that its key is known; ``close`` then tells the keys that nobody asked for.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar, cast

from consentid.brandbook.form import Form
from consentid.brandbook.page import Page
from consentid.brandbook.place import KeyPath, spell
from consentid.brandbook.problem import Rule

_Word = TypeVar("_Word", bound=StrEnum)


class Table:
    """A table of one page."""

    def __init__(self, page: Page, path: KeyPath, values: Mapping[str, object]) -> None:
        self.page: Page = page
        self.path: KeyPath = path
        self._values: Mapping[str, object] = values
        self._known: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        """Whether the key was written."""
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        """The keys, in the order written."""
        return iter(self._values)

    def at(self, *keys: str | int) -> KeyPath:
        """The path of a key of this table."""
        return (*self.path, *keys)

    def tell(self, rule: Rule, message: str, remedy: str, *keys: str | int) -> None:
        """Note a problem at a key of this table, or at the table itself."""
        self.page.tell(self.at(*keys), rule, message, remedy)

    def close(self, remedies: Mapping[str, str] | None = None) -> None:
        """Note every key that nobody asked for."""
        for key in self._values:
            if key in self._known:
                continue
            remedy = (remedies or {}).get(key) or suggest(key, self._known)
            self.tell(Rule.UNKNOWN_KEY, "unknown key", remedy, key)

    def holds_text(self, key: str) -> bool:
        """Whether a text was written there, for keys that take a text or something else."""
        return isinstance(self._take(key), str)

    def find_text(self, key: str, form: Form) -> str | None:
        """A text of the given form, or None where it is missing or wrong."""
        value = self._take(key)
        return self._formed(value, form, key) if value is not None else None

    def text(self, key: str, form: Form) -> str:
        """A required text; empty where it is missing or wrong, which is noted."""
        self._require(key, form.right)
        return self.find_text(key, form) or ""

    def texts(self, key: str, form: Form, *, required: bool = False) -> tuple[str, ...]:
        """An array of different texts; wrong items are noted and left out."""
        if required:
            self._require(key, f"an array, each item {form.right}")
        found: dict[str, None] = {}
        for index, item in enumerate(self._array(key)):
            text = self._formed(item, form, key, index)
            if text is not None and text in found:
                self.tell(Rule.DUPLICATE, f'"{text}" stands here twice', "keep one", key, index)
            elif text is not None:
                found[text] = None
        if required and not found and key in self._values:
            self.tell(Rule.MISSING_KEY, "this is empty", f"give at least one: {form.right}", key)
        return tuple(found)

    def find_integer(self, key: str, *, low: int, high: int) -> int | None:
        """A whole number within bounds, or None where it is missing or wrong."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self._mistyped(value, f"a whole number from {low} to {high}", key)
            return None
        if not low <= value <= high:
            self.tell(
                Rule.WRONG_FORM,
                f"{value} is out of bounds",
                f"write a whole number from {low} to {high}",
                key,
            )
            return None
        return value

    def integers(self, key: str, *, low: int, high: int) -> tuple[int, ...]:
        """An array of whole numbers within bounds; wrong items are noted and left out."""
        found: list[int] = []
        for index, item in enumerate(self._array(key)):
            if isinstance(item, bool) or not isinstance(item, int) or not low <= item <= high:
                self._mistyped(item, f"a whole number from {low} to {high}", key, index)
            else:
                found.append(item)
        return tuple(found)

    def find_flag(self, key: str) -> bool | None:
        """True or false, or None where it is missing or wrong."""
        value = self._take(key)
        if value is None or isinstance(value, bool):
            return value
        self._mistyped(value, "true or false, without quotes", key)
        return None

    def find_date(self, key: str) -> date | None:
        """A calendar date, or None where it is missing or wrong."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self._mistyped(value, "a date such as 2026-01-31, without quotes", key)
        return None

    def find_word(self, key: str, words: type[_Word]) -> _Word | None:
        """One of a closed set of words, or None where it is missing or wrong."""
        value = self._take(key)
        return None if value is None else self._word(value, words, key)

    def word(self, key: str, words: type[_Word]) -> _Word | None:
        """A required word; None where it is missing or wrong, which is noted."""
        self._require(key, one_of(words))
        return self.find_word(key, words)

    def words(self, key: str, words: type[_Word]) -> tuple[_Word, ...]:
        """A required array of words; wrong items are noted and left out."""
        self._require(key, f"an array, each item {one_of(words)}")
        found = (self._word(item, words, key, index) for index, item in enumerate(self._array(key)))
        return tuple(word for word in found if word is not None)

    def table(self, key: str, *, required: bool = False) -> "Table":
        """A table below; an empty one where it is missing or wrong, which is noted."""
        if required:
            self._require(key, f"a table [{spell(self.at(key))}]")
        value = self._take(key)
        if value is not None and not isinstance(value, dict):
            self._mistyped(value, f"a table [{spell(self.at(key))}]", key)
            value = None
        values = cast("dict[str, object]", value or {})
        return Table(self.page, self.at(key), values)

    def tables(self) -> Iterator[tuple[str, "Table"]]:
        """Every key of this table with the table under it; what is no table is noted."""
        for key in self._values:
            found = self.table(key)
            if isinstance(self._values[key], dict):
                yield key, found

    def items(self, key: str) -> Iterator["Table"]:
        """An array of tables."""
        for index, item in enumerate(self._array(key)):
            if isinstance(item, dict):
                values = cast("dict[str, object]", item)
                yield Table(self.page, self.at(key, index), values)
            else:
                self._mistyped(item, "a table: { ... }", key, index)

    def take(self, key: str) -> object | None:
        """Whatever was written, for what has a reader of its own."""
        return self._take(key)

    def _take(self, key: str) -> object | None:
        self._known[key] = None
        return self._values.get(key)

    def _require(self, key: str, right: str) -> None:
        if key not in self._values:
            self.tell(Rule.MISSING_KEY, "this is missing", f"write {key}: {right}", key)

    def _array(self, key: str) -> Sequence[object]:
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._mistyped(value, "an array: [ ... ]", key)
            return ()
        return cast("list[object]", value)

    def _formed(self, value: object, form: Form, *keys: str | int) -> str | None:
        if not isinstance(value, str):
            self._mistyped(value, form.right, *keys)
            return None
        if not form.fits(value):
            self.tell(Rule.WRONG_FORM, f"{_shown(value)} will not do", f"write {form.right}", *keys)
            return None
        return value

    def _word(self, value: object, words: type[_Word], *keys: str | int) -> _Word | None:
        known = {word.value: word for word in words}
        if isinstance(value, str) and value in known:
            return known[value]
        if isinstance(value, str):
            remedy = suggest(value, known) if _near(value, known) else f"write {one_of(words)}"
            self.tell(Rule.WRONG_FORM, f"{_shown(value)} will not do", remedy, *keys)
        else:
            self._mistyped(value, one_of(words), *keys)
        return None

    def _mistyped(self, value: object, right: str, *keys: str | int) -> None:
        self.tell(Rule.WRONG_TYPE, f"this is {_kind(value)}", f"write {right}", *keys)


def suggest(wrong: str, known: Iterable[str]) -> str:
    """What was probably meant, or else what may be written."""
    candidates = list(known)
    near = _near(wrong, candidates)
    if near:
        return f'did you mean "{near[0]}"?'
    if not candidates:
        return "remove it"
    return f"remove it, or write one of: {', '.join(candidates)}"


def one_of(words: type[StrEnum]) -> str:
    """The words of a closed set, for a remedy."""
    return "one of " + ", ".join(f'"{word.value}"' for word in words)


def _near(wrong: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)


def _shown(value: str) -> str:
    short = value if len(value) <= 60 else f"{value[:57]}..."  # noqa: PLR2004 - a terminal's line
    return f'"{short}"'


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or time"
