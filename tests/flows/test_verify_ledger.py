"""Whatever is changed of the log, by whoever owns its tables, is found, and the place named."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from tests.flows.conftest import Founded
from tests.flows.test_sequence_ledger import drain
from tests.flows.town import GRANTED, REFUSED, Town

from consentid.flows.verify_head import verify_heads
from consentid.flows.verify_ledger import Fault, verify_ledger, walk_ledger
from consentid.ledger import cosignature, note
from consentid.ledger.cosignature import Policy
from consentid.ledger.note import COSIGNATURE, Note, NoteKey
from consentid.store import ledger

MANY = 300
# Decisions by the hundred, without a person each: rows as deciding transactions leave them.
FILL = """
WITH given AS (
  SELECT gen_random_uuid() AS id, sha256(convert_to(CAST(n AS text), 'UTF8')) AS commitment,
         date_trunc('milliseconds', clock_timestamp()) AS at
  FROM generate_series(1, :many) n
), decided AS (
  INSERT INTO decisions (id, subject_id, recorded_at, early, late, clock_unproven, catalogue,
                         client_id, assurance, channel, sealed, commitment)
  SELECT given.id, subject_id, at, at, at, false, catalogue, client_id, assurance, channel,
         sealed, given.commitment
  FROM given, (SELECT * FROM decisions LIMIT 1) AS one
)
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
SELECT id, 'decision', convert_to(format(
  '{"commitment"\\:"%s","id"\\:"%s","kind"\\:"decision","origin"\\:"%s","time"\\:%s,"v"\\:1}',
  encode(commitment, 'hex'), id, CAST(:origin AS text),
  CAST(extract(epoch FROM at) * 1000000 AS bigint)), 'UTF8'), at
