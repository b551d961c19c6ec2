from pathlib import Path

import pytest
from tests.cli.running import Command
from tests.connectors.nats_server import nats_server

from consentid.cli.terminal import Exit

CONSUMER = ("news-crm", "--party", "brand/news", "--scope", "events:read")
CONNECT = ("connect", "nats", "--client", "news-crm", "--once")


@pytest.mark.nats
def test_events_are_carried_once_and_whoever_may_not_read_them_is_told(
    installed: Command, tmp_path: Path, nats_program: Path
) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    assert installed("keys", "generate").code == Exit.OK
    assert installed("brands", "apply").code == Exit.OK
    assert "events:read" in installed(*CONNECT).err
    assert installed("clients", "add", *CONSUMER).code == Exit.OK
    with nats_server(nats_program, tmp_path / "nats") as server:
        ended = installed(*CONNECT, "--server", server.url)
        assert (ended.code, ended.out) == (Exit.OK, "0 events carried to consentid-news-crm\n")
    ended = installed(*CONNECT, "--server", server.url)
    assert ended.code == Exit.UNAVAILABLE
    assert "cannot be reached" in ended.err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--stream", "a.b"), "--stream"),
        (("--subject", "a.>"), "--subject"),
        (("--keep-days", "-1"), "--keep-days"),
        (("--user", "hub", "--password-file", "/nowhere"), "/nowhere"),
        (("--user", "hub"), "--password-file"),
        (("--server", "nats://hub:secret@nats.example"), "no credentials"),
    ],
)
def test_a_wrong_word_is_told_before_anything_begins(
    installed: Command, given: tuple[str, ...], told: str
) -> None:
    ended = installed(*CONNECT, *given)
    assert ended.code != Exit.OK
    assert told in ended.err
