"""A party by its text."""

import pytest

from consentid.core.party import Party, PartyKind, Slug, find_party


@pytest.mark.parametrize("kind", list(PartyKind))
def test_the_text_of_a_party_names_it(kind: PartyKind) -> None:
    party = Party(kind=kind, slug=Slug("news"))
    assert find_party(str(party)) == party


@pytest.mark.parametrize("text", ["", "news", "brand", "brand/", "/news", "Brand/news", "group/x"])
def test_another_text_names_none(text: str) -> None:
    assert find_party(text) is None
