"""Every key of a file is found on the line where a reader finds it."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.brandbook.folders import HALCYON

from consentid.brandbook.place import KeyPath, locate, spell

TEXT = '''# A comment with a [header] and a = sign
title = "one"   # line 2
a.b."c.d" = 1

[x."y.z"]
list = [ # line 6
  1, # not a key = 7
  { deep = """
[not.a.header]
key = "no"
""", "caf\\u00e9" = 'x' },
]

[[shop]]
name = \'\'\'
[[shop]]\'\'\'
[shop.address]
street = 1

[[shop]]
name = 2
[[shop.till]]
n = 1
[[shop.till]]
n = 2
'''


def paths(value: object, above: KeyPath = ()) -> Iterator[KeyPath]:
    if above:
        yield above
    if isinstance(value, dict):
        for key, below in cast("dict[str, object]", value).items():
            yield from paths(below, (*above, key))
    elif isinstance(value, list):
        for index, below in enumerate(cast("list[object]", value)):
            yield from paths(below, (*above, index))


def test_keys_tables_and_items_stand_where_they_were_written() -> None:
    lines = {spell(path): line for path, line in locate(TEXT).items()}
    assert lines == {
        "title": 2,
        "a": 3,
        "a.b": 3,
        'a.b."c.d"': 3,
        "x": 5,
        'x."y.z"': 5,
        'x."y.z".list': 6,
        'x."y.z".list[0]': 7,
        'x."y.z".list[1]': 8,
        'x."y.z".list[1].deep': 8,
        'x."y.z".list[1]."café"': 11,
        "shop": 14,
        "shop[0]": 14,
        "shop[0].name": 15,
        "shop[0].address": 17,
        "shop[0].address.street": 18,
        "shop[1]": 20,
        "shop[1].name": 21,
        "shop[1].till": 22,
        "shop[1].till[0]": 22,
        "shop[1].till[0].n": 23,
        "shop[1].till[1]": 24,
        "shop[1].till[1].n": 25,
    }
    assert set(lines) == {spell(path) for path in paths(tomllib.loads(TEXT))}


@pytest.mark.parametrize("path", sorted(HALCYON.rglob("*.toml")), ids=lambda path: path.name)
def test_the_standard_parser_and_the_places_see_the_same_keys(path: "object") -> None:
    text = (HALCYON / str(path)).read_text(encoding="utf-8")
    assert set(locate(text)) == set(paths(tomllib.loads(text)))


def quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else f'"{escaped}"'


def array(items: list[str]) -> str:
    return "[\n" + "".join(f"{item}, # c = 1\n" for item in items) + "]"


def inline_table(pairs: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{quoted(key)} = {value}" for key, value in pairs.items()) + " }"


keys = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6),
)
scalars = st.sampled_from(
    [
        "1",
        "true",
        '"[a]\\nb = 1"',
        "'# no'",
        '"""\n[t]\nk = 1\n"""',
        "1979-05-27",
        "-0.5",
        "'''\n'''",
    ]
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(array),
        st.dictionaries(keys, inner, max_size=3).map(inline_table),
    ),
    max_leaves=4,
)


tables: st.SearchStrategy[Mapping[str, Mapping[str, str]]] = st.dictionaries(
    keys, st.dictionaries(keys, values, max_size=3), max_size=4
)


@given(tables)
def test_any_valid_text_gives_each_key_its_line(written: Mapping[str, Mapping[str, str]]) -> None:
    text = ""
    expected: dict[KeyPath, int] = {}
    for header, pairs in written.items():
        text += "# noise = [\n"
        expected[header,] = text.count("\n") + 1
        text += f"[{quoted(header)}]\n"
        for key, value in pairs.items():
            expected[header, key] = text.count("\n") + 1
            text += f"{quoted(key)} = {value} # noise\n"
    found = locate(text)
    assert set(found) == set(paths(tomllib.loads(text)))
    assert {path: found[path] for path in expected} == expected
