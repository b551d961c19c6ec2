"""What a database looks like to whoever serves it, and what one step took away from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS: Final = """
SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull,
       atthasdef OR attidentity <> ''
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
"""
_RULES: Final = """
SELECT 'constraint', relname, conname, pg_get_constraintdef(pg_constraint.oid)
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT 'trigger', relname, tgname, pg_get_triggerdef(pg_trigger.oid)
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = 'public'::regnamespace AND NOT tgisinternal
UNION ALL
SELECT CASE WHEN indisunique THEN 'unique index' ELSE 'index' END, tables.relname,
       indexes.relname, pg_get_indexdef(indexes.oid)
FROM pg_index JOIN pg_class AS tables ON tables.oid = indrelid
JOIN pg_class AS indexes ON indexes.oid = indexrelid
WHERE tables.relnamespace = 'public'::regnamespace AND NOT indisprimary
"""
_GRANTED: Final = """
SELECT table_name, '', privilege_type FROM information_schema.role_table_grants
WHERE grantee = :role AND table_schema = 'public'
UNION SELECT table_name, column_name, privilege_type FROM information_schema.column_privileges
WHERE grantee = :role AND table_schema = 'public'
UNION SELECT routine_name, '', privilege_type FROM information_schema.role_routine_grants
WHERE grantee = :role AND routine_schema = 'public'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column."""

    type: str
    is_required: bool
    has_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All of it, as one moment has it."""

    columns: Mapping[tuple[str, str], Column]
    rules: Mapping[tuple[str, str, str], str]
    """Constraints, triggers and indexes by kind, table and name."""
    granted: frozenset[tuple[str, str, str]]
    """What the serving role may do, on a table, a column of it, or a function."""

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table for table, _ in self.columns)


async def look(connection: AsyncConnection, serving_role: str) -> Schema:
    """As it is now."""
    columns = await connection.execute(text(_COLUMNS))
    rules = await connection.execute(text(_RULES))
    granted = await connection.execute(text(_GRANTED), {"role": serving_role})
    return Schema(
        columns={
            (table, name): Column(type=type_, is_required=required, has_default=default)
            for table, name, type_, required, default in columns
        },
        rules={(kind, table, name): told for kind, table, name, told in rules},
        granted=frozenset((table, column, privilege) for table, column, privilege in granted),
    )


def narrowed(before: Schema, after: Schema) -> Sequence[str]:
    """What the release before may have relied on, and cannot any more; in words, sorted."""
    return sorted({*_columns(before, after), *_rules(before, after), *_rights(before, after)})


def built(before: Schema, after: Schema) -> Sequence[str]:
    """The indexes that were built on tables which had rows."""
    return [
        name
        for kind, table, name in after.rules.keys() - before.rules.keys()
        if table in before.tables and "index" in kind
    ]


def _columns(before: Schema, after: Schema) -> Iterator[str]:
    for (table, name), was in before.columns.items():
        now = after.columns.get((table, name))
        if table not in after.tables:
            yield f"{table} is gone"
        elif now is None:
            yield f"{table}.{name} is gone"
        elif now.type != was.type:
            yield f"{table}.{name} is of another type"
        elif now.is_required and not was.is_required:
            yield f"{table}.{name} is required"
        elif now.is_required and was.has_default and not now.has_default:
            yield f"{table}.{name} has no default any more"
    for (table, name), now in after.columns.items():
        is_new = table in before.tables and (table, name) not in before.columns
        if is_new and now.is_required and not now.has_default:
            yield f"{table}.{name} is required and has no default"


def _rules(before: Schema, after: Schema) -> Iterator[str]:
    for (kind, table, name), told in after.rules.items():
        if (
            table in before.tables
            and kind != "index"
            and before.rules.get((kind, table, name)) != told
        ):
            yield f"{table} has another {kind}, {name}"


def _rights(before: Schema, after: Schema) -> Iterator[str]:
    for table, column, privilege in before.granted - after.granted:
        if table in after.tables or not column:
            yield f"{privilege} on {table} is taken away"
