"""What the database itself enforces, whoever asks."""

import asyncio
from collections.abc import Iterator

import pytest
from alembic.autogenerate import produce_migrations
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from consentid.embedded.postgres import ERASING, SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.kit.errors import NotFoundError
from consentid.store import tables
from consentid.store.migrating import current_step, newest_step, role_of, upgrade

OWNERS_ONLY = (
    *("catalogues", "clients", "client_secrets", "revoked_keys", "record_forms"),
    "alembic_version",
)
CHANGES = ("UPDATE {table} SET {column} = {column}", "DELETE FROM {table}", "TRUNCATE {table}")
ONE_OF_TWO_IN_THE_LOG = """
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
  SELECT gen_random_uuid(), 'decision', 'leaf', now() FROM generate_series(1, 2);
INSERT INTO ledger_logs VALUES (1, 'a.example/ledger', 'key', NULL, now());
INSERT INTO ledger_entries
  SELECT 1, 0, event_id, kind, leaf FROM staged_entries ORDER BY seq LIMIT 1;
INSERT INTO ledger_entries
  SELECT 1, 1, event_id, kind, 'another' FROM staged_entries ORDER BY seq DESC LIMIT 1
"""


ENTRIES = """
INSERT INTO ledger_entries
  SELECT 1, idx, gen_random_uuid(), 'decision', 'leaf' FROM generate_series({first}, {last}) idx
"""
OF_THE_FIRST = "subject_id = '11111111-1111-7111-8111-111111111111'"
TWO_WHO_DECIDED = """
INSERT INTO catalogues VALUES (1, 'digest', 'body', now());
INSERT INTO subjects (id, kind, created_at)
  VALUES ('11111111-1111-7111-8111-111111111111', 'device', now()),
         ('22222222-2222-7222-8222-222222222222', 'device', now());
INSERT INTO decisions (id, subject_id, recorded_at, early, late, clock_unproven, catalogue,
                       client_id, assurance, channel, sealed, commitment)
  SELECT gen_random_uuid(), id, now(), now(), now(), false, 1, 'c', 'self', 'web', 's', 'c'
  FROM subjects;
INSERT INTO restricted_subjects (subject_id, wrapped) SELECT id, 'key' FROM subjects;
INSERT INTO erasures (id, subject_id, reason, asked_by, restricted_at, shred_at)
  SELECT id, id, 'child', 'operator', now(), now() FROM subjects;
INSERT INTO erased_decisions (id, erasure_id, recorded_at, kind, commitment)
  SELECT id, subject_id, recorded_at, 'decision', commitment FROM decisions
"""


def first_column(table: str) -> str:
    return tables.metadata.tables[table].columns.keys()[-1]


async def refused(engine: AsyncEngine, statement: str) -> str:
    """The SQLSTATE that a statement is refused with."""
    with pytest.raises(DBAPIError) as error:
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    return str(getattr(error.value.orig, "sqlstate", None))


@pytest.fixture
def serving_engine(database_urls: DatabaseUrls) -> Iterator[AsyncEngine]:
    engine = create_async_engine(database_urls.serving, poolclass=NullPool)
    yield engine
    asyncio.run(engine.dispose())


@pytest.mark.parametrize("change", CHANGES, ids=["update", "delete", "truncate"])
async def test_nobody_changes_what_is_append_only(
    owner_engine: AsyncEngine, serving_engine: AsyncEngine, change: str
) -> None:
    for table in tables.APPEND_ONLY:
        statement = change.format(table=table, column=first_column(table))
        for engine in (serving_engine, owner_engine):
            with_cascade = statement + (" CASCADE" if "TRUNCATE" in statement else "")
            assert await refused(engine, with_cascade) == "42501", (table, engine.url.username)


async def test_what_is_staged_leaves_into_the_log_only(
    owner_engine: AsyncEngine, serving_engine: AsyncEngine
) -> None:
    async with serving_engine.begin() as connection:
        for statement in ONE_OF_TWO_IN_THE_LOG.split(";"):
            await connection.execute(text(statement))
    for engine in (serving_engine, owner_engine):
        for statement in (
            "DELETE FROM staged_entries",
            "DELETE FROM staged_entries WHERE seq = (SELECT max(seq) FROM staged_entries)",
            "UPDATE staged_entries SET leaf = 'another'",
            "TRUNCATE staged_entries",
        ):
            assert await refused(engine, statement) == "42501", statement
    async with serving_engine.begin() as connection:
        gone = await connection.execute(
            text(
                "DELETE FROM staged_entries WHERE seq = (SELECT min(seq) FROM staged_entries)"
                " RETURNING seq"
            )
        )
        assert len(gone.all()) == 1


