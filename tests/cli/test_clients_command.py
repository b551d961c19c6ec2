import pytest
from tests.cli.running import Command

from consentid.cli.terminal import Exit


@pytest.fixture
def applied(installed: Command) -> Command:
    assert installed("brands", "apply").code == Exit.OK
    return installed


def test_the_clients_of_the_files_are_listed(applied: Command) -> None:
    listed = applied("clients", "list", "--json").json["clients"]
    assert {client["party"] for client in listed} >= {"brand/news", "brand/shop", "partner/reach"}
    assert all(client["source"] == "files" for client in listed)
    table = applied("clients", "list").out.splitlines()
    assert len(table) == len(listed) + 1
    assert table[0].startswith("CLIENT")


def test_a_client_gets_a_secret_that_is_shown_once(applied: Command) -> None:
    ended = applied("clients", "add", "shop-erp", "--party", "brand/shop", "--json")
    assert ended.code == Exit.OK
    secret = ended.json["secret"]
    assert len(secret) == 43
    listed = applied("clients", "list", "--json")
    assert secret not in listed.out
    added = next(c for c in listed.json["clients"] if c["client_id"] == "shop-erp")
    assert added["scopes"] == ["verify"]
    assert added["source"] == "command"


def test_a_rotation_gives_another_secret_and_tells_how_long_the_old_holds(
    applied: Command,
) -> None:
    first = applied("clients", "add", "shop-erp", "--party", "brand/shop", "--json").json
    rotated = applied("clients", "rotate", "shop-erp", "--overlap-hours", "2", "--json").json
    assert rotated["secret"] != first["secret"]
    assert rotated["old_ends_in_s"] == 7200
    shown = applied("clients", "rotate", "shop-erp")
    assert "client_secret  " in shown.out
    assert "24 h more" in shown.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["add", "x", "--party", "shop"], Exit.USAGE, "brand/SLUG"),
        (["add", "x", "--party", "shops/shop"], Exit.USAGE, "brand/SLUG"),
        (["add", "x", "--party", "brand/nowhere"], Exit.NO, "not in the catalogue"),
        (["add", "x", "--party", "brand/shop", "--scope", "all"], Exit.USAGE, "invalid choice"),
        (["rotate", "nobody"], Exit.NO, "No client nobody"),
        (["rotate", "nobody", "--overlap-hours", "-1"], Exit.USAGE, "0 or more"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    applied: Command, words: list[str], code: Exit, told: str
) -> None:
    ended = applied("clients", *words)
    assert ended.code == code
    assert told in ended.err


def test_an_id_that_is_taken_is_refused(applied: Command) -> None:
    words = ("clients", "add", "twice", "--party", "brand/shop")
    assert applied(*words).code == Exit.OK
    again = applied(*words)
    assert again.code == Exit.NO
    assert "exists" in again.err
