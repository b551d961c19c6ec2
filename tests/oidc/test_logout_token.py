from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.kit.instants import from_seconds
from consentid.oidc.logout_token import EVENT, RefusedLogoutTokenError, judge_claims

NOW_S = 1_800_000_000
AUDIENCE = "consentid"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def claims(**changed: object) -> dict[str, Any]:
    return {
        "iss": "https://id.example",
        "aud": AUDIENCE,
        "iat": NOW_S,
        "exp": NOW_S + 120,
        "jti": "one",
        "sub": "somebody",
        "events": {EVENT: {}},
        **changed,
    }


def test_a_token_ends_what_it_names_and_is_remembered_as_long_as_it_would_be_taken() -> None:
    token = judge_claims(claims(sid="s"), audience=AUDIENCE, now=from_seconds(NOW_S))
    assert (token.jti, token.sid, token.sub) == ("one", "s", "somebody")
    for moment_s, is_taken in ((NOW_S + 300, True), (NOW_S + 301, False)):
        late = claims(exp=NOW_S + 10_000)
        if is_taken:
            judge_claims(late, audience=AUDIENCE, now=from_seconds(moment_s))
            assert from_seconds(moment_s) < token.forget_at
        else:
            with pytest.raises(RefusedLogoutTokenError):
                judge_claims(late, audience=AUDIENCE, now=from_seconds(moment_s))


def test_a_list_of_our_one_audience_is_ours() -> None:
    judge_claims(claims(aud=[AUDIENCE]), audience=AUDIENCE, now=from_seconds(NOW_S))


@given(
    name=st.sampled_from(["aud", "iat", "exp", "jti", "sub", "sid", "events"]),
    value=JSON,
)
def test_any_value_is_taken_or_refused_and_breaks_nothing(name: str, value: object) -> None:
    try:
        token = judge_claims(claims(**{name: value}), audience=AUDIENCE, now=from_seconds(NOW_S))
    except RefusedLogoutTokenError:
        return
    assert token.jti
    assert token.sid or token.sub


@given(value=JSON)
def test_a_nonce_of_whatever_value_makes_it_no_logout_token(value: object) -> None:
    with pytest.raises(RefusedLogoutTokenError, match="nonce"):
        judge_claims(claims(nonce=value), audience=AUDIENCE, now=from_seconds(NOW_S))
