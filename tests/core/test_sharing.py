from collections.abc import Mapping

import pytest

from consentid.core.catalogue import Catalogue, PartyTerms, Purpose
from consentid.core.decision import CatalogueVersion
from consentid.core.party import LegalEntity, Party, PartyKind, Slug
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.core.resolution import Resolution, State
from consentid.core.sharing import Line, Shares, may_pass, say_on
from consentid.kit.instants import Instant

ADS, SHARE, MORE = PurposeId("ads"), PurposeId("share"), PurposeId("more")
NOW = Instant(1_000_000_000)


def party(kind: PartyKind, slug: str) -> Party:
    return Party(kind=kind, slug=Slug(slug))


BRAND = party(PartyKind.BRAND, "news")
ONE, TWO, THREE = (party(PartyKind.PARTNER, slug) for slug in ("one", "two", "three"))
SHARES: Shares = {ONE: {BRAND: SHARE}, TWO: {ONE: SHARE}, THREE: {TWO: SHARE}}


def catalogue() -> Catalogue:
    purposes = {
        id_: Purpose(id=id_, basis=LegalBasis.CONSENT, ask=True) for id_ in (ADS, SHARE, MORE)
    }
    listed = {BRAND: None, **dict.fromkeys((ONE, TWO, THREE), frozenset({ADS, SHARE}))}
    return Catalogue(
        version=CatalogueVersion(1),
        validity_s=1,
        refusal_memory_s=1,
        purposes=purposes,
        parties={
            each: PartyTerms(
                party=each,
                entity=LegalEntity(each.slug),
                audience=f"https://{each.slug}.example",
                validity_s=None,
                overrides={},
                listed=those,
            )
            for each, those in listed.items()
        },
        revised={},
        revised_for={},
    )


def says(
    line: Line,
    at_brand: Mapping[PurposeId, State],
    elsewhere: Mapping[PurposeId, State] | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    def resolve(asked: Party) -> Mapping[PurposeId, Resolution]:
        states = at_brand if asked == BRAND else (elsewhere or {})
        return {purpose: Resolution(state=state) for purpose, state in states.items()}

    said = say_on(line, SHARES, catalogue(), resolve, NOW)
    return said.yes, said.no


YES = {ADS: State.GIVEN, SHARE: State.GIVEN, MORE: State.GIVEN}


def test_a_brand_s_own_line_says_what_holds_there() -> None:
    assert says(Line(origin=BRAND), {**YES, MORE: State.REFUSED}) == (("ads", "share"), ("more",))


def test_what_passes_is_what_the_partner_is_listed_for() -> None:
    assert says(Line(origin=BRAND, actors=(ONE,)), YES) == (("ads", "share"), ())


@pytest.mark.parametrize("state", [State.REFUSED, State.WITHDRAWN, State.EXPIRED, State.UNASKED])
def test_nothing_passes_without_a_yes_to_the_sharing(state: State) -> None:
    assert says(Line(origin=BRAND, actors=(ONE,)), {**YES, SHARE: state}) == ((), ())


@pytest.mark.parametrize("state", [State.REFUSED, State.WITHDRAWN, State.OBJECTED])
def test_a_no_that_stands_at_a_partner_on_the_way_stops_it(state: State) -> None:
    line = Line(origin=BRAND, actors=(ONE, TWO))
    assert says(line, YES, {ADS: state}) == (("share",), ("ads",))


def test_a_partner_that_was_never_asked_stops_nothing() -> None:
    line = Line(origin=BRAND, actors=(ONE,))
    assert says(line, YES, {ADS: State.UNASKED}) == (("ads", "share"), ())


def test_two_hops_pass_and_a_third_does_not() -> None:
    assert says(Line(origin=BRAND, actors=(ONE, TWO)), YES) == (("ads", "share"), ())
    assert says(Line(origin=BRAND, actors=(ONE, TWO, THREE)), YES) == ((), ())


def test_an_unregistered_hop_passes_nothing() -> None:
    assert not may_pass(Line(origin=BRAND, actors=(TWO,)), SHARES)
    assert says(Line(origin=BRAND, actors=(TWO,)), YES) == ((), ())


def test_a_line_never_comes_back_to_where_it_was() -> None:
    circle: Shares = {ONE: {BRAND: SHARE, TWO: SHARE}, TWO: {ONE: SHARE}}
    assert not may_pass(Line(origin=ONE, actors=(TWO, ONE)), circle)