async def test_what_lies_in_the_outbox_leaves_only_when_it_was_carried_on(
    owner_engine: AsyncEngine, serving_engine: AsyncEngine
) -> None:
    async with serving_engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO outbox (event_id, kind, created_at)"
                " SELECT gen_random_uuid(), 'decision', now() FROM generate_series(1, 2)"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO outbox_drained SELECT seq, event_id, created_at, now() FROM outbox"
                " ORDER BY seq LIMIT 1"
            )
        )
    for engine in (serving_engine, owner_engine):
        for statement in ("DELETE FROM outbox", "UPDATE outbox SET kind = ''", "TRUNCATE outbox"):
            assert await refused(engine, statement) == "42501", statement
    async with serving_engine.begin() as connection:
        await connection.execute(
            text("DELETE FROM outbox USING outbox_drained AS told WHERE told.seq = outbox.seq")
        )
        assert await connection.scalar(text("SELECT count(*) FROM outbox")) == 1


async def test_a_decision_leaves_into_an_erasure_only_and_without_a_key(
    owner_engine: AsyncEngine, database_urls: DatabaseUrls
) -> None:
    async with owner_engine.begin() as connection:
        for statement in TWO_WHO_DECIDED.split(";"):
            await connection.execute(text(statement))
    erasing = create_async_engine(database_urls.erasing, poolclass=NullPool)
    for engine in (owner_engine, erasing):
        for statement in ("DELETE FROM decisions", f"DELETE FROM decisions WHERE {OF_THE_FIRST}"):
            assert await refused(engine, statement) == "42501", statement
    async with erasing.begin() as connection:
        await connection.execute(text(f"DELETE FROM restricted_subjects WHERE {OF_THE_FIRST}"))
        assert (
            await connection.execute(text(f"DELETE FROM decisions WHERE {OF_THE_FIRST}"))
        ).rowcount == 1
    assert await refused(erasing, "DELETE FROM decisions") == "42501"
    await erasing.dispose()


async def test_no_serving_role_destroys_or_reads_what_was_set_aside(
    serving_engine: AsyncEngine,
) -> None:
    for statement in (
        "DELETE FROM subject_keys",
        "SELECT * FROM restricted_subjects",
        "DELETE FROM restricted_subjects",
        "DELETE FROM subjects",
        "UPDATE erasures SET shred_at = now()",
        "SELECT set_aside(gen_random_uuid())",
    ):
        assert await refused(serving_engine, statement) == "42501", statement


async def test_nobody_forgets_that_somebody_asked_to_be_forgotten(
    owner_engine: AsyncEngine, database_urls: DatabaseUrls
) -> None:
    erasing = create_async_engine(database_urls.erasing, poolclass=NullPool)
    for engine in (owner_engine, erasing):
        for statement in ("DELETE FROM erasures", "TRUNCATE erasures CASCADE"):
            assert await refused(engine, statement) == "42501", statement
    await erasing.dispose()


async def test_no_size_of_a_log_follows_two(serving_engine: AsyncEngine) -> None:
    grow = "INSERT INTO ledger_trees VALUES (1, {size}, {previous}, 'root', now())"
    async with serving_engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO ledger_logs VALUES (1, 'a.example/ledger', 'key', NULL, now())")
        )
        for size, previous in ((0, "NULL"), (5, 0), (7, 5)):
            await connection.execute(text(grow.format(size=size, previous=previous)))
        await connection.execute(text(ENTRIES.format(first=0, last=6)))
    for size, previous, state in (
        (6, 5, "23505"),
        (7, 0, "23505"),
        (9, 8, "23503"),
        (3, 7, "23514"),
    ):
        assert await refused(serving_engine, grow.format(size=size, previous=previous)) == state


async def test_a_log_has_no_size_without_its_entries_nor_entries_without_a_log(
    serving_engine: AsyncEngine,
) -> None:
    grow = "INSERT INTO ledger_trees VALUES (1, {size}, {previous}, 'root', now())"
    assert await refused(serving_engine, ENTRIES.format(first=0, last=1)) == "23503"
    async with serving_engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO ledger_logs VALUES (1, 'a.example/ledger', 'key', NULL, now())")
        )
        await connection.execute(text(grow.format(size=0, previous="NULL")))
        await connection.execute(text(ENTRIES.format(first=0, last=3)))
        await connection.execute(text(grow.format(size=4, previous=0)))
    for size in (5, 7):
        assert await refused(serving_engine, grow.format(size=size, previous=4)) == "23000"
    async with serving_engine.begin() as connection:
        await connection.execute(text(ENTRIES.format(first=5, last=6)))  # the fifth is missing
    assert await refused(serving_engine, grow.format(size=7, previous=4)) == "23000"


async def test_the_trigger_holds_where_a_privilege_was_given_by_mistake(
    owner_engine: AsyncEngine, serving_engine: AsyncEngine
) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {SERVING}"))
    for table in tables.APPEND_ONLY:
        assert await refused(serving_engine, f"DELETE FROM {table}") == "42501"


async def test_the_serving_role_has_no_privilege_to_change_what_is_append_only(
    owner_engine: AsyncEngine,
) -> None:
    async with owner_engine.connect() as connection:
        held = await connection.execute(
            text(
                "SELECT table_name, privilege_type FROM information_schema.table_privileges"
                " WHERE grantee = :role AND table_schema = 'public'"
            ),
            {"role": SERVING},
        )
        privileges = {(table, privilege) for table, privilege in held}
    for table in tables.APPEND_ONLY:
        assert {p for t, p in privileges if t == table} <= {"SELECT", "INSERT"}
    for table in OWNERS_ONLY:
        assert {p for t, p in privileges if t == table} == {"SELECT"}
    assert not {p for _, p in privileges} - {"SELECT", "INSERT", "UPDATE", "DELETE"}


