"""One file: its values, the line of each key, and what is wrong with it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from consentid.brandbook.place import KeyPath, locate, spell
from consentid.brandbook.problem import Problem, Rule

_POSITION: Final = re.compile(r" \((?:at line (\d+), column (\d+)|at end of document)\)$")
_TWICE: Final = re.compile(r"Cannot declare \((.+)\) twice")
_MOST_DOTS: Final = 1_000
"""On one line: what the parser takes for a key grows with the square of its parts."""
_ENDLESS: Final = re.compile(r"[0-9_]{4301,}")
"""More digits than the interpreter takes."""
_QUOTED: Final = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One file."""

    file: str
    lines: Mapping[KeyPath, int]
    problems: list[Problem] = field(compare=False)
    folder: Path = field(default=Path(), compare=False)
    """Where the file lies, for files that it names."""

    def tell(self, path: KeyPath, rule: Rule, message: str, remedy: str) -> None:
        """Note a problem at a key, or at the nearest one above it that was written."""
        above = path
        while above and above not in self.lines:
            above = above[:-1]
        self.problems.append(
            Problem(
                rule=rule,
                file=self.file,
                line=self.lines.get(above, 1),
                key=spell(path),
                message=message,
                remedy=remedy,
            )
        )


def open_page(
    file: str, raw: bytes, problems: list[Problem], *, folder: Path
) -> tuple[Page, Mapping[str, object]] | None:
    """Parse a file into its page and values; None where it is not TOML, which is then noted."""
    try:
        # A line end of Windows is white space to TOML, and must not move the lines.
        text = raw.decode().removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(_unread(file, line, "the file is not UTF-8 text", "save it as UTF-8"))
        return None
    for at, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > _MOST_DOTS:
            told = f"a line with more than {_MOST_DOTS} dots is not read"
            problems.append(_unread(file, at, told, "break it"))
            return None
    try:
        values = tomllib.loads(text)
        lines = locate(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(_explain(file, text, str(error)))
        return None
    except ValueError:  # of the interpreter, to whom the parser hands a whole number's digits
        found = _ENDLESS.search(text)
        line = 1 if found is None else text.count("\n", 0, found.start()) + 1
        problems.append(_unread(file, line, "a number has too many digits", "write a smaller one"))
        return None
    except RecursionError:
        told = "arrays or tables are nested too deeply"
        problems.append(_unread(file, 1, told, "write a few levels, as every setting has"))
        return None
    return Page(file=file, lines=lines, problems=problems, folder=folder), values


def _explain(file: str, text: str, said: str) -> Problem:
    """Say again what the parser said: ``Unclosed array (at line 3, column 7)``."""
    found = _POSITION.search(said)
    what = said[: found.start()] if found else said
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    twice = _TWICE.fullmatch(what)
    if twice:
        path: KeyPath = tuple(_QUOTED.findall(twice[1]))
        return Problem(
            rule=Rule.REUSED_SLUG,
            file=file,
            line=line,
            key=spell(path),
            message="this is declared twice",
            remedy="keep one, or give the other a slug of its own",
        )
    column = f" (column {found[2]})" if found and found[2] else ""
    told = f"not valid TOML: {what}{column}"
    return _unread(file, line, told, "see https://toml.io/en/v1.0.0")


def _unread(file: str, line: int, message: str, remedy: str) -> Problem:
    """A file that cannot be read, or is not."""
    return Problem(
        rule=Rule.INVALID_TOML, file=file, line=line, key="", message=message, remedy=remedy
    )
