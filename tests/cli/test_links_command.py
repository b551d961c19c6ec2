"""``consentid links``: keys and links, made without a network."""

import io
import json
import socket
import stat
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.cli.running import Command

from consentid.brandbook.client_keys import read_keys
from consentid.cli.terminal import Exit
from consentid.keyring.link_key import link_key
from consentid.links import judging
from consentid.links.claims import LinkClaims
from consentid.tokens.jwks import kid_of

ISSUER = "https://consent.example"
HUB = link_key(b"h" * 32)


@pytest.fixture
def minting(tmp_path: Path, consentid: Command, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of a command that mints, with a key that another one made."""

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    (tmp_path / "hub.json").write_bytes(msgspec.json.encode({"keys": [HUB.jwk()]}))
    assert consentid("links", "key", tmp_path / "key.pem").code == Exit.OK
    return [
        *("links", "mint", "--hub", ISSUER, "--hub-keys", str(tmp_path / "hub.json")),
        *("--client", "news-letters", "--key", str(tmp_path / "key.pem")),
        *("--brand", "news", "--purpose", "contact.email"),
    ]


def opened(link: str, folder: Path) -> LinkClaims:
    """What the hub reads in it."""
    address, _, sealed = link.strip().partition("#")
    assert address == f"{ISSUER}/link"
    unsealed = judging.unseal(sealed, {HUB.kid: HUB.private})
    assert isinstance(unsealed, judging.Unsealed)
    key = load_pem_private_key((folder / "key.pem").read_bytes(), None).public_key()
    found = judging.verify(
        unsealed,
        keys={kid_of(key): key},  # pyright: ignore[reportArgumentType]  made as P-256 just now
        issuer=ISSUER,
        now_s=time.time(),
    )
    assert isinstance(found, LinkClaims)
    return found


def test_a_key_is_made_once_kept_secret_and_its_public_half_fits_into_brands(
    tmp_path: Path, consentid: Command
) -> None:
    made = consentid("links", "key", tmp_path / "key.pem")
    assert made.code == Exit.OK
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    (key,) = read_keys(made.json)
    assert key.alg == "ES256"
    again = consentid("links", "key", tmp_path / "key.pem")
    assert again.code == Exit.NO
    assert "never overwritten" in again.err


def test_a_link_is_minted_without_any_network(
    tmp_path: Path, consentid: Command, minting: list[str]
) -> None:
    ended = consentid(*minting, "--to", "mila@example.org", "--language", "fr", "--days", "30")
    assert ended.code == Exit.OK, ended.err
    said = opened(ended.out, tmp_path)
    assert (said.iss, said.brand, said.hint) == ("news-letters", "news", "m•••@example.org")
    assert said.exp - said.iat == 30 * 86_400


def test_an_addressee_comes_from_input_and_the_answer_is_for_programs(
    tmp_path: Path, consentid: Command, minting: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("+33 6 12 34 56 78\n"))
    ended = consentid(*minting, "--to", "-", "--purpose", "contact.sms", "--json")
    said = opened(json.loads(ended.out)["link"], tmp_path)
    assert (said.hint, said.purposes) == ("•••78", ("contact.email", "contact.sms"))


def test_a_link_is_drawn_for_telephones(
    tmp_path: Path, consentid: Command, minting: list[str]
) -> None:
    ended = consentid(*minting, "--qr", "--qr-svg", tmp_path / "link.svg")
    assert ended.out.startswith(ISSUER)
    assert "█" in ended.err
    assert ET.parse(tmp_path / "link.svg").getroot().tag.endswith("svg")  # noqa: S314  our own


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--days", "31"], "2592000"),
        (["--to", "nobody"], "e-mail address"),
        (["--key", "missing.pem"], "missing.pem"),
        (["--purpose", "Not one"], "purposes"),
    ],
)
def test_what_cannot_be_minted_is_told(
    consentid: Command, minting: list[str], words: list[str], told: str
) -> None:
    ended = consentid(*minting, *words)
    assert ended.code != Exit.OK
    assert told in ended.err
    assert not ended.out
