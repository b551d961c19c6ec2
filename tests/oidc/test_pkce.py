import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.oidc import pkce

# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_specifications_example_matches() -> None:
    assert pkce.matches(VERIFIER, CHALLENGE)


def test_a_verifier_is_no_challenge_of_itself() -> None:
    assert not pkce.matches(VERIFIER, VERIFIER)


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("a" * 42, False),
        ("a" * 43, True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("a" * 42 + "+", False),
        ("a" * 42 + "=", False),
        ("a" * 42 + "é", False),
        ("a" * 43 + "\n", False),
        ("A-z0.9_~" * 6, True),
    ],
)
def test_a_challenge_is_43_to_128_unreserved_characters(text: str, is_right: bool) -> None:
    assert pkce.is_well_formed(text) is is_right


@given(verifier=st.text(max_size=140))
def test_no_other_verifier_matches(verifier: str) -> None:
    assert pkce.matches(verifier, CHALLENGE) == (verifier == VERIFIER)
