"""Rows as a CSV file that people open in a spreadsheet.  Spec: RFC 4180, UTF-8.

A cell that a spreadsheet would take for a formula gets an apostrophe before it, and so does one
that begins with an apostrophe: whoever reads takes one away where there is one.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from consentid.connectors.rows import Row, Table

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")  # noqa: RUF001  East Asian editions of spreadsheets take the wide ones too
_MARK: Final = "'"


def write_csv(path: Path, table: Table, rows: Sequence[Row]) -> None:
    """Write them: lists by spaces, flags as true and false, nothing for what is not there."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([each.name for each in table.columns])
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: object) -> str | int:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return value
        case list():
            return _cell(" ".join(cast("list[str]", value)))
        case _:
            text = str(value)
            return f"{_MARK}{text}" if text.startswith(_FORMULA) else text
