"""What the operators' page shows, on the command line."""

from pathlib import Path

import pytest
from tests.cli.running import BRANDS, Command

from consentid.cli.main import main
from consentid.cli.terminal import Exit

ADDED = ("clients", "add", "group-watch", "--party", "brand/news", "--scope", "admin")


@pytest.fixture
def applied(installed: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    installed.set("BRANDS_DIR", BRANDS)
    installed.set("KEYS_DIR", tmp_path / "keys")
    assert main(["keys", "generate"]) == Exit.OK
    assert main(["brands", "apply"]) == Exit.OK
    assert main([*ADDED]) == Exit.OK
    capsys.readouterr()
    return installed


def test_who_did_what_and_which_versions_there_were_is_shown(applied: Command) -> None:
    ended = applied("operations", "acts", "--json")
    newest, *older = ended.json["acts"]
    assert (newest["act"], newest["by"]) == ("client/add", "cli")
    assert newest["about"]["client"] == "group-watch"
    again = applied("operations", "acts", "--json", "--before", newest["entry"])
    assert again.json["acts"] == older
    assert "client/add" in applied("operations", "acts").out
    (version,) = applied("operations", "versions", "--json").json["versions"]
    assert version["version"] == 1
    assert applied("operations", "versions").out.startswith(f"version 1, {version['applied_at']}\n")
    assert applied("operations", "versions", "--json", "--before", "1").json["versions"] == []


def test_when_a_key_was_stolen_is_shown_as_a_time(applied: Command) -> None:
    keys = {each["kid"]: each for each in applied("keys", "list", "--json").json["keys"]}
    kid = next(name for name, key in keys.items() if key["state"] == "next")
    ended = applied("keys", "revoke", kid, "--stolen-at", keys[kid]["created_at"])
    assert ended.code == Exit.OK, ended.err
    newest = applied("operations", "acts", "--json").json["acts"][0]
    (line,) = [each for each in applied("operations", "acts").out.splitlines() if kid in each]
    assert isinstance(newest["about"]["stolen_at"], int)
    assert f"stolen_at={keys[kid]['created_at'][:19]}" in line


def test_what_is_no_place_in_the_list_is_named(applied: Command) -> None:
    for shown in ("acts", "versions"):
        ended = applied("operations", shown, "--before", "yesterday")
        assert ended.code == Exit.USAGE
        assert "--before" in ended.err
