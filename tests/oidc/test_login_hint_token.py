"""A client names a person by its own word for them, and by nothing else."""

import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from consentid.kit.instants import from_seconds
from consentid.oidc import client_assertion
from consentid.oidc.client_assertion import ExpiredAssertionError, RefusedAssertionError
from consentid.oidc.login_hint_token import TYP, verify_login_hint

ISSUER, CLIENT, SUB = "https://consent.example", "desk", "abcdefghijklmnopqrstu_"
NOW_S = 1_800_000_000
KEY = ECKey.generate_key("P-256", {"kid": "k1"})
KEYS = {
    "k1": {
        **{name: str(text) for name, text in KEY.as_dict(private=False).items() if name != "kid"},
        "alg": "ES256",
    }
}


def sign(typ: str | None = TYP, **changed: object) -> str:
    claims: dict[str, Any] = {
        "iss": CLIENT,
        "sub": SUB,
        "aud": ISSUER,
        "exp": NOW_S + 60,
        "iat": NOW_S,
        "jti": "once",
    } | changed
    said = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "ES256", "kid": "k1"} | ({} if typ is None else {"typ": typ})
    return jws.serialize_compact(header, json.dumps(said).encode(), KEY, algorithms=["ES256"])


def judge(token: str, client_id: str = CLIENT) -> str:
    return verify_login_hint(
        token, client_id=client_id, keys=KEYS, issuer=ISSUER, now=from_seconds(NOW_S)
    )


def test_what_the_client_signed_names_a_person() -> None:
    assert judge(sign()) == SUB


@pytest.mark.parametrize(
    "sub", [None, 1, "", "mila@halcyon.example", "+3225550199", SUB + "x", SUB[1:], "a b" * 8]
)
def test_an_address_a_number_or_a_name_is_refused(sub: object) -> None:
    with pytest.raises(RefusedAssertionError):
        judge(sign(sub=sub))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "other"},
        {"aud": "https://evil.example"},
        {"exp": NOW_S + 3_600},
        {"iat": NOW_S + 60},
        {"jti": None},
    ],
    ids=repr,
)
def test_what_does_not_hold_names_nobody(changed: dict[str, Any]) -> None:
    with pytest.raises(RefusedAssertionError):
        judge(sign(**changed))


def test_what_is_too_old_is_told_apart() -> None:
    with pytest.raises(ExpiredAssertionError):
        judge(sign(exp=NOW_S))


@pytest.mark.parametrize("typ", [None, "JWT", client_assertion.TYP, "consent+jwt"])
def test_another_type_is_no_hint(typ: str | None) -> None:
    with pytest.raises(RefusedAssertionError):
        judge(sign(typ))


def test_another_clients_hint_is_none_and_a_hint_authenticates_nobody() -> None:
    with pytest.raises(RefusedAssertionError):
        judge(sign(), "other")
    for token in (sign(), sign(sub=CLIENT)):
        with pytest.raises(RefusedAssertionError):
            client_assertion.read(token)
