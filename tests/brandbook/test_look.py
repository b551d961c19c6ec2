"""A look that can be read."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consentid.brandbook.book import Look
from consentid.brandbook.folder import Draft
from consentid.brandbook.look import CONTRASTS, contrast, dark_of, darkened, is_dark
from consentid.core.party import Slug


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_the_published_one_whichever_comes_first(
    one: str, other: str, expected: float
) -> None:
    assert contrast(one, other) == pytest.approx(expected, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


def test_every_look_of_the_demo_group_is_its_own(halcyon: Draft) -> None:
    looks = _looks(halcyon)
    assert len({look.properties["--accent"] for look in looks}) == len(looks)
    assert all(name.startswith("--") for look in looks for name in look.properties)


_COLOURS = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@given(_COLOURS)
@example("#000000")
@example("#ffffff")
@example("#0000ff")
@example("#ffff00")
def test_whatever_the_accent_a_dark_look_made_from_it_can_be_read(accent: str) -> None:
    assert _faults(darkened(accent)) == []
    assert is_dark(darkened(accent)["--paper"])


def test_every_look_of_the_demo_group_can_be_read_on_a_dark_screen(halcyon: Draft) -> None:
    for look in _looks(halcyon):
        dark = dark_of(look)
        assert _faults(look.properties if dark is None else dark) == []
        # Were nothing declared, the one that is made would do as well.
        assert _faults(darkened(look.properties["--accent"])) == []


def test_a_dark_look_that_was_declared_wins_over_the_one_that_is_made(halcyon: Draft) -> None:
    news, play = halcyon.book.brands[Slug("news")].look, halcyon.book.brands[Slug("play")].look
    assert news.dark is not None
    assert dark_of(news) == news.dark
    assert dark_of(replace(news, dark=None)) == darkened(news.properties["--accent"])
    assert dark_of(play) is None, "its paper is dark already"


def _looks(draft: Draft) -> list[Look]:
    book = draft.book
    return [
        book.group.look,
        *(each.look for each in (*book.brands.values(), *book.partners.values())),
    ]


def _faults(colours: Mapping[str, str]) -> list[str]:
    named = {key.removeprefix("--").replace("-", "_"): text for key, text in colours.items()}
    return [
        f"{key} on {ground}"
        for key, ground, least in CONTRASTS
        if contrast(named[key], named[ground]) < least
    ]
