import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.oidc.user_code import (
    ALPHABET,
    LENGTH,
    make_user_code,
    read_user_code,
    show_user_code,
)

codes = st.text(alphabet=ALPHABET, min_size=LENGTH, max_size=LENGTH)


def test_the_alphabet_has_no_vowel_no_digit_and_no_letter_that_looks_like_another() -> None:
    assert not set(ALPHABET) & set("AEIOUY0123456789GQV")
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert len(ALPHABET) ** LENGTH > 2**32


def test_a_code_has_eight_letters_each_drawn_from_the_whole_alphabet() -> None:
    drawn = itertools.cycle(range(len(ALPHABET)))
    asked: list[int] = []

    def draw(below: int) -> int:
        asked.append(below)
        return next(drawn)

    assert make_user_code(draw) == ALPHABET[:LENGTH]
    assert asked == [len(ALPHABET)] * LENGTH


@given(codes, st.lists(st.sampled_from(" -\u2013_.\u00a0\t"), min_size=LENGTH, max_size=LENGTH))
def test_case_spaces_and_dashes_do_not_matter(code: str, between: list[str]) -> None:
    typed = "".join(itertools.chain(*zip(code.lower(), between, strict=True)))
    assert read_user_code(typed) == code
    assert read_user_code(show_user_code(code)) == code


def test_letters_of_a_wide_keyboard_are_read_as_letters() -> None:
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in "BCDFHJKL")
    assert read_user_code(wide) == "BCDFHJKL"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "BCDFHJK",
        "BCDFHJKLM",
        "BCDFHJKA",
        "BCDFHJK1",
        "BCDFHJKG",
        "БCDFHJKL",  # Cyrillic
        "BCDFHJKL" * 9,
        "B" + " " * 64 + "CDFHJKL",
        "BCDF<>HJKL",
        "BCDFHJ\u0301KL",
    ],
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert read_user_code(typed) is None


@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_code_or_none(typed: str) -> None:
    code = read_user_code(typed)
    assert code is None or (len(code) == LENGTH and set(code) <= set(ALPHABET))