FROM given
"""


async def walk(town: Town) -> tuple[int, Sequence[Fault]]:
    entries, faults = 0, list[Fault]()
    async for walked in verify_ledger(town.context):
        entries += walked.entries
        faults += walked.faults
    return entries, [*faults, *await verify_heads(town.context, {})]


class UndoneError(Exception):
    """Nothing of it was."""


async def found_after(town: Town, *statements: str) -> list[Fault]:
    """What is found once somebody who owns all has switched off what refuses it; all is undone."""
    faults: list[Fault] = []
    with contextlib.suppress(UndoneError):
        async with town.owner.writing() as connection:
            for table in ("decisions", "staged_entries", "catalogues", *LEDGER):
                await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            for statement in statements:
                await connection.execute(text(statement))
            async for walked in walk_ledger(connection):
                faults += walked.faults
            raise UndoneError
    return faults


@pytest.fixture
async def filled(town: Town) -> Town:
    """A log of a few hundred entries, in three sizes, with something that waits."""
    device = await town.device()
    origin = (await town.decide(device, {"ads": GRANTED})).receipt.log
    await drain(town.context)
    for many in (MANY, 1):
        async with town.owner.writing() as connection:
            await connection.execute(text(FILL), {"many": many, "origin": origin})
        if many == MANY:
            await drain(town.context)
    await town.decide(device, {"ads": REFUSED})
    return town


LEDGER = ("ledger_logs", "ledger_entries", "ledger_tiles", "ledger_trees", "ledger_checkpoints")
FLIP = "set_byte({0}, {1}, get_byte({0}, {1}) # 1)"


def flip(table: str, column: str, byte: int, where: str) -> str:
    return f"UPDATE {table} SET {column} = {FLIP.format(column, byte)} WHERE {where}"


async def test_what_nobody_touched_is_whole(filled: Town) -> None:
    assert await walk(filled) == (MANY + 2, [])
    await drain(filled.context)
    assert await walk(filled) == (MANY + 4, [])


OF_ENTRY = "id = (SELECT event_id FROM ledger_entries WHERE idx = 9)"
TAMPERING: Final[dict[str, tuple[str, int | None]]] = {
    **{
        flip("ledger_entries", "leaf", byte, "idx = 40"): ("entry", 40)
        for byte in range(9, 213, 20)
    },
    flip("ledger_entries", "leaf", 200, "idx = 299"): ("entry", 299),
    "DELETE FROM ledger_entries WHERE idx = 77": ("entry", 77),
    "DELETE FROM ledger_entries WHERE idx = 301": ("entry", 301),
    "UPDATE ledger_entries SET event_id = gen_random_uuid() WHERE idx = 12": ("entry", 12),
    "UPDATE ledger_entries SET kind = 'signal' WHERE idx = 12": ("entry", 12),
    """INSERT INTO ledger_entries
       SELECT 1, 302, event_id, kind, leaf FROM staged_entries LIMIT 1""": ("entry", 302),
    flip("ledger_tiles", "hashes", 32 * 7 + 3, "true"): ("tile", 0),
    flip("ledger_tiles", "root", 3, "true"): ("tile", 0),
    "UPDATE ledger_tiles SET hashes = substr(hashes, 33)": ("tile", 0),
    "DELETE FROM ledger_tiles": ("tile", 0),
    "INSERT INTO ledger_tiles SELECT 1, 0, 5, root, hashes FROM ledger_tiles": ("tile", 5),
    flip("ledger_trees", "root", 9, "size = 258"): ("size", 258),
    "UPDATE ledger_checkpoints SET note = replace(note, '/ledger', '/ledgex') WHERE size = 258": (
        *("checkpoint", 258),
    ),
    """UPDATE ledger_checkpoints AS one SET note = other.note FROM ledger_checkpoints AS other
       WHERE one.size = 258 AND other.size = 302""": ("checkpoint", 258),
    "UPDATE ledger_logs SET key = 'none'": ("log", None),
    "UPDATE ledger_logs SET continues = ''": ("log", None),
    flip("decisions", "commitment", 0, OF_ENTRY): ("entry", 9),
    f"UPDATE decisions SET recorded_at = now() WHERE {OF_ENTRY}": ("entry", 9),
    f"DELETE FROM decisions WHERE {OF_ENTRY}": ("entry", 9),
    "DELETE FROM staged_entries": ("decision", None),
    flip("staged_entries", "leaf", 30, "true"): ("staged", None),
    "INSERT INTO ledger_logs SELECT 2, 'a', key, NULL, opened_at FROM ledger_logs": (
        *("log", None),
    ),
    "DELETE FROM ledger_checkpoints WHERE size = 258": ("checkpoint", 258),
    flip("catalogues", "body", 100, "true"): ("catalogue", None),
    "UPDATE catalogues SET applied_at = 'infinity'": ("entry", 0),
}


async def test_whatever_is_changed_is_found_where_it_was_changed(filled: Town) -> None:
    for statement, (kind, index) in TAMPERING.items():
        faults = await found_after(filled, statement)
        found = {(fault.kind, None if kind == "staged" else fault.index) for fault in faults}
        assert (kind, index) in found, (statement, faults)
    assert (await walk(filled))[1] == []


async def test_a_checkpoint_that_is_lost_is_missed_though_it_was_the_newest(filled: Town) -> None:
    await filled.change("ALTER TABLE ledger_checkpoints DISABLE TRIGGER USER")
    await filled.change(f"DELETE FROM ledger_checkpoints WHERE size = {MANY + 2}")
    ((kind, index),) = {(fault.kind, fault.index) for fault in (await walk(filled))[1]}
    assert (kind, index) == ("checkpoint", MANY + 2)


async def test_what_is_put_before_the_beginning_is_found(filled: Town) -> None:
    await filled.change(
        "INSERT INTO ledger_entries VALUES (1, -1, gen_random_uuid(), 'decision', 'x')"
    )
    await filled.change("INSERT INTO ledger_tiles VALUES (1, 0, -2, 'x', 'x')")
    await filled.change("ALTER TABLE ledger_trees DISABLE TRIGGER USER")
    await filled.change("INSERT INTO ledger_trees VALUES (1, -3, NULL, 'x', now())")
    found = {(fault.kind, fault.index) for fault in (await walk(filled))[1]}
    assert found == {("entry", -1), ("tile", -2), ("size", -3)}


async def test_two_entries_exchanged_are_found(filled: Town) -> None:
    faults = await found_after(
        filled,
        "UPDATE ledger_entries SET idx = -idx WHERE idx IN (4, 5)",
        "UPDATE ledger_entries SET idx = 9 + idx WHERE idx < 0",
    )
    # Each is a good leaf; the tile says where the order is another.
    told = {(fault.kind, fault.index): fault.message for fault in faults}
    assert told["tile", 0].endswith("its hash at 4 is not that of entry or tile 4")


async def test_a_checkpoint_kept_elsewhere_and_its_witnesses_are_demanded(filled: Town) -> None:
    async with filled.context.database.reading() as connection:
        row = await ledger.newest_checkpoint(connection, 1)
    assert row is not None
    signed = note.parse_note(row.note)
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    witness = NoteKey(
        name="witness.example/w1",
        public=private.public_key().public_bytes_raw(),
        kind=COSIGNATURE,
    )
    line = note.sign_with(
        witness,
        cosignature.encode(
            at_s=7, signature=private.sign(cosignature.message(signed.text, at_s=7))
        ),
    )
    cosigned = note.format_note(Note(text=signed.text, signatures=(*signed.signatures, line)))
    policy = Policy(witnesses=(witness,), quorum=1)

    async def told(kept: str, policy: Policy | None = policy) -> str:
        found = await verify_heads(filled.context, {"kept": kept.encode()}, policy=policy)
        return " ".join(fault.message for fault in found)

    assert await told(cosigned) == ""
    assert "0 of 1 cosignatures" in await told(row.note)
    assert await told(row.note, None) == ""
    assert "is of no log of ours" in await told(cosigned.replace("/ledger", "/other"))
    assert "is wrong" in await told(cosigned.replace("\n302\n", "\n301\n"))
    (alone,) = await verify_heads(filled.context, {}, policy=policy)
    assert "the last checkpoint: 0 of 1" in alone.message
    await drain(filled.context)
    async with filled.owner.writing() as connection:
        await connection.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER USER"))
        await connection.execute(text("UPDATE ledger_entries SET leaf = 'a' WHERE idx = 300"))
    assert "says otherwise of the first 302" in await told(cosigned)


def test_the_command_tells_it_to_people_and_to_programs(
    filled: Town, founded: Founded, tmp_path: Path
) -> None:
    environ = {
        **os.environ,
        "CONSENTID_DATABASE_URL": filled.urls.serving,
        "CONSENTID_KEYS_DIR": str(founded.keys),
    }

    def verified(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 our own program
            [sys.executable, "-m", "consentid", "ledger", "verify", "--log", *words],
            env=environ,
            check=False,
            capture_output=True,
            text=True,
        )

    told = verified("--json")
    assert (told.returncode, json.loads(told.stdout)["entries"]) == (0, MANY + 2), told
    (tmp_path / "kept").write_text("nothing of ours")
    told = verified("--checkpoint", str(tmp_path / "kept"))
    assert told.returncode == 1
    assert f"{MANY + 2} entries of the log, 1 faults" in told.stdout
    assert "checkpoint: " in told.stdout
