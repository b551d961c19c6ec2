"""Every command that changes anything is in the log with who did it, or says here why not."""

import argparse
import asyncio
import importlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.cli.running import BRANDS, Command
from tests.conftest import run_apart
from tests.flows.test_notice_pictures import png

from consentid.cli.main import COMMANDS
from consentid.cli.terminal import Exit
from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres
from consentid.flows.open_subject import new_subject
from consentid.flows.opening import open_context
from consentid.flows.support_code import hash_support_code
from consentid.kit.instants import MINUTE, Instant
from consentid.settings import from_environment
from consentid.store import clock, migrations, subjects, support_codes
from consentid.store.engine import Database

ACTOR: Final = "night-shift"
CRM: Final = ("news-crm", "--party", "brand/news", "--scope", "events:read")
FIELD: Final = ("news-tablets", "--party", "brand/news", "--scope", "captures:write")

READS_ONLY: Final[Mapping[str, str]] = {
    "brands check": "reads files",
    "brands show": "reads files",
    "captures held": "shows what is held",
    "clients list": "shows clients",
    "config reference": "shows settings",
    "config show": "shows settings",
    "demo": "a group of its own, on this machine, gone with its folder",
    "dev": "applies files as `brands apply` does, on this machine",
    "doctor": "looks",
    "field capture": "is a device: the hub hears of it by `field sync`",
    "field join": "is a device: whoever invited it is in the log",
    "field list": "shows devices",
    "field sync": "is a device: what it brings are captures, each with an entry of its own",
    "keys affected": "counts what was issued",
    "keys list": "shows keys",
    "ledger verify": "looks",
    "links key": "a client's own key, in a file of theirs; the hub takes it by `brands apply`",
    "links mint": "a client's own link, made without the hub",
    "notices list": "shows notices",
    "propagation": "shows systems",
    "operations acts": "shows what the log has",
    "operations versions": "shows what was applied",
    "serve": "does what others ask for, and these are in the log where they act",
    "subjects pending": "shows erasures",
    "verify": "looks at a token",
    "verify-receipt": "looks at a receipt",
    "webhooks list": "shows endpoints",
    "webhooks log": "shows deliveries",
    "worker": "does by itself what settings and clocks say",
}
"""Commands that change nothing of the hub's, and why that is so."""

HELD_ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    "captures discard": (
        "tests.flows.test_captures",
        "test_nobody_talks_to_a_thousand_people_a_minute",
    ),
    "captures release": (
        "tests.flows.test_captures",
        "test_nobody_talks_to_a_thousand_people_a_minute",
    ),
    "keys revoke": (
        "tests.flows.test_revoke_keys",
        "test_a_revocation_is_an_act_of_the_log_and_done_once",
    ),
    "ledger prove": (
        "tests.flows.test_prove_decisions",
        "test_who_wrote_evidence_is_in_the_log_and_seen_by_the_person",
    ),
}
"""Commands whose entries another test looks for: its module and its name."""

ACTS: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("keys rotate", ("--force",), "keys/rotate"),
    ("clients add", CRM, "client/add"),
    ("clients rotate", ("news-crm",), "client/rotate"),
    ("clients add", FIELD, "client/add"),
    ("webhooks add", ("--client", "news-crm", "https://crm.example.invalid/x"), "endpoint/add"),
    ("webhooks test", ("1",), "endpoint/test"),
    ("webhooks rotate", ("1",), "endpoint/rotate"),
    ("webhooks disable", ("1",), "endpoint/disable"),
    ("webhooks enable", ("1",), "endpoint/enable"),
    ("webhooks redrive", ("1",), "endpoint/redrive"),
    ("webhooks replay", ("1", "1", "9"), "endpoint/replay"),
    ("webhooks remove", ("1",), "endpoint/remove"),
    ("operations let-in", (), "operations/let-in"),
    ("field enrol", ("--client", "news-tablets", "--name", "Tablet 7"), "field/invite"),
    ("field revoke", ("DEVICE",), "field/revoke"),
    ("events export", ("--client", "news-crm", "--format", "csv", "--to", "FOLDER"),
     "events/export"),
    ("ledger export", (), "export"),
    (
        "notices picture",
        ("PICTURE", "--notice", "news", "--language", "en"),
        "notice/picture",
    ),
    ("subjects erase", ("--subject", "SUBJECT", "--reason", "objection"), "subjects/erase"),
    ("subjects shred", (), "subjects/shred"),
)  # fmt: skip
"""Commands that act, in an order that works, and what their entries say."""

