import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from consentid.oidc import id_token
from consentid.oidc.id_token import IdTokenClaims, read_hint

ISSUER = "https://hub.example"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
KEYS = {
    "r": {**RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True), "kid": "r", "alg": "RS256"},
    "e": {**ECAlgorithm.to_jwk(EC.public_key(), as_dict=True), "kid": "e", "alg": "ES256"},
}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "somebody",
    "aud": "news-web",
    "iat": 2**40,
    "exp": 2**40 + 600,
}


def hint_of(
    claims: dict[str, Any], *, kid: str = "r", alg: str = "RS256", key: Any = RSA, **header: Any
) -> str | None:
    token = jwt.encode(claims, key=key, algorithm=alg, headers={"kid": kid, **header})
    return read_hint(token, keys=KEYS, issuer=ISSUER, audience="news-web")


def test_what_we_issued_to_the_client_is_a_hint_also_when_it_has_expired() -> None:
    assert hint_of(CLAIMS) == "somebody"
    assert hint_of({**CLAIMS, "exp": 1, "iat": 0}) == "somebody"
    assert hint_of(CLAIMS, kid="e", alg="ES256", key=EC) == "somebody"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"aud": "shop-web"},
        {"aud": ["news-web"]},
        {"sub": 7},
        {"sub": None},
    ],
)
def test_what_was_issued_by_or_for_somebody_else_is_none(changed: dict[str, Any]) -> None:
    assert hint_of({**CLAIMS, **changed}) is None


@pytest.mark.parametrize(
    "exp", [None, True, "soon", float("nan"), float("inf"), 1.5, 0, -1, 2**53, 10**400], ids=repr
)
def test_what_ends_never_or_nowhere_is_none(exp: object) -> None:
    assert hint_of({**CLAIMS, "exp": exp}) is None


def test_a_key_signs_with_its_own_algorithm_alone() -> None:
    assert hint_of(CLAIMS, kid="unknown") is None
    assert hint_of(CLAIMS, kid="../r") is None
    assert hint_of(CLAIMS, kid="e") is None
    assert hint_of(CLAIMS, alg="PS256") is None
    assert hint_of(CLAIMS, kid="r", alg="ES256", key=EC) is None
    assert hint_of(CLAIMS, alg="HS256", key="a secret that is long enough for that") is None


@pytest.mark.parametrize("header", [{"typ": "consent+jwt"}, {"typ": None}, {"crit": ["x"]}])
def test_a_token_of_another_kind_is_none(header: dict[str, Any]) -> None:
    assert hint_of(CLAIMS, **header) is None


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_none(text: str) -> None:
    assert read_hint(text, keys=KEYS, issuer=ISSUER, audience="news-web") is None


def test_the_compact_form_is_read_by_an_independent_library() -> None:
    now_s = int(time.time())
    claims = IdTokenClaims(
        iss=ISSUER, sub="somebody", aud="news-web", exp=now_s + 600, iat=now_s, acr="0"
    )
    signing_input = id_token.unsigned(claims, alg="ES256", kid="e")
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(signing_input, EC)

    read = jwt.decode(
        id_token.assemble(signing_input, signature),
        key=EC.public_key(),
        algorithms=["ES256"],
        audience="news-web",
    )

    assert read == {
        "iss": ISSUER,
        "sub": "somebody",
        "aud": "news-web",
        "exp": now_s + 600,
        "iat": now_s,
        "acr": "0",
    }


def test_at_hash_is_that_of_the_specifications_example() -> None:
    # OpenID Connect Core, appendix A.3.
    assert id_token.at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == (
        "77QmUPtjPfzWtF2AnpK9RQ"
    )
