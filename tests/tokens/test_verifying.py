"""Against two JOSE libraries as oracles: we accept nothing that either refuses."""

import json
import time
from collections.abc import Callable
from typing import Any

import jose.jwt
import joserfc.errors
import joserfc.jwt
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from tests.tokens.making import (
    AUDIENCE,
    HEADER,
    ISSUER,
    KEY,
    KEYS,
    NOW,
    PAYLOAD,
    claims,
    compact,
    issue,
    judge,
    pen,
)

from consentid.tokens import verifying
from consentid.tokens.reasons import Inactive, Reason

PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
JOSERFC_KEY = ECKey.import_key(PEM)
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti"]
LEEWAY_S = verifying.LEEWAY_S


def is_active(token: str, now_s: float) -> bool:
    found = verifying.verify(token, keys=KEYS, issuer=ISSUER, audience=AUDIENCE, now_s=now_s)
    return isinstance(found, verifying.Verified)


def pyjwt_accepts(token: str, now_s: float) -> bool:
    assert abs(time.time() - now_s) < LEEWAY_S, "PyJWT reads the clock itself"
    try:
        jwt.decode(
            token,
            PEM,
            algorithms=["ES256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": REQUIRED, "strict_aud": True},
        )
    except jwt.InvalidTokenError:
        return False
    return True


def joserfc_accepts(token: str, now_s: float) -> bool:
    registry = joserfc.jwt.JWTClaimsRegistry(
        now=int(now_s),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    try:
        registry.validate(joserfc.jwt.decode(token, JOSERFC_KEY, algorithms=["ES256"]).claims)
    except (joserfc.errors.JoseError, ValueError):
        return False
    return True


def test_our_token_is_verified_by_pyjwt_joserfc_and_python_jose() -> None:
    now_s = int(time.time())
    token = issue(claims(iat=now_s, exp=now_s + 3600))
    assert pyjwt_accepts(token, now_s)
    assert joserfc_accepts(token, now_s)
    read = jose.jwt.decode(token, PEM, algorithms="ES256", audience=AUDIENCE, issuer=ISSUER)
    assert read["consent"]["g"] == ["audience"]
    assert jwt.get_unverified_header(token) == HEADER


VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**64, -(2**70), 0.5, 1e9, 1e400, -0.0),
    *(
        "",
        " ",
        "0",
        "a",
        "\0",
        "\ud800",
        "\U0001f600",
        "ES256",
        "none",
        "HS256",
        "JWT",
        "key-1",
    ),
    *("consent+jwt", ISSUER, AUDIENCE, f"{AUDIENCE}/", "x" * 200, "A" * 22),
    *([], [AUDIENCE], [AUDIENCE, ISSUER], ["exp"], [[]], {}, {"sub": "a"}, {"a": {"a": {}}}),
    *({"jkt": "A" * 43}, {"sub": 1}, {"cat": 1, "rev": 1, "g": [], "d": []}, float("nan")),
]
json_values = st.sampled_from(VALUES)
shifts = st.sampled_from([-90_000, -86_401, -3_600, -31, -30, -1, 0, 1, 30, 31, 3_600, 86_400])


@st.composite
def signed_documents(draw: st.DrawFn) -> Callable[[int], str]:
    """A token signed with the right key, whose header or payload was changed in a few places."""
    header_changes = draw(
        st.dictionaries(
            st.sampled_from([*HEADER, "crit", "b64", "jwk", "zip", "cty"]), json_values, max_size=2
        )
    )
    claim_changes = draw(
        st.dictionaries(
            st.sampled_from([*PAYLOAD, "nbf", "act", "cnf", "later"]), json_values, max_size=2
        )
    )
    removed = draw(st.sets(st.sampled_from([*PAYLOAD, "-", "--"]), max_size=1))
    times = draw(st.dictionaries(st.sampled_from(["iat", "exp", "nbf"]), shifts, max_size=2))
    twice = draw(st.booleans())

    def at(now_s: int) -> str:
        payload: dict[str, Any] = {**PAYLOAD, "iat": now_s - 60, "exp": now_s + 3_540}
        payload |= claim_changes | {name: now_s + shift for name, shift in times.items()}
        payload = {name: value for name, value in payload.items() if name not in removed}
        text = compact(payload)
        if twice:
            text = text[:-1] + b',"exp":%d}' % (now_s + 60)
        return pen(text, compact({**HEADER, **header_changes}))

    return at


