import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.tokens.making import JWKS, KEY, KID

from consentid.kit import base64url
from consentid.kit.errors import MalformedError
from consentid.tokens import jwks

JWK: dict[str, Any] = JWKS["keys"][0]


def read(*keys: dict[str, Any]) -> list[str]:
    return list(jwks.read_keys(json.dumps({"keys": keys}).encode()))


def test_what_we_publish_we_read() -> None:
    found = jwks.read_keys(json.dumps(JWKS).encode())
    assert found[KID].public_numbers() == KEY.public_key().public_numbers()


@pytest.mark.parametrize(
    "changed",
    [
        {"alg": "RS256", "kty": "RSA"},
        {"alg": "ES384"},
        {"alg": None},
        {"use": "enc"},
        {"use": None},
        {"crv": "P-384"},
        {"kid": None},
    ],
)
def test_a_key_for_something_else_is_passed_over(changed: dict[str, Any]) -> None:
    assert read({**JWK, **changed}) == []


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ([{**JWK, "d": "AA"}], "public"),
        ([{"kty": "oct", "kid": "k", "k": "AA"}], "public"),
        ([JWK, JWK], "twice"),
        ([{**JWK, "x": JWK["y"]}], "P-256"),
        ([{**JWK, "x": "AA"}], "P-256"),
        ([{**JWK, "x": None}], "P-256"),
        ([{**JWK, "kid": str(i)} for i in range(65)], "64"),
    ],
)
def test_a_key_set_that_is_wrong_is_refused_as_a_whole(
    keys: list[dict[str, Any]], told: str
) -> None:
    with pytest.raises(MalformedError, match=told):
        read(*keys)


@pytest.mark.parametrize("document", [b"", b"[]", b'{"keys":{}}', b"{" * 70_000, b"[" * 60_000])
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(MalformedError):
        jwks.read_keys(document)


def test_another_curve_is_not_published() -> None:
    with pytest.raises(ValueError, match="P-256"):
        jwks.jwk("k", ec.generate_private_key(ec.SECP384R1()).public_key())


def test_coordinates_keep_their_leading_zeros() -> None:
    """One key in 256 has a coordinate that begins with a zero byte."""
    scalar = next(
        s
        for s in range(1, 2_000)
        if ec.derive_private_key(s, ec.SECP256R1()).public_key().public_numbers().x >> 248 == 0
    )
    key = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
    assert len(base64url.decode(jwks.jwk("k", key)["x"])) == 32
    assert read(jwks.jwk("k", key)) == ["k"]
