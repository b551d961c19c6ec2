"""Failing on purpose: at one statement of a transaction, at its commit, or just after it."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import PoolProxiedConnection

from consentid.store import arrays
from consentid.store.engine import Database, Driver, driver_of


class CrashError(Exception):
    """What a test raises in place of a power cut."""


@dataclass(slots=True)
class Counter:
    statements: int = 0


def _engine(database: Database) -> Engine:
    return database._engine.sync_engine  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] where statements pass


@dataclass(frozen=True, slots=True)
class _Failing:
    """A driver's connection, whose statements pass by what passes at the engine's."""

    driver: Driver
    before_it: Callable[[], None]
    after_it: Callable[[], None]

    async def fetch(self, query: str, *args: object) -> list[Mapping[str, Any]]:
        self.before_it()
        found = await self.driver.fetch(query, *args)
        self.after_it()
        return found


@contextmanager
def crash_at(database: Database, step: int, *, after: bool) -> Generator[Counter]:
    """Raise at the n-th statement, before it is sent or once it was answered; 0 only counts."""
    counter = Counter()

    def before_it(*_: object) -> None:
        counter.statements += 1
        if counter.statements == step and not after:
            raise CrashError

    def after_it(*_: object) -> None:
        if counter.statements == step and after:
            raise CrashError

    with watched(database, before_it, after_it):
        yield counter


@contextmanager
def watched(
    database: Database, before_it: Callable[..., None], after_it: Callable[..., None]
) -> Generator[None]:
    """Have something done before each statement, and once it was answered."""
    engine = _engine(database)

    def failing(connection: AsyncConnection) -> Driver | _Failing | None:
        driver = driver_of(connection)
        if driver is None or connection.engine.sync_engine is not engine:
            return driver
        return _Failing(driver, before_it, after_it)

    event.listen(engine, "before_cursor_execute", before_it)
    event.listen(engine, "after_cursor_execute", after_it)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrays, "driver_of", failing)
            yield
    finally:
        event.remove(engine, "before_cursor_execute", before_it)
        event.remove(engine, "after_cursor_execute", after_it)


@contextmanager
def crash_at_commit(database: Database, *, persisted: bool) -> Generator[None]:
    """Raise in place of the next commits, or after they were made."""

    def crash() -> None:
        raise CrashError

    with watched_commits(database, _nothing if persisted else crash, crash):
        yield


@contextmanager
def watched_commits(
    database: Database, before_it: Callable[[], None], after_it: Callable[[], None]
) -> Generator[None]:
    """Have something done before each commit is sent, and once it was made."""
    dialect = _engine(database).dialect
    real = dialect.do_commit

    def commit(connection: PoolProxiedConnection) -> None:
        before_it()
        real(connection)
        after_it()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialect, "do_commit", commit)
        yield


def _nothing() -> None:
    pass
