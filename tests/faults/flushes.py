"""That every acknowledged commit was on the disk before: by what PostgreSQL says of its own log.

Needs nothing that ``syncs`` needs, and shows less: between what was reserved in the write-ahead log
before a write was sent and its acknowledgement, the log has to have been flushed beyond that place.
A server that acknowledges first and flushes later is found out as soon as it is asked.
"""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.faults.promises import Violation

PROMISE: Final = "every commit is flushed"
_RESERVED: Final = "SELECT pg_current_wal_insert_lsn() - '0/0'"
_FLUSHED: Final = "SELECT pg_current_wal_flush_lsn() - '0/0'"


@dataclass(slots=True, kw_only=True)
class Flushes:
    """Looks at the log before and after each write of one client."""

    connection: AsyncConnection
    looked: int = 0
    violations: list[Violation] = field(default_factory=list[Violation])

    @contextlib.asynccontextmanager
    async def around(self) -> AsyncGenerator[None]:
        """A write that is acknowledged when the block ends."""
        reserved = await self._bytes(_RESERVED)
        yield
        flushed = await self._bytes(_FLUSHED)
        self.looked += 1
        if flushed <= reserved:
            words = f"acknowledged with {flushed} bytes flushed, {reserved} were there before"
            self.violations.append(Violation(promise=PROMISE, words=words))

    async def _bytes(self, statement: str) -> int:
        return int((await self.connection.execute(text(statement))).scalar_one())
