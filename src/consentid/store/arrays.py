"""Rows by the dozen: what a statement is given as arrays, one for each column.

One prepared text serves any number of rows, the types are the tables' own, and nothing is compiled
while somebody waits.  Where a transaction is open, or none is wanted, the driver is asked directly.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import RowMapping, Select, Table
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.store.engine import driver_of

_DIALECT: Final = dialect()

Row: TypeAlias = Sequence[Any]


def unnest(table: Table, columns: Sequence[str], *, first: int) -> str:
    """``unnest($1::UUID[], $2::TEXT[]) AS given (id, kind)``, with the types of a table."""
    arrays = ", ".join(f"{each}[]" for each in _typed(table, columns, first=first))
    return f"unnest({arrays}) AS given ({', '.join(columns)})"


def parameters(table: Table, columns: Sequence[str], *, first: int) -> str:
    """``$1::UUID, $2::TEXT``: one row, with the types of a table."""
    return ", ".join(_typed(table, columns, first=first))


def _typed(table: Table, columns: Sequence[str], *, first: int) -> Iterator[str]:
    types = (table.c[column].type.compile(dialect=_DIALECT) for column in columns)
    return (f"${first + place}::{type_}" for place, type_ in enumerate(types))


def transposed(rows: Iterable[Row], width: int) -> list[list[Any]]:
    """One array for each column; ``width`` empty ones where there is no row."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def compiled(statement: Select[Any, *tuple[Any, ...]]) -> str:
    """A statement for ``fetch``, whose parameters are numbered in the order they come in."""
    return str(statement.compile(dialect=_DIALECT))


async def fetch(
    connection: AsyncConnection, statement: str, *given: object
) -> Sequence[RowMapping]:
    """Run a statement as it is written; rows by name, instants as the driver gives them."""
    driver = driver_of(connection)
    if driver is not None:
        # Its records are read by name, too, and nothing else of them is used.
        return cast("Sequence[RowMapping]", await driver.fetch(statement, *given))
    found = await connection.exec_driver_sql(statement, given)
    return found.mappings().all() if found.returns_rows else []
