"""Bring a database up to date.  Spec: Alembic, run in our process on an asynchronous engine."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from consentid.kit.errors import NotFoundError, UnavailableError
from consentid.store import shredding
from consentid.store.engine import reachable

_LOCKED_MS: Final = 2_000
"""A step that waits for a table holds up everybody who comes after it: it lets them pass, and tries
again.
"""
_TRIES: Final = 60
_LOCK_NOT_AVAILABLE: Final = "55P03"
_SCRIPTS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtext('consentid.migrate'))"
_LOOK_S: Final = 0.2
_WAIT: Final = f"SET lock_timeout = {_LOCKED_MS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """Which step the database was at, and is at now."""

    before: str | None
    after: str
    is_ahead: bool = False
    """Whether the database was at a step of a later release, and was left as it is."""


def newest_step() -> str:
    """The step that this code was written for."""
    head = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    if head is None:
        msg = "the package was built without its migrations"
        raise RuntimeError(msg)
    return head


def known_steps() -> Sequence[str]:
    """Every step that this code knows of, in the order in which they are taken."""
    steps = [each.revision for each in ScriptDirectory(str(_SCRIPTS)).walk_revisions()]
    return steps[::-1]


async def step_of(connection: AsyncConnection) -> str | None:
    """The step that the database of a connection is at; None for an empty one."""
    return await connection.run_sync(_current)


async def current_step(url: str) -> str | None:
    """The step a database is at; None for an empty one."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await step_of(connection)
    finally:
        await engine.dispose()


async def upgrade(
    owner_url: str, *, serving_role: str, erasing_role: str | None = None, to: str | None = None
) -> Migrated:
    """Bring the database to the newest step and let the serving role do its work, no more.

    ``erasing_role`` is let destroy what is to be forgotten; None: the owner does.  ``to`` is an
    earlier step to end at.

    Runs as the owner of the tables.  Two at once wait for each other; killed halfway, the next
    run resumes at the step that did not commit.  A database that a later release has brought on is
    left as it is: this release runs on it, as far as that one kept what this one reads.

    Raises:
        NotFoundError: a role does not exist.
        UnavailableError: the database cannot be reached or takes no writes, or somebody holds a
            table for two minutes; what was done until then stays.
    """
    engine = create_async_engine(owner_url, poolclass=NullPool)
    try:
        async with reachable(and_writable=True), engine.connect() as connection:
            await _require_role(connection, serving_role, "serving")
            if erasing_role is not None:
                await _require_role(connection, erasing_role, "erasing")
            await connection.commit()
            await _await_turn(connection)
            before = await step_of(connection)
            if before is not None and before not in known_steps():
                return Migrated(before=before, after=before, is_ahead=True)
            await _upgrade_patiently(connection, serving_role, to or newest_step())
            if erasing_role is not None:
                await shredding.grant(connection, erasing_role)
            await connection.commit()
            return Migrated(before=before, after=to or newest_step())
    finally:
        await engine.dispose()


def role_of(url: str) -> str:
    """The role that a database URL connects as.

    Raises:
        NotFoundError: the URL names none.
    """
    role = make_url(url).username
    if role is None:
        raise NotFoundError(
            "database_user_missing",
            "the database URL names no user: postgresql+asyncpg://USER@HOST/NAME",
            where="database_url",
        )
    return role


async def _await_turn(connection: AsyncConnection) -> None:
    """Wait until nobody else migrates.

    Not within a statement: who builds an index while others write waits for all statements that
    began before, and the two would wait for each other.
    """
    while not await connection.scalar(text(_LOCK)):
        await connection.commit()
        await asyncio.sleep(_LOOK_S)
    await connection.commit()


async def _require_role(connection: AsyncConnection, role: str, what: str) -> None:
    known = await connection.scalar(
        text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}
    )
    if known is None:
        raise NotFoundError(
            f"{what}_role_missing",
            f"the database has no role {role!r}: create it (CREATE ROLE ... LOGIN)",
            where="database_url" if what == "serving" else "erasure_database_url",
        )


async def _upgrade_patiently(connection: AsyncConnection, serving_role: str, to: str) -> None:
    for left in reversed(range(_TRIES)):
        await connection.execute(text(_WAIT))
        await connection.commit()
        try:
            await connection.run_sync(_upgrade, serving_role, to)
        except DBAPIError as error:
            await connection.rollback()
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            if not left:
                raise UnavailableError(
                    "table_locked",
                    "somebody holds a table that the next step changes: end long transactions",
                    retry_after_s=_LOCKED_MS // 1_000,
                ) from error
        else:
            return


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection, serving_role: str, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["serving_role"] = serving_role
    command.upgrade(config, to)
