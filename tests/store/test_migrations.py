"""Steps of the database's history: what runs beside them goes on, and what is killed is resumed."""

import asyncio
import contextlib
import inspect
import secrets
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tests.conftest import run_apart
from tests.faults.deployment import environ
from tests.store.schema import Schema, built, look, narrowed

from consentid.embedded.postgres import SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.kit.errors import UnavailableError
from consentid.store import migrations
from consentid.store.migrating import current_step, known_steps, newest_step, upgrade

FIRST_RELEASE: Final = "0010"
"""Nobody ran a release before it."""
CONCURRENTLY_FROM: Final = "0023"
"""Steps after it build indexes while others write."""
_LOOK_S: Final = 0.01
PAUSE: Final = 77_123
PAUSING: Final = (
    f"""
CREATE OR REPLACE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version_num = TG_ARGV[0] THEN PERFORM pg_advisory_xact_lock({PAUSE}); END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER pause BEFORE UPDATE ON alembic_version
  FOR EACH ROW EXECUTE FUNCTION pause('{step}')
""",
)
WHO_WAITS: Final = f"SELECT pid FROM pg_locks WHERE objid = {PAUSE} AND NOT granted"


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[DatabaseUrls]:
    name = f"migrating_{secrets.token_hex(4)}"
    yield run_apart(postgres.create_database(name))
    run_apart(postgres.drop_database(name))


@pytest.fixture
async def owner(empty: DatabaseUrls) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(empty.owner, poolclass=NullPool)
    yield engine
    await engine.dispose()


def steps_after(step: str) -> list[str]:
    steps = known_steps()
    return [*steps[steps.index(step) + 1 :]]


def module_of(step: str) -> ModuleType:
    folder = Path(str(migrations.__file__)).parent / "versions"
    (file,) = folder.glob(f"{step}_*.py")
    return import_module(f"{migrations.__name__}.versions.{file.stem}")


async def schema_of(engine: AsyncEngine) -> Schema:
    async with engine.connect() as connection:
        return await look(connection, SERVING)


async def go_to(urls: DatabaseUrls, step: str) -> None:
    await upgrade(urls.owner, serving_role=SERVING, to=step)


async def test_every_step_keeps_what_the_release_before_relies_on_or_says_since_when_none_does(
    empty: DatabaseUrls, owner: AsyncEngine
) -> None:
    """The chart migrates first, so the release before runs on after each step."""
    await go_to(empty, FIRST_RELEASE)
    before = await schema_of(owner)
    found: dict[str, list[str]] = {}
    said: dict[str, list[str]] = {}
    for step in steps_after(FIRST_RELEASE):
        await go_to(empty, step)
        after = await schema_of(owner)
        module = module_of(step)
        told = getattr(module, "contracts", {})
        found[step], said[step] = [*narrowed(before, after)], sorted(told)
        assert all(told.values()), f"{step}: say since when nothing relies on it"
        if step in steps_after(CONCURRENTLY_FROM):
            is_patient = "postgresql_concurrently" in inspect.getsource(module)
            assert is_patient or not built(before, after), f"{step}: build indexes concurrently"
        before = after
    assert found == said


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER TABLE subjects DROP COLUMN kind", "subjects.kind is gone"),
        ("ALTER TABLE subjects RENAME kind TO sort", "subjects.kind is gone"),
        ("DROP TABLE mails", "mails is gone"),
        ("ALTER TABLE subjects ALTER kind TYPE varchar(9)", "subjects.kind is of another type"),
        ("ALTER TABLE subjects ALTER erased_at SET NOT NULL", "subjects.erased_at is required"),
        ("ALTER TABLE clients ALTER registration DROP DEFAULT", "has no default any more"),
        ("ALTER TABLE subjects ADD new int NOT NULL", "new is required and has no default"),
        ("ALTER TABLE subjects ADD CHECK (kind <> '')", "subjects has another constraint"),
        ("CREATE UNIQUE INDEX new ON subjects (kind)", "subjects has another unique index"),
        (f"REVOKE INSERT ON decisions FROM {SERVING}", "INSERT on decisions is taken away"),
        ("ALTER TABLE subjects ADD new int", None),
        ("ALTER TABLE subjects ADD new int NOT NULL DEFAULT 1", None),
        ("ALTER TABLE clients ALTER source DROP NOT NULL", None),
        ("CREATE TABLE new (a int NOT NULL CHECK (a > 0))", None),
        ("CREATE INDEX new ON subjects (kind)", None),
    ],
)
async def test_what_a_step_takes_away_is_seen(
    owner_engine: AsyncEngine, statement: str, found: str | None
) -> None:
    async with owner_engine.connect() as connection:
        before = await look(connection, SERVING)
        await connection.execute(text(statement))
        told = narrowed(before, await look(connection, SERVING))
        await connection.rollback()
    assert (found is None and told == []) or any(str(found) in each for each in told), told