@settings(max_examples=1_500)
@given(made=signed_documents())
def test_we_accept_no_signed_document_that_an_oracle_refuses(made: Callable[[int], str]) -> None:
    now_s = int(time.time())
    token = made(now_s)
    if is_active(token, now_s):
        assert pyjwt_accepts(token, now_s)
        assert joserfc_accepts(token, now_s)


@settings(max_examples=1_500)
@given(data=st.data())
def test_we_accept_no_changed_text_that_an_oracle_refuses(data: st.DataObject) -> None:
    now_s = int(time.time())
    token = issue(claims(iat=now_s - 60, exp=now_s + 3_540))
    at = data.draw(st.integers(0, len(token) - 1))
    length = data.draw(st.integers(0, 3))
    put = data.draw(st.text(st.sampled_from("AZaz09-_=+/. \n\0é"), max_size=3))
    changed = token[:at] + put + token[at + length :]
    if changed == token:
        return
    assert not is_active(changed, now_s)


STRICTER: dict[str, str] = {
    "a header member that is not ours": pen(PAYLOAD, {**HEADER, "cty": "JWT"}),
    "a key inside the header": pen(PAYLOAD, {**HEADER, "jwk": {"kty": "EC"}}),
    "another type": pen(PAYLOAD, {**HEADER, "typ": "JWT"}),
    "no type": pen(PAYLOAD, {"alg": "ES256", "kid": "key-1"}),
    "a claim twice": pen(compact(PAYLOAD)[:-1] + b',"jti":"again"}'),
    "no status": pen({key: value for key, value in PAYLOAD.items() if key != "status"}),
    "over two days": pen({**PAYLOAD, "exp": NOW + 172_800}),
    "granted and refused": pen(
        {**PAYLOAD, "consent": {"cat": 1, "rev": 1, "g": ["ads"], "d": ["ads"]}}
    ),
    "NaN in a claim unknown to us": pen(compact(PAYLOAD)[:-1] + b',"x":NaN}'),
    "a time with a fraction": pen({**PAYLOAD, "iat": NOW - 0.5}),
}


@pytest.mark.parametrize("name", STRICTER)
def test_where_we_are_stricter_than_the_oracles(name: str) -> None:
    assert judge(STRICTER[name]) != "active"
    jwt.decode(
        STRICTER[name],
        PEM,
        algorithms=["ES256"],
        audience=AUDIENCE,
        options={"verify_exp": False, "verify_iat": False},
    )


def test_at_its_expiry_a_token_has_expired() -> None:
    token = issue(claims())
    assert judge(token, claims().exp - 0.001) == "active"
    assert judge(token, claims().exp) == Reason.EXPIRED


def test_a_reason_about_content_is_only_given_for_what_we_signed() -> None:
    head, body, signature = pen({**PAYLOAD, "exp": 1, "aud": "https://evil.example"}).split(".")
    forged = f"{head}.{body}.{signature[:5]}{'A' if signature[5] != 'A' else 'B'}{signature[6:]}"
    assert judge(forged) == Reason.BAD_SIGNATURE


def test_a_bad_token_costs_far_less_than_a_signature_check() -> None:
    def seconds(token: str) -> float:
        best = 1.0
        for _ in range(20):
            start = time.perf_counter()
            for _ in range(20):
                judge(token)
            best = min(best, (time.perf_counter() - start) / 20)
        return best

    bombs = {
        "long": "A" * 5_000_000,
        "dots": "." * 8_000,
        "nesting": pen(b'{"x":' + b"[" * 2_900 + b"]" * 2_900 + b"}"),
        "header": pen(PAYLOAD, b"[" * 5_000),
        "missing exp": pen({key: value for key, value in PAYLOAD.items() if key != "exp"}),
    }
    dear: list[str] = []
    for _ in range(10):  # whoever else uses the machine may spoil one comparison, and not ten
        good = seconds(pen(PAYLOAD))
        dear = [name for name, token in bombs.items() if seconds(token) >= good]
        if not dear:
            break
    assert dear == []


def test_a_key_is_not_tried_for_another_name() -> None:
    token = pen(PAYLOAD, {**HEADER, "kid": "key-2"})
    found = verifying.verify(
        token, keys={**KEYS, "": KEY.public_key()}, issuer=ISSUER, audience=AUDIENCE, now_s=NOW
    )
    assert found == Inactive(Reason.UNKNOWN_KEY)


def test_reasons_are_words_for_programs() -> None:
    assert json.dumps({"reason": Reason.EXPIRED}) == '{"reason": "expired"}'
