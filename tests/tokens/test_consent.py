import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tokens.making import KID, NOW, claims, issue, judge, sign

from consentid.core.purpose import is_well_formed
from consentid.kit.errors import MalformedError
from consentid.tokens import consent
from consentid.tokens.consent import Actor, Consent, TokenTooLongError

PURPOSES = (
    "ads.measurement",
    "ads.personalised",
    "ads.partner_sharing",
    "audience.measurement",
    "content.personalised",
    "marketing.email",
    "marketing.sms",
    "marketing.phone",
    "marketing.post",
    "tv.viewing",
    "location.precise",
    "news:loyalty",
)


def with_purposes(*granted: str, refused: tuple[str, ...] = ()) -> Consent:
    return Consent(cat=12, rev=345, g=granted, d=refused)


def test_a_token_says_what_the_contract_says_and_no_more() -> None:
    head, body, _ = issue(claims()).split(".")
    read = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body)]
    assert list(read[0]) == ["alg", "kid", "typ"]
    assert list(read[1]) == [
        "iss",
        "sub",
        "aud",
        "client_id",
        "jti",
        "iat",
        "exp",
        "consent",
        "status",
    ]
    assert list(read[1]["consent"]) == ["cat", "rev", "g", "d"]


def test_what_somebody_else_keyed_in_is_named_where_there_is_any() -> None:
    said = Consent(cat=12, rev=345, g=("ads", "contact"), d=(), a=("contact",))
    _, body, _ = issue(claims(consent=said)).split(".")
    read = json.loads(base64.urlsafe_b64decode(body + "=="))
    assert read["consent"] == {
        "cat": 12,
        "rev": 345,
        "g": ["ads", "contact"],
        "d": [],
        "a": ["contact"],
    }
    with pytest.raises(MalformedError, match="assisted and not granted"):
        consent.unsigned(claims(consent=Consent(cat=1, rev=1, g=(), d=(), a=("ads",))), KID)


def test_twelve_purposes_of_realistic_names_fit_into_1000_bytes() -> None:
    made = claims(consent=with_purposes(*PURPOSES[:8], refused=PURPOSES[8:]))
    assert len(issue(made)) == consent.token_length(made, KID) <= 1_000


def test_a_token_over_1536_bytes_is_not_made() -> None:
    names = tuple(f"purpose{i:02}.personalised" for i in range(40))
    with pytest.raises(TokenTooLongError, match="at most 1536"):
        consent.unsigned(claims(consent=with_purposes(*names)), KID)


@given(st.integers(1, 60), st.integers(1, 40))
def test_a_token_is_made_if_and_only_if_it_fits(count: int, length: int) -> None:
    names = tuple(f"p{'x' * (length % 28)}{'.s' * (length // 28)}.a{i}" for i in range(count))
    assert all(map(is_well_formed, names))
    made = claims(consent=with_purposes(*names))
    if consent.token_length(made, KID) <= consent.MAX_LENGTH:
        assert judge(issue(made)) == "active"
    else:
        with pytest.raises(TokenTooLongError):
            consent.unsigned(made, KID)


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "short"},
        {"aud": ""},
        {"iat": True},
        {"exp": NOW - 60},
        {"exp": NOW + 90_000},
        {"consent": with_purposes("ads", refused=("ads",))},
        {"consent": with_purposes("*")},
        {"consent": with_purposes("Ads")},
        {"act": Actor(sub="a", act=Actor(sub="b", act=Actor(sub="c")))},
        {"aud": ["https://news.halcyon.example"]},
    ],
)
def test_claims_that_break_the_contract_are_not_signed(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        consent.unsigned(claims(**changed), KID)


@pytest.mark.parametrize("kid", ["", "k" * 13, "a b", "../x", "é"])
def test_a_key_name_that_no_verifier_takes_is_refused(kid: str) -> None:
    with pytest.raises(MalformedError, match="1 to 12"):
        consent.unsigned(claims(), kid)


def test_a_signature_of_another_form_is_refused() -> None:
    signing_input = consent.unsigned(claims(), KID)
    with pytest.raises(MalformedError, match="64 bytes"):
        consent.assemble(signing_input, sign(signing_input) + b"\0")
