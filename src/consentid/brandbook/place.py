"""Where each key of a TOML text stands.

The standard parser gives values without positions, so a syntax tree is read beside it, of texts
that the standard parser has already found valid.  Spec: TOML 1.0.0.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the top down; an integer is a place in an array."""

_LANGUAGE: Final = Language(tree_sitter_toml.language())
_KEYS: Final = frozenset({"bare_key", "quoted_key", "dotted_key"})


def locate(text: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of every key, table and array item of a valid TOML text."""
    lines: dict[KeyPath, int] = {}
    arrays: dict[KeyPath, int] = {}
    for node in Parser(_LANGUAGE).parse(text.encode()).root_node.named_children:
        match node.type:
            case "pair":
                _note_pair(node, (), lines)
            case "table" | "table_array_element":
                _note_table(node, arrays, lines)
            case _:
                pass
    return lines


def spell(path: KeyPath) -> str:
    """A path as one would write it: ``purposes."ads.tv".basis``, ``domains[1]``."""
    spelled = ""
    for key in path:
        if isinstance(key, int):
            spelled += f"[{key}]"
        else:
            bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
            spelled += "." * bool(spelled) + (key if bare else f'"{key}"')
    return spelled


def _note_table(node: Node, arrays: dict[KeyPath, int], lines: dict[KeyPath, int]) -> None:
    key, *rest = (child for child in node.named_children if child.type != "comment")
    path: KeyPath = ()
    # A header below an array of tables speaks of the array's latest element.
    *above, last = _keys(key)
    for part in above:
        path = (*path, part)
        if path in arrays:
            path = (*path, arrays[path])
    path = (*path, last)
    if node.type == "table_array_element":
        arrays[path] = arrays.get(path, -1) + 1
        lines.setdefault(path, _line(node))
        path = (*path, arrays[path])
    _note(path, _line(node), lines)
    for pair in rest:
        _note_pair(pair, path, lines)


def _note_pair(node: Node, above: KeyPath, lines: dict[KeyPath, int]) -> None:
    key, *rest = (child for child in node.named_children if child.type != "comment")
    path = (*above, *_keys(key))
    _note(path, _line(key), lines)
    for value in rest:
        _note_value(value, path, lines)


def _note_value(node: Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    parts = [child for child in node.named_children if child.type != "comment"]
    match node.type:
        case "inline_table":
            for pair in parts:
                _note_pair(pair, path, lines)
        case "array":
            for index, item in enumerate(parts):
                _note((*path, index), _line(item), lines)
                _note_value(item, (*path, index), lines)
        case _:
            pass


def _note(path: KeyPath, line: int, lines: dict[KeyPath, int]) -> None:
    # A table made by a longer header stands where it was first mentioned, unless it gets its own.
    for length in range(1, len(path)):
        lines.setdefault(path[:length], line)
    lines[path] = line


def _keys(node: Node) -> Iterator[str]:
    if node.type == "dotted_key":
        for child in node.named_children:
            if child.type in _KEYS:
                yield from _keys(child)
        return
    text = (node.text or b"").decode()
    # The standard parser knows how quoted keys are escaped.
    yield tomllib.loads(f"key = {text}")["key"] if node.type == "quoted_key" else text


def _line(node: Node) -> int:
    return node.start_point.row + 1
