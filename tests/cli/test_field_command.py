from pathlib import Path

from tests.cli.running import Command

from consentid.cli.terminal import Exit

CLIENT = ("news-field", "--party", "brand/news", "--scope", "captures:write")


def test_a_device_is_invited_listed_and_revoked(installed: Command, tmp_path: Path) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    installed("keys", "generate")
    installed("brands", "apply")
    inviting = ("field", "enrol", "--name", "Tablet 7", "--json", "--client")
    assert "no client of this name" in installed(*inviting, "nobody").out
    assert "captures:write" in installed(*inviting, "news-web").out
    installed("clients", "add", *CLIENT)
    invited = installed(*inviting, "news-field").json
    assert len(invited["code"].replace("-", "")) == 20
    (listed,) = installed("field", "list", "--json").json
    assert (listed["device"], listed["state"]) == (invited["device"], "invited")
    assert "Tablet 7" in installed("field", "list").out
    assert installed("field", "revoke", invited["device"]).out == "revoked\n"
    assert (
        installed("field", "list", "--client", "news-field", "--json").json[0]["state"] == "revoked"
    )
    assert installed("field", "list", "--client", "news-web", "--json").json == []
    assert installed("field", "revoke", "nothing").code == Exit.NO


def test_a_device_without_a_kit_says_what_to_do(consentid: Command, tmp_path: Path) -> None:
    queue = ("--queue", tmp_path / "device.json")
    ended = consentid("field", "sync", *queue)
    assert (ended.code, "consentid field join" in ended.err) == (Exit.NO, True)
