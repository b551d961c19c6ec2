"""Public keys of clients: what a set must be, and what must never stand in one."""

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from tests.brandbook.folders import Folder

from consentid.brandbook.client import AuthMethod, ClientId, KeyAlgorithm
from consentid.brandbook.client_keys import MAX_KEYS, BadKeyError, read_key_file, read_keys
from consentid.kit import base64url


def ec(kid: str = "a", **changed: object) -> dict[str, Any]:
    key = ECKey.generate_key("P-256", private=True)
    return {**key.as_dict(private=False), "kid": kid, "alg": "ES256", **changed}


def rsa(**changed: object) -> dict[str, Any]:
    key = RSAKey.generate_key(2048)
    return {**key.as_dict(private=False), "kid": "r", "alg": "RS256", **changed}


def test_keys_of_both_kinds_are_read_with_their_one_algorithm() -> None:
    keys = read_keys({"keys": [ec(), rsa(alg="PS256", use="sig")]})
    assert [(key.kid, key.alg, key.members["kty"]) for key in keys] == [
        ("a", KeyAlgorithm.ES256, "EC"),
        ("r", KeyAlgorithm.PS256, "RSA"),
    ]


def test_a_key_file_beside_the_partners_file_is_read(folder: Folder) -> None:
    folder.write("partners/reach-keys.json", json.dumps({"keys": [ec("reach-1")]}))
    folder.replace(
        "partners/reach.toml",
        """[clients.reach-api] # checks the tokens that are meant for it
auth = "client_secret_basic\"""",
        '[clients.reach-api]\nauth = "private_key_jwt"\njwks_file = "reach-keys.json"',
    )
    client = folder.load().book.clients[ClientId("reach-api")]
    assert client.auth is AuthMethod.PRIVATE_KEY_JWT
    assert [key.kid for key in client.keys] == ["reach-1"]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], ()),
        ({}, ()),
        ({"keys": []}, ()),
        ({"keys": ["x"]}, ("keys", 0)),
        ({"keys": [ec(kid="../secret")]}, ("keys", 0, "kid")),
        ({"keys": [ec(kid="")]}, ("keys", 0, "kid")),
        ({"keys": [ec(), ec()]}, ("keys", 1)),
        ({"keys": [ec(use="enc")]}, ("keys", 0, "use")),
        ({"keys": [ec(x5u="https://x.example")]}, ("keys", 0, "x5u")),
        ({"keys": [ec(crv="P-384")]}, ("keys", 0)),
        ({"keys": [ec(alg="RS256")]}, ("keys", 0, "alg")),
        ({"keys": [ec(alg=None)]}, ("keys", 0, "alg")),
        ({"keys": [ec(y=1)]}, ("keys", 0, "y")),
        ({"keys": [rsa(n=base64url.encode(bytes([255] * 128)))]}, ("keys", 0)),
        ({"keys": [rsa(e="AAAA")]}, ("keys", 0)),
        ({"keys": [ec(str(n)) for n in range(MAX_KEYS + 1)]}, ("keys",)),
        ({"keys": [OKPKey.generate_key("Ed25519").as_dict(private=False)]}, ("keys", 0, "kty")),
    ],
)
def test_what_is_no_public_key_set_is_refused_with_its_place(
    document: object, place: tuple[str | int, ...]
) -> None:
    with pytest.raises(BadKeyError) as caught:
        read_keys(document)
    assert caught.value.place == place


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000, b" " * 70_000])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(raw)
    with pytest.raises(BadKeyError):
        read_key_file(path)
