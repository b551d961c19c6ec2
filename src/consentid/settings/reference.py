"""The reference: every setting with its default and its meaning, from the docstrings beside it."""

import ast
import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from consentid.settings import chosen
from consentid.settings.chosen import SECRETS, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One setting."""

    name: str
    said: str
    """What it means, on one line."""
    default: object
    is_secret: bool


def entries() -> Sequence[Entry]:
    """Every setting, in the order of the object."""
    said = _docstrings()
    return [
        Entry(
            name=field.name,
            said=said[field.name],
            default=field.default,
            is_secret=field.name in SECRETS,
        )
        for field in msgspec.structs.fields(Settings)
    ]


def plain(value: object) -> object:
    """A setting's value as JSON has it."""
    match value:
        case Path():
            return str(value)
        case tuple():
            return list(cast("tuple[object, ...]", value))
        case _:
            return value


def markdown() -> str:
    """The reference as a table."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for entry in entries():
        default = plain(entry.default)
        shown = "" if default in (None, []) else f"`{str(default).lower()}`"
        name = f"`{entry.name}`{' *' if entry.is_secret else ''}"
        lines.append(f"| {name} | {shown} | {entry.said} |")
    return "\n".join(lines)


def _docstrings() -> Mapping[str, str]:
    """What stands below each field of the object."""
    tree = ast.parse(inspect.getsource(chosen))
    (body,) = [
        each.body
        for each in tree.body
        if isinstance(each, ast.ClassDef) and each.name == Settings.__name__
    ]
    found: dict[str, str] = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match below:
                case ast.Expr(value=ast.Constant(value=str() as text)):
                    found[field.target.id] = " ".join(text.replace("``", "`").split())
                case _:
                    pass
    return found
