"""The list of erasures: what an old backup brings back is forgotten again."""

import subprocess
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.engine import make_url
from tests.flows.test_erasure import SUB, ask, rows_with, shred
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.test_verify_token import verify
from tests.flows.town import GRANTED, Town

from consentid.embedded.account import server_account
from consentid.embedded.binaries import postgres_binaries
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.flows.erasure_list import append_to_list, apply_list, apply_list_first
from consentid.flows.open_aside import open_anyhow
from consentid.flows.opening import open_context
from consentid.flows.show_state import show_state
from consentid.flows.verify_projection import verify_projections
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.store.engine import Database

KEY_TABLES = ("subject_keys", "restricted_subjects")


async def test_a_backup_brings_nobody_back(
    town: Town, erasing: Database, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    listed = msgspec.structs.replace(
        town.context.settings, erasure_list=tmp_path / "erasures.jsonl"
    )
    town.context.settings = listed
    caller, _ = await town.sign_in(SUB)
    await town.decide(caller, {"ads": GRANTED})
    other, _ = await town.sign_in("somebody else")
    token = (await town.decide(other, {"ads": GRANTED})).consent_token
    dump = tmp_path / "dump"
    run_tool("pg_dump", town.urls.owner, "--format=custom", f"--file={dump}")
    erasure = await ask(town, caller.subject)
    assert await shred(town, erasing) == 1
    later = tmp_path / "later"
    run_tool("pg_dump", town.urls.owner, f"--file={later}")
    assert caller.subject is not None
    names = (str(caller.subject), caller.subject.hex, SUB, SUB.encode().hex())
    assert [name for name in names if name in later.read_text()] == []
    assert str(other.subject) in later.read_text()  # whoever is not erased is found
    content = (tmp_path / "erasures.jsonl").read_text()
    assert str(erasure.id) in content
    assert str(caller.subject) not in content
    urls = await postgres.create_database("restored")
    run_tool("pg_restore", urls.owner, "--no-owner", str(dump), into=True)
    restored = open_context(msgspec.structs.replace(listed, database_url=urls.serving))
    eraser = Database(urls.erasing, connections=2)
    old = Town(
        urls=urls,
        context=restored.context,
        owner=Database(urls.owner),
        secrets=town.secrets,
        portal=town.portal,
    )
    assert len(await old.history(caller.subject)) == 1  # they are back
    assert [await apply_list(old.context) for _ in range(2)] == [1, 0]
    with pytest.raises(UnauthenticatedError):
        await show_state(old.context, caller, at_least=None)
    assert await shred(old, eraser) == 1
    assert await rows_with(old, {"subject": str(caller.subject)}) == set()
    assert (await verify(old, token)).active
    await drain(old.context)
    assert (await walk(old))[1] == []
    await eraser.close()
    await old.owner.close()
    await restored.close()
    await postgres.drop_database("restored")


async def test_a_backup_without_keys_is_read_with_newer_ones_and_of_nobody_who_was_erased(
    town: Town, erasing: Database, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    listed = msgspec.structs.replace(
        town.context.settings, erasure_list=tmp_path / "erasures.jsonl"
    )
    town.context.settings = listed
    caller, _ = await town.sign_in(SUB)
    await town.decide(caller, {"ads": GRANTED})
    proven = await town.device()
    await town.decide(proven, {"ads": GRANTED})
    other, _ = await town.sign_in("somebody else")
    token = (await town.decide(other, {"ads": GRANTED})).consent_token
    dump, keys = tmp_path / "dump", tmp_path / "keys"
    without = [f"--exclude-table-data={table}" for table in KEY_TABLES]
    run_tool("pg_dump", town.urls.owner, "--format=custom", f"--file={dump}", *without)
    await ask(town, caller.subject)
    assert await shred(town, erasing) == 1
    await ask(town, proven.subject, at_once=False)
    assert await shred(town, erasing) == 0
    await town.device()  # of whom the older dump knows nothing
    for table in KEY_TABLES:
        run_tool("psql", town.urls.owner, f"--command=\\copy {table} TO {keys}-{table}")

    urls = await postgres.create_database("keyless")
    run_tool("pg_restore", urls.owner, "--no-owner", str(dump), into=True)
    for table in KEY_TABLES:
        run_tool(
            *("psql", urls.owner, f"--command=CREATE TEMP TABLE kept (LIKE {table})"),
            f"--command=\\copy kept FROM {keys}-{table}",
            f"--command=INSERT INTO {table} SELECT kept.* FROM kept"
            " JOIN subjects ON subjects.id = kept.subject_id",
        )
    restored = open_context(msgspec.structs.replace(listed, database_url=urls.serving))
    eraser = Database(urls.erasing, connections=2)
    old = Town(
        urls=urls,
        context=restored.context,
        owner=Database(urls.owner),
        secrets=town.secrets,
        portal=town.portal,
    )
    assert [await apply_list(old.context) for _ in range(2)] == [2, 0]
    assert await shred(old, eraser) == 1
    assert await rows_with(old, {"subject": str(caller.subject)}) == set()
    assert proven.subject is not None
    async with old.context.database.reading() as connection:
        kept = await open_anyhow(old.context, connection, proven.subject, old.owner)
    assert kept is not None  # for whoever has to prove
    assert (await verify(old, token)).active
    await drain(old.context)
    assert (await walk(old))[1] == []
    checked = verify_projections(old.context, apart=old.owner)
    assert [fault async for each in checked for fault in each.faults] == []
    await eraser.close()
    await old.owner.close()
    await restored.close()
    await postgres.drop_database("keyless")


def run_tool(program: str, url: str, *arguments: str, into: bool = False) -> None:
    """A program of PostgreSQL's, on a database."""
    where = make_url(url)
    connecting = f"host={where.query['host']} user={where.username} dbname={where.database}"
    subprocess.run(  # noqa: S603  PostgreSQL's own programs
        [
            str(postgres_binaries(server_account()) / program),
            *(("--dbname", connecting) if into else (f"--dbname={connecting}",)),
            *arguments,
        ],
        check=True,
        capture_output=True,
    )


async def test_a_list_that_was_cut_short_goes_on_and_one_that_was_changed_is_refused(
    town: Town, erasing: Database, tmp_path: Path
) -> None:
    path = tmp_path / "erasures.jsonl"
    town.context.settings = msgspec.structs.replace(town.context.settings, erasure_list=path)
    path.write_text('{"v":1,"erasure":"0')
    callers = [await town.device() for _ in range(2)]
    for caller in callers:
        await ask(town, caller.subject)
        assert await append_to_list(town.context, erasing) == 1
    assert len(path.read_text().splitlines()) == 2
    await apply_list_first(town.context)
    assert len(await town.rows("SELECT 1 FROM erasures")) == 2
    assert await shred(town, erasing) == 2
    path.write_text(path.read_text().replace('"v"', '"w"', 1))
    with pytest.raises(MalformedError) as error:
        await apply_list(town.context)
    assert error.value.where == f"{path}:1"
