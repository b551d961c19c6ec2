from pathlib import Path

import pytest
from tests.cli.running import Command

from consentid.cli.witness_policy import read_policy
from consentid.kit.errors import MalformedError
from consentid.ledger.note import COSIGNATURE, NoteKey, format_key
from consentid.store import tables

WITNESS = format_key(NoteKey(name="witness.example/w1", public=bytes(32), kind=COSIGNATURE))
LOG = format_key(NoteKey(name="consent.example/ledger", public=bytes(32)))


def policy(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def test_a_policy_names_witnesses_and_how_many_it_takes(tmp_path: Path) -> None:
    found = read_policy(policy(tmp_path, f'quorum = 1\nwitnesses = ["{WITNESS}"]\n'))
    assert found.quorum == 1
    assert [key.name for key in found.witnesses] == ["witness.example/w1"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("quorum = 1", "witnesses"),
        ("quorum = 0\nwitnesses = []", "quorum"),
        (f'quorum = 2\nwitnesses = ["{WITNESS}"]', "2 witnesses are demanded, and 1 named"),
        (f'quorum = 1\nwitnesses = ["{WITNESS}", "{WITNESS}"]', "named twice"),
        (f'quorum = 1\nwitnesses = ["{LOG}"]', "a log's key"),
        ('quorum = 1\nwitnesses = ["nobody"]', "written name"),
        (f'quorum = 1\nwitnesses = ["{WITNESS}"]\nmore = 1', "more"),
        ("quorum", "Expected '='"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(MalformedError, match=told) as error:
        read_policy(policy(tmp_path, text))
    assert str(tmp_path) in str(error.value.where)
    with pytest.raises(MalformedError, match="cannot be read"):
        read_policy(tmp_path / "none.toml")


def test_it_says_which_tables_it_answers_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command(capsys, monkeypatch)
    told = command("ledger", "verify", "--tables", "--json")
    assert told.code == 0
    beside = {name for names in told.json["beside"].values() for name in names}
    assert "served_events" in told.json["covered"]
    assert "hub_sessions" in beside
    assert {*told.json["covered"]} | beside == {*tables.metadata.tables}
    plain = command("ledger", "verify", "--tables").out
    assert all(name in plain for name in tables.metadata.tables)