FIRST: Final = {"keys generate", "brands apply", "migrate", "connect nats", "support look-up"}
"""Those that need more than a line: tests of their own, below."""


def leaves(parser: argparse.ArgumentParser, *above: str) -> Iterator[str]:
    """Every command line that does something, by its words."""
    actions = parser._actions  # noqa: SLF001  there is no other way
    below = [each for each in actions if each.nargs == argparse.PARSER]
    if not below:
        yield " ".join(above)
    for action in below:
        choices = cast("dict[str, argparse.ArgumentParser]", action.choices)
        for name, child in choices.items():
            yield from leaves(child, *above, name)


def every_command() -> set[str]:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for name in COMMANDS:
        module: Any = importlib.import_module(f"consentid.cli.{name.replace('-', '_')}_command")
        module.add_parser(subparsers)
    return set(leaves(parser))


async def _acts(url: str) -> list[dict[str, Any]]:
    database = Database(url)
    async with database.reading() as connection:
        rows = await connection.execute(
            text(
                "SELECT entry_bodies.kind, body FROM entry_bodies JOIN staged_entries"
                " USING (event_id) WHERE subject_id IS NULL ORDER BY event_id"
            )
        )
        found = [(row.kind, json.loads(row.body)) for row in rows]
    await database.close()
    return [body for kind, body in found if kind in ("admin", "export")]


@pytest.fixture
def acts(database_urls: DatabaseUrls) -> Callable[[], list[dict[str, Any]]]:
    """What the log has of administrators, oldest first."""
    return lambda: asyncio.run(_acts(database_urls.owner))


async def _somebody(code: str = "", *, who: int = 0) -> str:
    """A person of the portal, who made a code for support."""
    opened = open_context(from_environment(os.environ))
    async with opened.context.database.writing() as connection:
        now = await clock.now(connection)
        new = new_subject(opened.context, at=now)
        await subjects.create_known(connection, new, identity_hash=bytes([who] * 32), adult=True)
        if code:
            hashed = hash_support_code(opened.context, code)
            until = Instant(now + MINUTE)
            await support_codes.put(connection, new.id, hashed, at=now, until=until)
    await opened.close()
    return str(new.id)


def test_every_command_acts_or_says_why_it_does_not() -> None:
    told = [*READS_ONLY, *HELD_ELSEWHERE, *{each for each, _, _ in ACTS}, *FIRST]
    assert sorted(told) == sorted(every_command())


@pytest.mark.parametrize("held", HELD_ELSEWHERE.values())
def test_what_another_test_holds_is_held(held: tuple[str, str]) -> None:
    module, name = held
    assert callable(getattr(importlib.import_module(module), name))


def test_whoever_acts_by_a_command_is_in_the_log(
    installed: Command, tmp_path: Path, acts: Callable[[], list[dict[str, Any]]]
) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    installed.set("ACTOR", ACTOR)
    assert installed("keys", "generate").code == Exit.OK
    assert installed("brands", "apply").code == Exit.OK
    assert [(each["act"], each["by"]) for each in acts()] == [("brands/apply", f"cli:{ACTOR}")]
    assert installed("brands", "apply").code == Exit.OK  # the same files: nothing is done
    subject = asyncio.run(_somebody())
    device = ""
    seen = len(acts())
    assert seen == 1
    (tmp_path / "shown.png").write_bytes(png(7))
    places = {
        "FOLDER": str(tmp_path / "events"),
        "PICTURE": str(tmp_path / "shown.png"),
        "SUBJECT": subject,
    }
    for words, more, act in ACTS:
        places["DEVICE"] = device
        ended = installed(*words.split(), *(places.get(word, word) for word in more))
        is_refused = words == "webhooks test"  # the name leads nowhere
        assert ended.code == (Exit.NO if is_refused else Exit.OK), (words, ended)
        *before, newest = acts()
        assert (len(before), newest["act"], newest["by"]) == (seen, act, f"cli:{ACTOR}"), words
        seen += 1
        if words == "field enrol":
            device = newest["device"]
    told = json.dumps(acts())
    assert not any(word in told for word in ("Tablet 7", "crm.example.invalid", subject))


