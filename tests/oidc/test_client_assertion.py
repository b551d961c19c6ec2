"""``private_key_jwt`` by RFC 7523 and RFC 10070: each way in which it may not hold, by name."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from consentid.kit.instants import from_seconds
from consentid.oidc import client_assertion
from consentid.oidc.client_assertion import Assertion, RefusedAssertionError

ISSUER = "https://consent.example"
NOW_S = 1_800_000_000
EC = ECKey.generate_key("P-256", {"kid": "a"})
RSA = RSAKey.generate_key(2048, {"kid": "r"})


def public(key: ECKey | RSAKey, alg: str) -> dict[str, str]:
    members = key.as_dict(private=False)
    return {name: str(members[name]) for name in members if name != "kid"} | {"alg": alg}


KEYS: Mapping[str, Mapping[str, str]] = {"a": public(EC, "ES256"), "r": public(RSA, "PS256")}


def claims(**changed: object) -> dict[str, Any]:
    whole = {
        "iss": "reach-api",
        "sub": "reach-api",
        "aud": ISSUER,
        "exp": NOW_S + 60,
        "iat": NOW_S,
        "jti": "once",
    } | changed
    return {name: value for name, value in whole.items() if value is not None}


def sign(
    said: Mapping[str, Any] | bytes,
    key: ECKey | RSAKey | OctKey = EC,
    **header: object,
) -> str:
    whole = {"alg": "ES256", "kid": "a", "typ": "client-authentication+jwt"} | header
    protected = {name: value for name, value in whole.items() if value is not None}
    payload = said if isinstance(said, bytes) else json.dumps(said).encode()
    return jws.serialize_compact(
        protected, payload, key, algorithms=["ES256", "RS256", "PS256", "HS256"]
    )


def judge(token: str, keys: Mapping[str, Mapping[str, str]] = KEYS) -> Assertion:
    return client_assertion.verify(
        client_assertion.read(token), keys=keys, issuer=ISSUER, now=from_seconds(NOW_S)
    )


def refused(token: str) -> str:
    with pytest.raises(RefusedAssertionError) as caught:
        judge(token)
    return str(caught.value)


def test_an_assertion_that_holds_names_its_client_and_its_mark_of_use() -> None:
    found = judge(sign(claims()))
    assert (found.client_id, found.jti) == ("reach-api", "once")
    assert found.forget_at > from_seconds(NOW_S + 60)


@pytest.mark.parametrize(
    "typ",
    ["client-authentication+jwt", "application/client-authentication+jwt", "JWT", "jwt", None],
)
def test_the_explicit_type_and_that_of_older_libraries_are_taken(typ: str | None) -> None:
    assert judge(sign(claims(), typ=typ)).jti == "once"


@pytest.mark.parametrize("typ", ["consent+jwt", "at+jwt", "logout+jwt", "", 1])
def test_another_type_is_refused(typ: object) -> None:
    assert "typ" in refused(sign(claims(), typ=typ) if isinstance(typ, str) else forged(typ=typ))


def forged(**header: object) -> str:
    """A header as no library would write it, with a signature of nothing."""
    whole = {"alg": "ES256", "kid": "a", "typ": "JWT"} | header
    parts = (json.dumps(whole).encode(), json.dumps(claims()).encode(), b"x" * 64)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_each_key_signs_with_the_one_algorithm_it_was_registered_for() -> None:
    assert judge(sign(claims(), RSA, alg="PS256", kid="r")).jti == "once"
    assert "alg" in refused(sign(claims(), RSA, alg="RS256", kid="r"))


def test_a_single_key_needs_no_name() -> None:
    only = {"a": KEYS["a"]}
    assert judge(sign(claims(), kid=None), only).jti == "once"
    assert "kid" in refused(sign(claims(), kid=None))


def test_hs256_with_the_public_key_as_secret_is_refused() -> None:
    secret = OctKey.import_key(json.dumps(KEYS["a"], sort_keys=True).encode())
    assert "alg" in refused(sign(claims(), secret, alg="HS256"))


def test_alg_none_is_refused() -> None:
    assert "alg" in refused(forged(alg="none"))


@pytest.mark.parametrize("kid", ["../", "../../etc/passwd", "a\0", "", "x" * 65, 1, None, ["a"]])
def test_a_kid_that_is_no_name_is_refused_before_any_key_is_looked_up(kid: object) -> None:
    assert "kid" in refused(forged(kid=kid))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "crit", "zip", "b64", "cty"])
def test_a_header_that_brings_more_is_refused(member: str) -> None:
    assert "header" in refused(forged(**{member: "x"}))


@pytest.mark.parametrize(
    "aud",
    [
        None,
        [],
        [[ISSUER]],
        [ISSUER, ISSUER],
        [ISSUER, "https://evil.example"],
        "https://evil.example",
        f"{ISSUER}/token",
        f"{ISSUER}/",
        "",
        {"x": ISSUER},
    ],
    ids=repr,
)
def test_an_audience_that_is_not_the_issuer_alone_is_refused(aud: object) -> None:
    assert "aud" in refused(sign(claims(aud=aud)))


def test_a_list_of_the_issuer_alone_is_one_audience() -> None:
    assert judge(sign(claims(aud=[ISSUER]))).jti == "once"


@pytest.mark.parametrize("exp", [None, NOW_S, NOW_S - 1, NOW_S + 306, NOW_S + 86_400, "1", True])
def test_an_end_that_is_past_or_far_or_none_is_refused(exp: object) -> None:
    assert "exp" in refused(sign(claims(exp=exp)))


@pytest.mark.parametrize("exp", ["NaN", "Infinity", "1e400", "-1", "1" * 400, "1" * 5_000])
def test_an_end_that_is_no_number_is_refused(exp: str) -> None:
    text = json.dumps(claims(exp="@")).replace('"@"', exp)
    refused(sign(text.encode()))


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_beginning_in_the_future_is_refused(name: str) -> None:
    assert name in refused(sign(claims(**{name: NOW_S + 60})))


@pytest.mark.parametrize("jti", [None, "", "x" * 256, 7])
def test_without_a_name_of_its_own_it_is_refused(jti: object) -> None:
    assert "jti" in refused(sign(claims(jti=jti)))


@pytest.mark.parametrize(
    "changed", [{"iss": "other"}, {"sub": "other"}, {"iss": None}, {"sub": None}, {"sub": 1}]
)
def test_issuer_and_subject_are_both_the_client(changed: dict[str, object]) -> None:
    assert "iss and sub" in refused(sign(claims(**changed)))


def test_a_claim_that_is_there_twice_is_refused() -> None:
    text = json.dumps(claims())[:-1] + ', "jti": "again"}'
    refused(sign(text.encode()))


def test_another_clients_signature_and_changed_claims_are_refused() -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "a"})
    assert "signature" in refused(sign(claims(), stranger))
    head, _, tail = sign(claims()).split(".")
    other = sign(claims(jti="other")).split(".")[1]
    assert "signature" in refused(f"{head}.{other}.{tail}")


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "." * 9_000])
def test_what_is_no_token_is_refused(text: str) -> None:
    refused(text)


@given(st.text(alphabet="abcXYZ019-_.=é{}", max_size=80))
def test_whatever_text_comes_is_refused(text: str) -> None:
    refused(text)
