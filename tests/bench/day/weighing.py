"""What a database holds and writes: bytes by table, and bytes of its write-ahead log."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_SIZES = """
    SELECT relname, pg_total_relation_size(oid) AS bytes, pg_indexes_size(oid) AS in_indexes
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_WRITTEN = """
    SELECT wal_bytes::bigint, wal_fpi::bigint, wal_records::bigint,
      (SELECT sum(xact_commit)::bigint FROM pg_stat_database) AS commits,
      (SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal') AS syncs
    FROM pg_stat_wal
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table, with all that hangs on it."""

    rows: int
    bytes: int
    """With indexes and what lies beside (TOAST)."""
    in_indexes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a server has written to its log so far."""

    wal_bytes: int
    full_pages: int
    records: int
    commits: int
    syncs: int

    def since(self, before: "Written") -> "Written":
        return Written(
            wal_bytes=self.wal_bytes - before.wal_bytes,
            full_pages=self.full_pages - before.full_pages,
            records=self.records - before.records,
            commits=self.commits - before.commits,
            syncs=self.syncs - before.syncs,
        )


async def weigh(engine: AsyncEngine) -> dict[str, Table]:
    """Every table, as it lies on the disk; ``engine`` is one of the owner."""
    async with engine.connect() as connection:
        sizes = (await connection.execute(text(_SIZES))).all()
        found: dict[str, Table] = {}
        for name, size, in_indexes in sizes:
            count = text(f'SELECT count(*) FROM "{name}"')
            rows = (await connection.execute(count)).scalar_one()
            found[name] = Table(rows=rows, bytes=size, in_indexes=in_indexes)
    return found


async def pack(engine: AsyncEngine) -> None:
    """Write every table and index anew, without what a page more was made for."""
    async with engine.connect() as connection:
        apart = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await apart.execute(text("VACUUM (FULL, ANALYZE)"))


async def written(engine: AsyncEngine) -> Written:
    async with engine.connect() as connection:
        row = (await connection.execute(text(_WRITTEN))).one()
    return Written(
        wal_bytes=row[0], full_pages=row[1], records=row[2], commits=row[3], syncs=row[4] or 0
    )


def bytes_a_row(before: Mapping[str, Table], after: Mapping[str, Table]) -> dict[str, float]:
    """Of each table that grew, what a row more takes, with its share of the indexes."""
    grown: dict[str, float] = {}
    for name, table in after.items():
        rows = table.rows - before[name].rows if name in before else table.rows
        size = table.bytes - (before[name].bytes if name in before else 0)
        if rows > 0 and size > 0:
            grown[name] = size / rows
    return grown
