"""The words of a notice: read per language, checked, and filled in with names."""

import string
from collections.abc import Mapping, Sequence
from typing import Final

from consentid.brandbook import form
from consentid.brandbook.notice import NoticeTexts
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table, suggest

AND: Final = "and"
"""The word that joins the last two names of a list."""
KEYS: Final[tuple[str, ...]] = (*NoticeTexts.__slots__, AND)

_PLACEHOLDERS: Final = ("group", "brand", "brands")
_LONG: Final = frozenset({"body", "reach_group", "reach_own", "account", "withdraw"})

Wording = Mapping[str, Mapping[str, str]]
"""By language, then by key."""


def read_wording(table: Table, languages: Sequence[str], fallback: Wording | None) -> Wording:
    """Read ``[texts]``; what a brand leaves out, in all languages, it takes from the group."""
    found: dict[str, dict[str, str]] = {}
    said: dict[str, str] = {}
    for language, texts in table.tables():
        if language not in languages:
            texts.tell(
                Rule.UNKNOWN_LANGUAGE,
                "the group does not declare this language",
                f"remove it, or add it to languages in group.toml (now: {', '.join(languages)})",
            )
            continue
        found[language] = {}
        for key in KEYS:
            text = texts.find_text(key, form.PARAGRAPH if key in _LONG else form.LINE)
            if key in texts:
                said[key] = language
            if text is not None:
                found[language][key] = text
                _check_placeholders(texts, key, text)
        texts.close()
    _check_complete(table, languages, said, required=fallback is None)
    # What is still missing was noted, and no book comes of it.
    return {
        language: {
            key: found.get(language, {}).get(key) or (fallback or {}).get(language, {}).get(key, "")
            for key in KEYS
        }
        for language in languages
    }


def fill(
    words: Mapping[str, str], *, group: str, brand: str, brands: Sequence[str], account: bool
) -> NoticeTexts:
    """Put the names in, and leave out the account's words where nothing is attached to it."""
    joined = join(brands, words[AND])
    filled = {
        key: words[key].format(group=group, brand=brand, brands=joined)
        for key in NoticeTexts.__slots__
    }
    return NoticeTexts(**(filled if account else {**filled, "account": ""}))


def join(names: Sequence[str], word: str) -> str:
    """``A, B and C``."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def _check_complete(
    table: Table, languages: Sequence[str], said: Mapping[str, str], *, required: bool
) -> None:
    for language in languages:
        present = table.table(language)
        for key in KEYS:
            if key in present or not (required or key in said):
                continue
            message = f'no text in the declared language "{language}"'
            if not required:
                message += f', though there is one in "{said[key]}"'
            table.tell(Rule.MISSING_TEXT, message, f'write {key} = "..." in it', language, key)


def _check_placeholders(table: Table, key: str, text: str) -> None:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        table.tell(
            Rule.UNKNOWN_PLACEHOLDER,
            "a brace stands alone",
            "write {{ and }} for braces that are meant",
            key,
        )
        return
    for _, name, spec, conversion in parts:
        if name is not None and (name not in _PLACEHOLDERS or spec or conversion):
            table.tell(
                Rule.UNKNOWN_PLACEHOLDER,
                f'there is nothing to put in for "{{{name}}}"',
                suggest(name, _PLACEHOLDERS),
                key,
            )
