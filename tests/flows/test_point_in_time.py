"""The database as it was at a moment: from a base backup and the log written since.

What an operator does with ``pg_basebackup`` and an archive, done with the run's own server.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.engine import make_url
from tests.flows.test_erasure import SUB, ask, shred
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.test_verify_token import verify
from tests.flows.town import GRANTED, REFUSED, Town

from consentid.embedded.account import server_account
from consentid.embedded.binaries import postgres_binaries
from consentid.embedded.places import make_enterable, make_private
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.server_process import run_as, server_environ
from consentid.flows.erasure_list import apply_list
from consentid.flows.opening import open_context
from consentid.flows.show_state import show_state
from consentid.kit.errors import UnauthenticatedError
from consentid.store.engine import Database

POINT = "before_the_accident"


@pytest.fixture
def backup(server_folder: Path) -> Iterator[Path]:
    """Where a base backup and the archive of the log lie."""
    folder = make_enterable(server_folder / "backup")
    account = server_account()
    for name in ("data", "archive"):
        make_private(folder / name, account)
    yield folder
    shutil.rmtree(folder)


def back_up(backup: Path, town: Town) -> None:
    account = server_account()
    where = make_url(town.urls.owner).query["host"]
    program = str(postgres_binaries(account) / "pg_basebackup")
    wanted = ["--checkpoint=fast", "--wal-method=none", f"--pgdata={backup / 'data'}"]
    run_as(
        account,
        [program, f"--dbname=host={where} user=postgres", *wanted],
        folder=backup / "data",
        environ=server_environ(),
    )


def archive(postgres: EmbeddedPostgres, backup: Path) -> None:
    """Keep all that was logged, as an ``archive_command`` does segment by segment."""
    account, written = server_account(), Path(f"/proc/{postgres.pid}/cwd/pg_wal")
    for segment in written.iterdir():
        if segment.is_file():
            kept = shutil.copy(segment, backup / "archive")
            os.chown(kept, account.uid, account.gid)


async def test_a_restored_moment_has_all_until_then_and_nobody_who_was_erased_since(
    town: Town,
    erasing: Database,
    postgres: EmbeddedPostgres,
    backup: Path,
    tmp_path: Path,
) -> None:
    listed = msgspec.structs.replace(
        town.context.settings, erasure_list=tmp_path / "erasures.jsonl"
    )
    town.context.settings = listed
    gone, _ = await town.sign_in(SUB)
    stays, _ = await town.sign_in("somebody else")
    await town.decide(gone, {"ads": GRANTED})
    back_up(backup, town)
    kept = (await town.decide(stays, {"ads": GRANTED})).consent_token
    await drain(town.context)
    await superuser(town, f"SELECT pg_create_restore_point('{POINT}')")
    lost = await town.decide(stays, {"ads": REFUSED, "content": GRANTED})
    await ask(town, gone.subject)
    assert await shred(town, erasing) == 1
    await superuser(town, "SELECT pg_switch_wal()")
    archive(postgres, backup)
    (backup / "data" / "recovery.signal").touch()
    settings = {
        "restore_command": f"cp {backup}/archive/%f %p",
        "recovery_target_name": POINT,
        "recovery_target_action": "promote",
    }
    with EmbeddedPostgres(backup, settings=settings, is_thrown_away=True) as restored:
        urls = restored.urls(make_url(town.urls.owner).database or "")
        opened = open_context(msgspec.structs.replace(listed, database_url=urls.serving))
        old = Town(
            urls=urls,
            context=opened.context,
            owner=Database(urls.owner),
            secrets=town.secrets,
            portal=town.portal,
        )
        await promoted(old)
        assert len(await old.history(gone.subject)) == 1  # they are back
        assert await apply_list(old.context) == 1
        with pytest.raises(UnauthenticatedError):
            await show_state(old.context, gone, at_least=None)
        assert len(await old.history(stays.subject)) == 1
        assert (await verify(old, kept)).active
        assert not (await verify(old, lost.consent_token)).active
        await drain(old.context)
        assert (await walk(old))[1] == []
        assert await old.faults() == []
        await old.owner.close()
        await opened.close()


async def promoted(town: Town) -> None:
    """Before that, the server answers already, and takes nothing."""
    async with asyncio.timeout(60):
        while await town.rows("SELECT 1 WHERE pg_is_in_recovery()"):  # noqa: ASYNC110 the server has no event
            await asyncio.sleep(0.02)


async def superuser(town: Town, statement: str) -> None:
    admin = make_url(town.urls.owner).set(username="postgres")
    database = Database(admin.render_as_string())
    async with database.writing() as connection:
        await connection.exec_driver_sql(statement)
    await database.close()
