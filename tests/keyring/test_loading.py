import json
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.keyring.living import (
    issue,
    verifies,
)

from consentid.keyring import manifest
from consentid.keyring.generating import MASTER, PAIRWISE
from consentid.keyring.loading import load
from consentid.keyring.manifest import State, Use
from consentid.kit import base64url
from consentid.kit.errors import (
    MalformedError,
    NotFoundError,
)


def test_a_new_keyring_signs_what_it_verifies(folder: Path) -> None:
    keyring = load(folder)
    assert verifies(issue(keyring), keyring)
    assert len(keyring.pairwise) == len(keyring.master) == 32
    assert keyring.pairwise != keyring.master


def test_an_id_key_signs_for_pyjwt(folder: Path) -> None:
    key = load(folder).active("id")
    signing_input = b"eyJhbGciOiJSUzI1NiJ9.e30"
    token = signing_input + b"." + base64url.encode(key.sign(signing_input)).encode()
    public = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert jwt.decode(token.decode(), public, algorithms=["RS256"]) == {}


def test_nothing_secret_shows_in_a_representation(folder: Path) -> None:
    keyring = load(folder)
    shown = repr(keyring) + repr(keyring.active("consent"))
    assert repr(keyring.pairwise) not in shown
    assert "private" not in shown


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644, 0o601])
@pytest.mark.parametrize("name", [PAIRWISE, MASTER, "pem"])
def test_a_private_file_open_to_others_is_refused(folder: Path, name: str, mode: int) -> None:
    if name == "pem":
        name = f"{load(folder).active('consent').kid}.pem"
    (folder / name).chmod(mode)
    with pytest.raises(MalformedError, match="chmod 600"):
        load(folder)


def test_a_folder_without_keys_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="keys generate"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"?", b"AAAA", b"AA==\n"])
def test_a_secret_of_the_wrong_form_is_refused(folder: Path, content: bytes) -> None:
    (folder / MASTER).write_bytes(content)
    with pytest.raises(MalformedError, match=r"master\.key"):
        load(folder)


def test_a_key_that_is_not_the_published_one_is_refused(folder: Path) -> None:
    found = manifest.read(folder)
    active, following = (found.only(Use.CONSENT, s).kid for s in (State.ACTIVE, State.NEXT))
    (folder / f"{active}.pem").write_bytes((folder / f"{following}.pem").read_bytes())
    with pytest.raises(MalformedError, match="publishes"):
        load(folder)


def test_a_manifest_with_a_private_member_is_refused(folder: Path) -> None:
    content = json.loads((folder / manifest.NAME).read_text())
    content["keys"][0]["jwk"]["d"] = "AA"
    (folder / manifest.NAME).write_text(json.dumps(content))
    with pytest.raises(MalformedError, match="more than a public key"):
        load(folder)


def test_a_manifest_without_a_next_key_is_refused(folder: Path) -> None:
    content = json.loads((folder / manifest.NAME).read_text())
    content["keys"] = [key for key in content["keys"] if key["state"] != "next"]
    (folder / manifest.NAME).write_text(json.dumps(content))
    with pytest.raises(MalformedError, match="exactly one next key"):
        load(folder)