async def test_a_step_that_is_cut_off_before_its_commit_is_done_by_the_next_run(
    empty: DatabaseUrls, owner: AsyncEngine, postgres: EmbeddedPostgres
) -> None:
    """Each of them in turn: all of its statements were run, and none is there."""
    whole = f"migrated_{secrets.token_hex(4)}"
    urls = await postgres.create_database(whole)
    await upgrade(urls.owner, serving_role=SERVING)
    engine = create_async_engine(urls.owner, poolclass=NullPool)
    expected = await schema_of(engine)
    await engine.dispose()
    await postgres.drop_database(whole)

    await go_to(empty, FIRST_RELEASE)
    before = FIRST_RELEASE
    for step in steps_after(FIRST_RELEASE):
        async with paused(owner, step) as go_on:
            running = asyncio.create_task(go_to(empty, newest_step()))
            pid = await waiting(owner)
            async with owner.begin() as connection:
                await connection.execute(text(f"SELECT pg_terminate_backend({pid})"))
            with pytest.raises(UnavailableError):
                await running
            await go_on()
        assert await current_step(empty.owner) == before
        before = step
    await go_to(empty, newest_step())
    assert await schema_of(owner) == expected


async def test_a_command_that_is_killed_amid_a_step_resumes(
    empty: DatabaseUrls, owner: AsyncEngine, tmp_path: Path
) -> None:
    await go_to(empty, FIRST_RELEASE)
    (*_, last) = steps_after(FIRST_RELEASE)
    told = environ(empty, tmp_path) | {"CONSENTID_MIGRATION_DATABASE_URL": empty.owner}
    words = (sys.executable, "-m", "consentid", "migrate")
    async with paused(owner, last) as go_on:
        process = await asyncio.create_subprocess_exec(*words, env=told)
        await waiting(owner)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        assert await current_step(empty.owner) != last
        await go_on()
    again = await asyncio.create_subprocess_exec(*words, env=told)
    assert await again.wait() == 0
    assert await current_step(empty.owner) == last


async def test_a_step_that_waits_for_a_table_lets_others_pass(
    empty: DatabaseUrls, owner: AsyncEngine
) -> None:
    """Else one long transaction and a migration together would hold up everybody."""
    await go_to(empty, "0015")
    async with owner.connect() as long, owner.connect() as other:
        await long.execute(text("LOCK TABLE device_codes IN ACCESS SHARE MODE"))
        running = asyncio.create_task(go_to(empty, "0016"))
        while True:
            if await other.scalar(text("SELECT 1 FROM pg_locks WHERE NOT granted")):
                break
            await other.rollback()
            await asyncio.sleep(_LOOK_S)
        assert await other.scalar(text("SELECT count(*) FROM device_codes")) == 0
        assert not running.done()
        await long.rollback()
        await other.rollback()
        await running
    assert await current_step(empty.owner) == "0016"


@contextlib.asynccontextmanager
async def paused(owner: AsyncEngine, step: str) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """Whoever comes to the end of a step waits there, until what is given is called."""
    async with owner.begin() as connection:
        for statement in PAUSING:
            await connection.execute(text(statement.replace("{step}", step)))
    async with owner.connect() as holder:
        await holder.execute(text(f"SELECT pg_advisory_lock({PAUSE})"))
        await holder.commit()

        async def go_on() -> None:
            await holder.execute(text(f"SELECT pg_advisory_unlock({PAUSE})"))
            await holder.commit()

        yield go_on
    async with owner.begin() as connection:
        await connection.execute(text("DROP TRIGGER pause ON alembic_version"))


async def waiting(owner: AsyncEngine) -> int:
    """Which of the server's processes has come there."""
    while True:
        async with owner.connect() as connection:
            pid = await connection.scalar(text(WHO_WAITS))
        if pid is not None:
            return int(pid)
        await asyncio.sleep(_LOOK_S)


async def test_two_at_once_wait_for_each_other_also_where_one_builds_an_index(
    empty: DatabaseUrls, owner: AsyncEngine
) -> None:
    (builds,) = steps_after("0030")[:1]
    await go_to(empty, "0030")

    done = await asyncio.gather(*(go_to(empty, builds) for _ in range(3)), return_exceptions=True)

    assert done == [None] * 3
    async with owner.connect() as connection:
        invalid = await connection.scalars(
            text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
        )
        assert invalid.all() == []
