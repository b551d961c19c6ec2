"""The log as a stream: all of it in order, from anywhere on, with and without personal data."""

import json
from typing import Any

import pytest
from sqlalchemy import text
from tests.cli.running import Command, Ended
from tests.flows.conftest import Founded
from tests.flows.test_sequence_ledger import drain
from tests.flows.town import GRANTED, Town

from consentid.flows import export_ledger
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.ledger import note
from consentid.ledger.checkpoint import open_checkpoint
from consentid.ledger.tree import leaf_hash, root_of


@pytest.fixture
async def logged(town: Town) -> Town:
    """Five decisions of three people; of the last one the key is gone."""
    people = [await town.device() for _ in range(3)]
    for person in (*people, *people[:2]):
        await town.decide(person, {"ads": GRANTED})
    await drain(town.context)
    async with town.owner.writing() as connection:
        await connection.execute(
            text("DELETE FROM subject_keys WHERE subject_id = :id"), {"id": people[2].subject}
        )
    return town


@pytest.fixture
def export(
    logged: Town,
    founded: Founded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    monkeypatch.setattr(export_ledger, "_PAGE", 2)
    command = Command(capsys, monkeypatch)
    command.set("DATABASE_URL", logged.urls.serving)
    command.set("KEYS_DIR", founded.keys)
    return command


def lines(ended: Ended) -> list[dict[str, Any]]:
    assert ended.code == 0, ended
    return [json.loads(line) for line in ended.out.splitlines()]


def test_every_entry_is_streamed_with_what_opens_it_and_what_was_signed(export: Command) -> None:
    ended = export("ledger", "export")
    *entries, end = lines(ended)
    assert "6 entries" in ended.err
    assert [each["at"] for each in entries] == [f"1/{index}" for index in range(6)]
    key = note.parse_key(end["key"])
    signed, _ = open_checkpoint(end["checkpoint"], origin=end["log"], keys=[key])
    hashes = [leaf_hash(each["leaf"].encode()) for each in entries]
    assert (signed.size, signed.root) == (len(hashes), root_of(hashes))
    opened = [each for each in entries if each["record"] is not None]
    assert len(opened) == 4
    assert len({each["subject"] for each in opened}) == 2
    for each in opened:
        body = canonical.encode(each["record"])
        commitment = wrapping.commitment(bytes.fromhex(each["salt"]), body)
        assert json.loads(each["leaf"])["commitment"] == commitment.hex()
    assert {each["kind"] for each in entries if each["record"] is None} == {"catalogue", "decision"}


def test_a_stream_goes_on_after_any_line(export: Command) -> None:
    whole = lines(export("ledger", "export"))
    for place in range(6):
        assert lines(export("ledger", "export", "--after", f"1/{place}")) == whole[place + 1 :]
    for nowhere in ("2/0", "1/6", "1/99999"):
        ended = export("ledger", "export", "--after", nowhere)
        assert ended.code == 2
        assert "nothing that is published stands there" in ended.err
    for cursor in ("1", "x/1", "1/-1", "01/1", "1/1.5"):
        ended = export("ledger", "export", f"--after={cursor}")
        assert ended.code == 2
        assert "such as 1/4711" in ended.err


def test_entries_alone_tell_nothing_of_anybody(export: Command) -> None:
    *entries, _ = lines(export("ledger", "export", "--leaves"))
    assert all(each.keys() == {"at", "log", "index", "id", "kind", "leaf"} for each in entries)


@pytest.fixture
async def spoiled(logged: Town) -> None:
    async with logged.owner.writing() as connection:
        await connection.execute(text("ALTER TABLE decisions DISABLE TRIGGER USER"))
        await connection.execute(text("UPDATE decisions SET sealed = sha256(sealed)"))


@pytest.mark.usefixtures("spoiled")
def test_a_record_that_cannot_be_opened_is_told_and_the_rest_goes_on(export: Command) -> None:
    ended = export("ledger", "export")
    assert ended.code == 1
    assert ended.err.count("cannot be opened: 1/") == 4
    assert len(ended.out.splitlines()) == 7