@pytest.mark.parametrize("table", OWNERS_ONLY)
async def test_the_serving_role_writes_nothing_that_operators_apply(
    serving_engine: AsyncEngine, table: str
) -> None:
    for statement in (f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}"):
        assert await refused(serving_engine, statement) == "42501"


async def test_the_serving_role_makes_and_drops_no_tables(serving_engine: AsyncEngine) -> None:
    assert await refused(serving_engine, "CREATE TABLE mine (id int)") == "42501"
    assert await refused(serving_engine, "DROP TABLE decisions CASCADE") == "42501"
    assert await refused(serving_engine, "DROP TRIGGER append_only ON decisions") == "42501"


async def test_the_migrations_make_these_tables_and_no_others(owner_engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        migration = MigrationContext.configure(
            connection, opts={"target_metadata": tables.metadata, "compare_type": True}
        )
        found = produce_migrations(migration, tables.metadata).upgrade_ops
        assert found is not None
        return list(found.ops)

    async with owner_engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def shape(url: str) -> list[tuple[object, ...]]:
    """Every column, index, trigger and privilege."""
    engine = create_async_engine(url, poolclass=NullPool)
    found: list[tuple[object, ...]] = []
    async with engine.connect() as connection:
        for what, where in (
            (
                "table_name, column_name, data_type FROM information_schema.columns",
                "table_schema = 'public'",
            ),
            ("indexname, indexdef FROM pg_indexes", "schemaname = 'public'"),
            ("tgrelid::regclass::text, tgname FROM pg_trigger", "NOT tgisinternal"),
            (
                "relname, relacl::text FROM pg_class",
                "relnamespace = 'public'::regnamespace AND relname NOT LIKE 'pg_%'",
            ),
        ):
            statement = f"SELECT {what} WHERE {where} ORDER BY 1, 2"
            found += [tuple(row) for row in await connection.execute(text(statement))]
    await engine.dispose()
    return found


async def test_upgrading_again_changes_nothing(database_urls: DatabaseUrls) -> None:
    before = await shape(database_urls.owner)
    done = await upgrade(database_urls.owner, serving_role=SERVING, erasing_role=ERASING)
    assert (done.before, done.after) == (newest_step(), newest_step())
    assert await shape(database_urls.owner) == before


async def test_upgrades_at_once_wait_for_each_other(
    postgres: EmbeddedPostgres, database_urls: DatabaseUrls
) -> None:
    urls = await postgres.create_database("upgraded_at_once")
    done = await asyncio.gather(
        *(upgrade(urls.owner, serving_role=SERVING, erasing_role=ERASING) for _ in range(3))
    )
    assert sorted(str(each.before) for each in done) == sorted(
        [newest_step(), newest_step(), "None"]
    )
    assert await shape(urls.owner) == await shape(database_urls.owner)


_OTHERS = (
    "FROM pg_stat_activity WHERE datname = current_database()"
    " AND usename = current_user AND pid <> pg_backend_pid()"
)
"""Ours, and no others: who cleans tables meanwhile (autovacuum) is not ours to end."""


async def test_an_upgrade_whose_connection_was_killed_is_resumed_by_the_next(
    postgres: EmbeddedPostgres, database_urls: DatabaseUrls
) -> None:
    urls = await postgres.create_database("upgrade_killed")
    # Each look is a transaction of its own: within one, activity stays as it was first seen.
    watcher = create_async_engine(urls.owner, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    kills = 0
    for wait_s in (0.02, 0.05, 0.1):
        upgrading = asyncio.create_task(
            upgrade(urls.owner, serving_role=SERVING, erasing_role=ERASING)
        )
        async with watcher.connect() as connection:
            while not upgrading.done() and not await connection.scalar(
                text(f"SELECT count(*) {_OTHERS}")
            ):
                pass
            await asyncio.sleep(wait_s)
            killed = await connection.execute(text(f"SELECT pg_terminate_backend(pid) {_OTHERS}"))
            kills += len(killed.all())
        (ended,) = await asyncio.gather(upgrading, return_exceptions=True)
        assert await current_step(urls.owner) is None or not isinstance(ended, NotFoundError)
    await upgrade(urls.owner, serving_role=SERVING, erasing_role=ERASING)
    assert kills > 0
    assert await shape(urls.owner) == await shape(database_urls.owner)
    await watcher.dispose()


async def test_an_upgrade_names_the_role_that_is_missing(database_urls: DatabaseUrls) -> None:
    with pytest.raises(NotFoundError) as error:
        await upgrade(database_urls.owner, serving_role='no "such" role')
    assert error.value.code == "serving_role_missing"
    assert role_of(database_urls.serving) == SERVING
    with pytest.raises(NotFoundError):
        role_of("postgresql+asyncpg:///nameless")
