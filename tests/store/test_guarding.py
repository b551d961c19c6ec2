"""What the doctor expects of the database's guards is what the migrations leave behind."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from consentid.embedded.postgres import DatabaseUrls
from consentid.store.guarding import GUARDED, UNGUARDED, guards

TRIGGERED = "SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
MAY = """
SELECT relname, array(SELECT privilege FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS privilege
                       WHERE has_table_privilege(oid, privilege)
                          OR privilege <> 'DELETE' AND has_any_column_privilege(oid, privilege))
  FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
"""


async def test_the_guards_and_rights_of_a_new_database_are_the_expected_ones(
    owner_engine: AsyncEngine, database_urls: DatabaseUrls
) -> None:
    serving = create_async_engine(database_urls.serving)
    async with owner_engine.connect() as connection:
        named = f"{TRIGGERED} WHERE tgname = 'append_only'"
        assert set(await connection.scalars(text(named))) == GUARDED.keys()
    async with serving.connect() as connection:
        may = {name: set(found) for name, found in await connection.execute(text(MAY))}
        for table, granted in {**GUARDED, **UNGUARDED}.items():
            assert may[table] == set(granted.split()), table
        held = await guards(connection)
    await serving.dispose()
    assert {each.table for each in held} == GUARDED.keys() | UNGUARDED.keys()
    assert all(each.is_there and each.is_on and not each.may for each in held)


async def test_a_role_for_which_triggers_sleep_is_not_kept_from_anything(
    owner_engine: AsyncEngine,
) -> None:
    async with owner_engine.connect() as connection:
        await connection.execute(text("ALTER TABLE decisions ENABLE REPLICA TRIGGER append_only"))
        off = {each.table for each in await guards(connection) if not each.is_on}
        await connection.rollback()
    assert off == {"decisions"}
