from pathlib import Path

from tests.cli.running import Command

from consentid.cli.terminal import Exit

URL = "https://crm.example.invalid/consent"
CONSUMER = ("news-crm", "--party", "brand/news", "--scope", "events:read")


def test_an_endpoint_is_added_tried_changed_and_removed(installed: Command, tmp_path: Path) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    assert installed("keys", "generate").code == Exit.OK
    assert installed("brands", "apply").code == Exit.OK
    adding = ("webhooks", "add", "--client", "news-crm", URL)
    assert "events:read" in installed(*adding).err
    assert installed("clients", "add", *CONSUMER).code == Exit.OK
    added = installed(*adding, "--kind", "consent", "--json").json
    assert added["secret"].startswith("whsec_")
    assert added["public_key"].startswith("whpk_")
    listed = installed("webhooks", "list", "--json")
    assert added["secret"] not in listed.out
    (shown,) = listed.json
    assert (shown["url"], shown["filters"]) == (URL, {"kinds": ["consent"]})
    tried = installed("webhooks", "test", "1")
    assert tried.code == Exit.NO  # the name leads nowhere
    assert "ConnectError" in tried.out
    assert installed("webhooks", "rotate", "1", "--json").json["secret"] != added["secret"]
    assert installed("webhooks", "disable", "1").out == "disabled\n"
    assert "disabled (operator)" in installed("webhooks", "list").out
    assert installed("webhooks", "enable", "1").out == "enabled\n"
    assert installed("webhooks", "log", "1", "--json").json == []
    assert installed("webhooks", "redrive", "1", "--json").json == {"events": 0}
    assert installed("webhooks", "replay", "1", "1", "9", "--json").json == {"events": 0}
    (system,) = installed("propagation", "--json").json
    assert (system["system"], system["lag_events"]) == ("webhook:1", 0)
    shown = installed("propagation")
    assert shown.code == Exit.OK
    assert "webhook:1  news-crm" in shown.out
    assert installed("webhooks", "remove", "1").out == "removed\n"
    assert "no system" in installed("propagation").out
    assert installed("webhooks", "list", "--json").json == []
    assert "no webhook 1" in installed("webhooks", "enable", "1").err


def test_an_address_without_tls_is_refused(installed: Command, tmp_path: Path) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    installed("keys", "generate")
    ended = installed("webhooks", "add", "--client", "x", "http://crm.example/")
    assert ended.code != Exit.OK
    assert "https://" in ended.err
