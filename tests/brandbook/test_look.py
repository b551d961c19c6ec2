"""A look that can be read."""

import pytest

from consentid.brandbook.folder import Draft
from consentid.brandbook.look import contrast


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
    book = halcyon.book
    looks = [
        book.group.look,
        *(each.look for each in (*book.brands.values(), *book.partners.values())),
    ]
    assert len({look.properties["--accent"] for look in looks}) == len(looks)
    assert all(name.startswith("--") for look in looks for name in look.properties)
