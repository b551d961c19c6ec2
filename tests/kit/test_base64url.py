import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.kit import base64url


@given(st.binary(max_size=100))
def test_what_is_encoded_decodes_to_itself(raw: bytes) -> None:
    text = base64url.encode(raw)
    assert base64url.decode(text) == raw
    assert base64url.decode(text.encode()) == raw


@given(st.binary(max_size=100))
def test_it_is_the_unpadded_form_of_the_standard_library(raw: bytes) -> None:
    assert base64url.encode(raw) == base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foob", "Zm9vYg")],
)
def test_the_vectors_of_rfc_4648_section_10(raw: bytes, text: str) -> None:
    assert base64url.encode(raw) == text
    assert base64url.decode(text) == raw


@given(st.text(max_size=12))
def test_whatever_is_accepted_has_no_other_spelling(text: str) -> None:
    try:
        raw = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(raw) == text


@pytest.mark.parametrize(
    "text",
    [
        "Zg==",
        "Zg=",
        "A",
        "AAAAA",
        "Zh",
        "Zm9",
        "+AAA",
        "/AAA",
        " Zg",
        "Zg\n",
        "Zm 9v",
        "Zm9v!",
        "Zmé",
        "\x00AAA",
        "\\u0041\\u0041",
        "AAA\\",
        'AA"A',
        'AAA"',
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the words differ, the family is the promise
        base64url.decode(text)
