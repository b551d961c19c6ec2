import argparse
import json
from pathlib import Path

import pytest

from consentid.cli import keys_command


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="consentid")
    keys_command.add_parser(parser.add_subparsers(required=True))
    return keys_command.run(parser.parse_args(["keys", *words]))


def test_keys_are_made_listed_and_rotated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--keys", str(tmp_path / "keys"))
    assert run("generate", *where) == 0
    assert "Back up pairwise.key and master.key and ledger.key now" in capsys.readouterr().out
    assert run("generate", *where) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert run("list", *where, "--json") == 0
    keys = json.loads(capsys.readouterr().out)["keys"]
    assert sorted(key["state"] for key in keys) == ["active", "active", "next", "next"]
    assert run("rotate", *where) == 1
    assert "--force" in capsys.readouterr().err
    assert run("rotate", *where, "--force", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert set(done["active"]) == {key["kid"] for key in keys if key["state"] == "next"}
    assert run("list", *where) == 0
    assert capsys.readouterr().out.count("retired") == 2


def test_the_folder_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONSENTID_KEYS_DIR", str(tmp_path))
    assert run("list", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["error"] == "key_file_missing"
    assert str(tmp_path) in told["message"]


def test_an_action_is_demanded(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == 2
    assert "ACTION" in capsys.readouterr().err
