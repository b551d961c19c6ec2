"""Rows as a Parquet file.  Spec: Apache Parquet, by Apache Arrow."""

import importlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from consentid.connectors.rows import Row, Table, Type

_arrow: Final[Any] = importlib.import_module("pyarrow")  # it has no types
_parquet: Final[Any] = importlib.import_module("pyarrow.parquet")
_TYPES: Final[dict[Type, Any]] = {
    Type.TEXT: _arrow.string(),
    Type.TEXTS: _arrow.list_(_arrow.field("element", _arrow.string(), nullable=False)),
    Type.NUMBER: _arrow.int64(),
    Type.FLAG: _arrow.bool_(),
    Type.INSTANT: _arrow.timestamp("us", tz="UTC"),
}


def write_parquet(path: Path, table: Table, rows: Sequence[Row]) -> None:
    """Write them.  Instants are in microseconds of UTC."""
    columns: list[Any] = []
    for place, column in enumerate(table.columns):
        values = [row[place] for row in rows]
        if column.type is Type.INSTANT:
            values = [None if each is None else datetime.fromisoformat(each) for each in values]
        columns.append(_arrow.array(values, type=_TYPES[column.type]))
    schema = _arrow.schema(
        [
            _arrow.field(each.name, _TYPES[each.type], nullable=each.is_optional)
            for each in table.columns
        ]
    )
    _parquet.write_table(
        _arrow.Table.from_arrays(columns, schema=schema), str(path), compression="zstd"
    )
