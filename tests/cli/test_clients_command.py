import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
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
        (["rotate", "nobody"], Exit.NO, "No such client"),
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


def test_a_client_is_registered_with_its_addresses_purposes_and_keys(
    applied: Command, tmp_path: Path
) -> None:
    key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256"})
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    words = (
        "clients add reach-erp --party partner/reach --auth private_key_jwt"
        " --redirect-uri http://reach.localhost:7600/back --purpose ads.partners"
        " --audience https://reach-media.example"
        f" --id-token-alg ES256 --jwks {keys} --json"
    )
    ended = applied(*words.split())
    assert ended.code == Exit.OK, ended.err
    assert ended.json["secret"] is None
    listed = applied("clients", "list", "--json").json["clients"]
    (added,) = (each for each in listed if each["client_id"] == "reach-erp")
    registration = added["registration"]
    assert registration["redirect_uris"] == ["http://reach.localhost:7600/back"]
    assert registration["purposes"] == ["ads.partners"]
    assert registration["audience"] == "https://reach-media.example"
    assert registration["id_token_signed_response_alg"] == "ES256"
    assert [each["kid"] for each in registration["keys"]] == ["k1"]
    assert "authorization_code" in registration["grant_types"]


def test_a_private_key_is_refused_as_a_clients_public_one(applied: Command, tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256"})
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [key.as_dict(private=True)]}))
    words = ("clients", "add", "x", "--party", "partner/reach", "--auth", "private_key_jwt")
    ended = applied(*words, "--jwks", str(keys))
    assert ended.code == Exit.USAGE
    assert "private" in ended.err
    assert str(key.as_dict(private=True)["d"]) not in ended.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--redirect-uri https://evil.example/cb", "none of the domains"),
        ("--redirect-uri http://shop.localhost:7600/a/../b", "will not do"),
        ("--auth private_key_jwt", "needs a public key"),
        ("--purpose tv", "does not offer tv"),
        ("--audience https://x.example", "registered https://market.halcyon.example, not"),
        ("--backchannel-logout-uri https://evil.example/out", "none of the domains"),
        ("--auth none --grant-type client_credentials", "no credentials"),
    ],
)
def test_the_command_line_is_held_to_the_rules_of_the_files(
    applied: Command, options: str, told: str
) -> None:
    ended = applied("clients", "add", "odd", "--party", "brand/shop", *options.split())
    assert ended.code != Exit.OK
    assert told in ended.err
    listed = applied("clients", "list", "--json").json["clients"]
    assert "odd" not in {each["client_id"] for each in listed}
