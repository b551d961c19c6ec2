"""The doctor at a whole installation, on a real database."""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.cli.running import BRANDS, Command

from consentid.cli.main import main
from consentid.cli.terminal import Exit
from consentid.embedded.postgres import DatabaseUrls

DUTIES = ("ledger", "outbox", "webhooks")
NOT_LATE = """
ALTER TABLE staged_entries DISABLE TRIGGER USER;
UPDATE staged_entries SET staged_at = now() + interval '1 day';
ALTER TABLE staged_entries ENABLE TRIGGER USER;
ALTER TABLE outbox DISABLE TRIGGER USER;
UPDATE outbox SET created_at = now() + interval '1 day';
ALTER TABLE outbox ENABLE TRIGGER USER
"""
"""However slow the machine is: what applying the brands has staged does not wait for long yet."""
TOO_MUCH = """
GRANT UPDATE (leaf) ON staged_entries TO {serving};
GRANT DELETE ON subject_keys TO {serving};
GRANT CREATE ON SCHEMA public TO {serving};
GRANT INSERT ON clients TO {serving};
GRANT TRUNCATE ON subjects TO PUBLIC;
DROP TRIGGER append_only ON served_notices;
ALTER TABLE catalogues DISABLE TRIGGER append_only;
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
    VALUES (gen_random_uuid(), 'decision', 'x', now() - interval '1 hour');
INSERT INTO status_lists (is_open, bits, created_at) VALUES (true, 'x', now() - interval '1 day');
UPDATE alembic_version SET version_num = '0001'
"""


@pytest.fixture
def guarded(installed: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """An installation as it should be, with nobody at work yet."""
    folder = tmp_path / "brands"
    shutil.copytree(BRANDS, folder)
    for each in folder.rglob("*.toml"):
        each.write_text(each.read_text().replace("http://", "https://"))
    installed.set("BRANDS_DIR", folder)
    installed.set("KEYS_DIR", tmp_path / "keys")
    assert main(["keys", "generate"]) == Exit.OK
    assert main(["brands", "apply"]) == Exit.OK
    capsys.readouterr()
    return installed


def told(consentid: Command, *words: str) -> dict[str, dict[str, str]]:
    """By code and place: what is unsafe."""
    ended = consentid("doctor", "--json", *words)
    found = [each for each in ended.json["findings"] if each["severity"] == "unsafe"]
    assert ended.code == (Exit.NO if found else Exit.OK)
    assert ended.json["unsafe"] == len(found)
    return {each["code"]: each for each in found}


async def test_an_installation_as_it_should_be_ends_well(
    guarded: Command, owner_engine: AsyncEngine
) -> None:
    async with owner_engine.begin() as connection:
        for statement in NOT_LATE.split(";"):
            await connection.execute(text(statement))
    assert (await asyncio.to_thread(told, guarded)).keys() == {"worker.missing"}
    async with owner_engine.connect() as working:
        for duty in DUTIES:
            await working.execute(text(f"SELECT pg_advisory_lock(hashtext('consentid.{duty}'))"))
        ended = await asyncio.to_thread(guarded, "doctor")
        assert ended.code == Exit.OK
        assert "\nwarning  ledger.no_copy  CONSENTID_LEDGER_COPY\n" in f"\n{ended.out}"
        assert ended.out.splitlines()[-1].startswith("0 unsafe, ")
        strict = await asyncio.to_thread(guarded, "doctor", "--strict")
        assert strict.code == Exit.NO


async def test_rights_guards_steps_and_work_are_looked_at(
    guarded: Command, owner_engine: AsyncEngine, database_urls: DatabaseUrls
) -> None:
    serving = database_urls.serving.partition("://")[2].partition("@")[0]
    async with owner_engine.begin() as connection:
        for statement in TOO_MUCH.format(serving=serving).split(";"):
            await connection.execute(text(statement))
    found = await asyncio.to_thread(told, guarded)
    assert found["role.creates"]["place"] == serving
    assert found["database.guard_off"]["place"] == "catalogues"
    assert found["database.guard_missing"]["place"] == "served_notices"
    assert "0001" in found["database.behind"]["message"]
    assert found["worker.lists_old"]["place"] == "status lists"
    ended = (await asyncio.to_thread(guarded, "doctor", "--json")).json["findings"]
    assert {each["place"] for each in ended if each["code"] == "role.may_change"} == {
        "clients",
        "staged_entries",
        "subject_keys",
        "subjects",
    }
    stalled = {each["place"] for each in ended if each["code"] == "worker.stalled"}
    assert "ledger_entries" in stalled


def test_the_demo_s_own_files_are_for_the_demo(installed: Command, tmp_path: Path) -> None:
    installed.set("KEYS_DIR", tmp_path / "none")
    found = told(installed)
    assert {"brands.none", "issuer.http", "portal.http", "redirect.http", "keys.unusable"} <= (
        found.keys()
    )
    assert "http://consent.localhost" in found["issuer.http"]["message"]


def test_the_owner_is_no_serving_role_and_nobody_no_role(
    guarded: Command, database_urls: DatabaseUrls
) -> None:
    guarded.set("DATABASE_URL", database_urls.owner)
    guarded.set(
        "ERASURE_DATABASE_URL", database_urls.erasing.replace("consentid_erasing@", "nobody@")
    )
    found = told(guarded)
    assert {"roles.shared", "role.owns", "role.may_change", "role.creates"} <= found.keys()
    assert "SQLSTATE 28000" in found["database.refused"]["message"]
    assert found["database.refused"]["place"] == "CONSENTID_ERASURE_DATABASE_URL"


def test_what_cannot_be_reached_is_a_finding_and_the_rest_is_looked_at(
    consentid: Command, tmp_path: Path
) -> None:
    consentid.set("DATABASE_URL", f"postgresql://serving@/consentid?host={tmp_path}")
    consentid.set("VALKEY_URL", "redis://127.0.0.1:1")
    consentid.set("KEYS_DIR", tmp_path)
    consentid.set("LOCALHOST_HOSTS", "true")
    ended = consentid("doctor", "--json")
    codes = {each["code"]: each["place"] for each in ended.json["findings"]}
    assert ended.code == Exit.NO
    assert codes["database.unreachable"] == "CONSENTID_DATABASE_URL"
    assert "No such file or directory" in ended.out
    assert codes["valkey.unreachable"] == "CONSENTID_VALKEY_URL"
    assert {"keys.unusable", "outbound.loopback"} <= codes.keys()


def test_a_clock_that_anybody_may_set_is_refused(consentid: Command) -> None:
    ended = consentid("doctor", "--date-from", "http://time.example")
    assert ended.code == Exit.USAGE
    assert "https" in ended.err


def test_without_a_database_that_is_what_is_told(consentid: Command, tmp_path: Path) -> None:
    consentid.set("KEYS_DIR", tmp_path)
    assert "database.missing" in told(consentid)
    ended = consentid("doctor", "--json")
    assert "brands.none" not in ended.out  # nobody could be asked
