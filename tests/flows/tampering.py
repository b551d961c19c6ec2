"""Whoever owns the database server changes rows of the log and of what it speaks of, at random."""

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, final

from sqlalchemy import NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from consentid.embedded.postgres import OWNER, DatabaseUrls
from consentid.store.audited import COVERED

_BOOKKEEPING: Final = (
    *("opened_at", "integrated_at", "published_at", "staged_at", "listed_at", "revoked_at", "rev"),
    *("captures.recorded_at", "captures.expires_at", "captures.ended_at", "minted_at"),
    # By these is known what is sent twice, and how much an operator sends.
    *("captures.key_hash", "captures.digest", "captures.evidence_hash", "captures.operator_hash"),
    "account_devices.sealed_told",  # what was told once, and is not told again
    "served_notices.client_id",  # any client of the brand's or partner's brings the answer
)
"""When the database did something, and how often: nobody is told, and nothing rests on it."""
_ROWS: Final = {
    "served_notices": "WHERE id IN (SELECT served FROM decisions)",
    "served_events": "WHERE event = 'shown' AND served IN (SELECT served FROM decisions)",
}
"""Of what was served and nobody answered, or somebody who was erased since, no record speaks; nor
of what was dismissed, and of what a page told after the answer."""
_MISSED: Final = {"ledger_checkpoints": " AND size > 0"}
"""The first release signed no empty log, which says nothing: whether one was signed is the same."""
_LABELS: Final = ("status_indices.subject_id", "status_indices.audience")
"""Whose a place in a status list was that has ended is all the same: its bit stays."""
_ANOTHER: Final = {
    "bytea": "set_byte({0}, {1} % length({0}), get_byte({0}, {1} % length({0})) # {2})",
    "text": "overlay({0} placing '~' from 1 + {1} % length({0}))",
    "uuid": "gen_random_uuid()",
    "integer": "{0} + 1",
    "bigint": "{0} + 1",
    "boolean": "NOT {0}",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
}
_COLUMNS: Final = """
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = ANY(:tables) AND is_identity = 'NO'
ORDER BY table_name, ordinal_position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One statement of somebody's."""

    table: str
    what: str
    """The column, or how a whole row was changed."""
    statement: str


@final
class Tampering:
    """Changes one after the other; each is undone before the next."""

    def __init__(
        self, connection: AsyncConnection, columns: Sequence[tuple[str, str, str]]
    ) -> None:
        self._connection = connection
        self._columns: Sequence[tuple[str, str, str]] = columns

    def draw(self, chance: random.Random) -> Change:
        """Something to change: a flipped value mostly, else a row gone, there twice, exchanged."""
        table = chance.choice(COVERED)
        own = [(name, kind) for of, name, kind in self._columns if of == table]
        name, kind = chance.choice(
            [each for each in own if not {each[0], f"{table}.{each[0]}"} & {*_BOOKKEEPING}]
        )
        is_label = f"{table}.{name}" in _LABELS
        rows = f"{table} {_ROWS.get(table, '')}"
        one, other = (
            f"(SELECT ctid FROM {rows} ORDER BY ctid LIMIT 1 OFFSET floor({chance.random()}"
            f" * (SELECT count(*) FROM {rows}))::int)"
            for _ in range(2)
        )
        added = "deleted" if table in _ROWS else "inserted"
        what = chance.choice((name, name, name, "exchanged", added, "deleted"))
        if what == "deleted":
            statement = f"DELETE FROM {table} WHERE ctid = {one}{_MISSED.get(table, '')}"
        elif what == "inserted":
            another = _another(chance, name, kind)
            names = ", ".join(each for each, _ in own)
            values = ", ".join(another if each == name else each for each, _ in own)
            statement = (
                f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE ctid = {one}"
            )
        elif what == "exchanged":
            statement = (
                f"UPDATE {table} AS one SET {name} = other.{name} FROM {table} AS other"
                f" WHERE one.{name} IS DISTINCT FROM other.{name} AND ("
                f"one.ctid = {one} AND other.ctid = {other}"
                f" OR one.ctid = {other} AND other.ctid = {one})"
            )
            statement += " AND one.revoked_at IS NULL" if is_label else ""
            what = f"{name} exchanged"
        else:
            another = _another(chance, name, kind)
            statement = f"UPDATE {table} SET {name} = {another} WHERE ctid = {one}"
            statement += " AND revoked_at IS NULL" if is_label else ""
        return Change(table=table, what=what, statement=statement)

    @asynccontextmanager
    async def done(self, change: Change) -> AsyncGenerator[bool]:
        """While it is so; False where the database could not be brought to it, or nothing was."""
        table = change.table
        await self._run(f"CREATE TABLE kept AS TABLE {table}")
        try:
            try:
                await self._run(change.statement)
            except DBAPIError:
                yield False
                return
            differs = (
                f"SELECT EXISTS (TABLE {table} EXCEPT ALL TABLE kept)"
                f" OR EXISTS (TABLE kept EXCEPT ALL TABLE {table})"
            )
            yield bool(await self._connection.scalar(text(differs)))
            await self._run(f"DELETE FROM {table}")
            await self._run(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE kept")
        finally:
            await self._run("DROP TABLE kept")

    async def _run(self, statement: str) -> None:
        await self._connection.exec_driver_sql(statement)


@asynccontextmanager
async def tampering(urls: DatabaseUrls) -> AsyncGenerator[Tampering]:
    """As the server's superuser, for whom no trigger and no key of a table's counts."""
    url = urls.owner.replace(f"//{OWNER}@", "//postgres@")
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET session_replication_role = replica"))
            found = await connection.execute(text(_COLUMNS), {"tables": list(COVERED)})
            yield Tampering(connection, [(row[0], row[1], row[2]) for row in found])
    finally:
        await engine.dispose()


def _another(chance: random.Random, name: str, kind: str) -> str:
    return _ANOTHER[kind].format(name, chance.randrange(1 << 16), 1 << chance.randrange(8))