def test_whoever_does_not_say_who_acts_is_the_command_line(
    installed: Command, tmp_path: Path, acts: Callable[[], list[dict[str, Any]]]
) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    installed("brands", "apply")
    installed("keys", "generate")
    assert [(each["act"], each["by"]) for each in acts()] == [
        ("brands/apply", "cli"),
        ("keys/generate", "cli"),
    ]
    installed.set("ACTOR", "Ada Byron")
    assert "[a-z0-9]" in installed("keys", "generate").err


def test_keys_are_rotated_where_no_database_can_be_reached_and_that_is_said(
    consentid: Command, tmp_path: Path
) -> None:
    consentid.set("KEYS_DIR", tmp_path / "keys")
    consentid.set("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert consentid("keys", "generate").code == Exit.OK
    ended = consentid("keys", "rotate", "--compromised")
    assert ended.code == Exit.OK
    assert "is not in the log" in ended.err
    assert "active" in ended.out


def test_a_broker_is_in_the_log_when_events_first_go_there(
    installed: Command, tmp_path: Path, acts: Callable[[], list[dict[str, Any]]]
) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    installed("keys", "generate")
    installed("brands", "apply")
    installed("clients", "add", *CRM)
    connect = (
        "connect",
        "nats",
        "--client",
        "news-crm",
        "--once",
        "--server",
        "nats://127.0.0.1:1",
    )
    for _ in range(2):
        assert installed(*connect).code == Exit.UNAVAILABLE
    added = [each for each in acts() if each["act"] == "connector/add"]
    assert [(each["client"], each["way"], each["by"]) for each in added] == [
        ("news-crm", "nats", "cli")
    ]


def test_a_migration_is_in_the_log_of_a_database_that_has_one(
    consentid: Command, tmp_path: Path, postgres: EmbeddedPostgres
) -> None:
    urls = run_apart(postgres.create_database("cli_acts_migrate"))
    scripts = str(Path(migrations.__file__).parent)
    newest = ScriptDirectory(scripts).get_revision("head")
    assert newest is not None
    before = str(newest.down_revision)
    run_apart(_bring_to(urls.owner, before, scripts))
    settings: dict[str, object] = {
        "DATABASE_URL": urls.serving,
        "MIGRATION_DATABASE_URL": urls.owner,
        "BRANDS_DIR": BRANDS,
        "KEYS_DIR": tmp_path / "keys",
    }
    for name, value in settings.items():
        consentid.set(name, value)
    assert consentid("brands", "apply").code == Exit.OK
    for _ in range(2):  # the second time it is there already
        assert consentid("migrate").code == Exit.OK
    _, newest_act = run_apart(_acts(urls.owner))
    assert newest_act == {
        "v": 1,
        "act": "migrate",
        "by": "cli",
        "before": before,
        "after": newest.revision,
    }


async def _bring_to(url: str, step: str, scripts: str) -> None:
    """As the release before left a database."""
    config = Config()
    config.set_main_option("script_location", scripts)
    config.attributes["serving_role"] = "consentid_serving"
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:

        def upgrade(bare: Connection) -> None:
            config.attributes["connection"] = bare
            command.upgrade(config, step)

        await connection.run_sync(upgrade)
        await connection.commit()
    await engine.dispose()


def test_support_looks_somebody_up_once_by_their_code(
    installed: Command,
    tmp_path: Path,
    acts: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    installed.set("ACTOR", ACTOR)
    installed("keys", "generate")
    installed("brands", "apply")
    subject = asyncio.run(_somebody("ABCDE12345"))
    monkeypatch.setattr("sys.stdin", io.StringIO("abcde-12345\n"))
    seen = installed("support", "look-up", "-", "--json")
    assert seen.code == Exit.OK, seen
    assert (seen.json["of"], seen.json["decisions"]) == ("account", [])
    news = {
        each["purpose"]: one["permitted"]
        for each in seen.json["purposes"]
        for one in each["parties"]
        if one["party"] == "brand/news"
    }
    assert news["content"] is False
    assert subject not in seen.out
    *_, newest = acts()
    assert newest == {
        "v": 1,
        "act": "support/look-up",
        "by": f"cli:{ACTOR}",
        "role": "operator",
    }
    again = installed("support", "look-up", "ABCDE-12345")
    assert again.code == Exit.NO
    assert "it was used" in again.err
    asyncio.run(_somebody("0THER12345", who=1))
    shown = installed("support", "look-up", "OTHER12345")
    assert "brand/news" in shown.out
