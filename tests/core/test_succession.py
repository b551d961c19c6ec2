"""How one catalogue follows another: versions, revisions, and slugs that stay."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consentid.core.catalogue import (
    Catalogue,
    Override,
    PartyTerms,
    Purpose,
    find_terms,
    offered,
)
from consentid.core.decision import CatalogueVersion
from consentid.core.party import LegalEntity, Party, PartyKind, Slug
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.core.succession import (
    BreachKind,
    SuccessionError,
    is_looser,
    is_unchanged,
    succeed,
)

DAY = 86_400
ADS = PurposeId("ads")
ADS_X = PurposeId("ads.x")
AUDIENCE = PurposeId("audience")
LOYALTY = PurposeId("shop:loyalty")
BASES = {
    ADS: LegalBasis.CONSENT,
    ADS_X: LegalBasis.CONSENT,
    AUDIENCE: LegalBasis.LEGITIMATE_INTEREST,
    LOYALTY: LegalBasis.CONSENT,
}
NEWS = Party(kind=PartyKind.BRAND, slug=Slug("news"))
SHOP = Party(kind=PartyKind.BRAND, slug=Slug("shop"))
REACH = Party(kind=PartyKind.PARTNER, slug=Slug("reach"))


def purpose(
    id_: PurposeId, *, material: int = 1, validity_s: int | None = None, adults_only: bool = False
) -> Purpose:
    return Purpose(
        id=id_,
        basis=BASES[id_],
        ask=BASES[id_] is LegalBasis.CONSENT,
        validity_s=validity_s,
        adults_only=adults_only,
        material=material,
    )


def terms_of(
    party: Party, *overrides: Override, validity_s: int | None = None, listed: str = "ads ads.x"
) -> PartyTerms:
    return PartyTerms(
        party=party,
        entity=LegalEntity(f"entity-{party.slug}"),
        audience=f"https://{party.slug}.example",
        validity_s=validity_s,
        overrides={override.purpose: override for override in overrides},
        listed=frozenset(PurposeId(slug) for slug in listed.split())
        if party.kind is PartyKind.PARTNER
        else None,
    )


def draft(
    *purposes: Purpose, parties: tuple[PartyTerms, ...] = (), validity_s: int = 300 * DAY
) -> Catalogue:
    return Catalogue(
        version=CatalogueVersion(0),
        validity_s=validity_s,
        refusal_memory_s=184 * DAY,
        purposes={each.id: each for each in purposes or [purpose(id_) for id_ in BASES]},
        parties={each.party: each for each in parties or (terms_of(NEWS), terms_of(SHOP))},
        revised={},
        revised_for={},
    )


def others() -> tuple[Purpose, ...]:
    return purpose(AUDIENCE), purpose(LOYALTY)


def revised_in(catalogue: Catalogue, party: Party, id_: PurposeId) -> int:
    found = find_terms(catalogue, party, id_)
    assert found is not None
    return found.revised_in


def breaches(previous: Catalogue, following: Catalogue) -> list[tuple[BreachKind, str]]:
    with pytest.raises(SuccessionError) as caught:
        _ = succeed(previous, following)
    return [(breach.kind, breach.slug) for breach in caught.value.breaches]


def test_the_first_version_is_1_and_creates_every_purpose() -> None:
    first = succeed(None, draft())
    assert first.version == 1
    assert set(first.revised.values()) == {1}
    assert first.revised_for == {}


def test_a_purpose_created_later_counts_as_revised_when_it_was_created() -> None:
    first = succeed(None, draft(purpose(ADS)))
    second = succeed(first, draft(purpose(ADS), purpose(ADS_X)))
    assert (revised_in(second, NEWS, ADS), revised_in(second, NEWS, ADS_X)) == (1, 2)


def test_raising_the_material_edition_revises_a_purpose_and_what_is_under_it() -> None:
    first = succeed(None, draft())
    second = succeed(first, draft(purpose(ADS, material=2), purpose(ADS_X), *others()))
    assert [revised_in(second, NEWS, id_) for id_ in (ADS, ADS_X, AUDIENCE)] == [2, 2, 1]


def test_texts_apart_nothing_is_revised_by_applying_again() -> None:
    first = succeed(None, draft())
    second = succeed(first, draft())
    assert is_unchanged(first, draft())
    assert second.version == 2
    assert (second.revised, second.revised_for) == (first.revised, first.revised_for)


def test_another_order_of_purposes_is_a_change() -> None:
    first = succeed(None, draft(purpose(ADS), purpose(AUDIENCE)))
    assert not is_unchanged(first, draft(purpose(AUDIENCE), purpose(ADS)))


@pytest.mark.parametrize(
    ("tight", "loose"),
    [
        (Override(purpose=ADS, off=True), None),
        (Override(purpose=ADS, own=True), None),
        (Override(purpose=ADS, adults_only=True), None),
        (Override(purpose=ADS, validity_s=30 * DAY), Override(purpose=ADS, validity_s=31 * DAY)),
        (Override(purpose=AUDIENCE, basis=LegalBasis.CONSENT), None),
    ],
    ids=["off", "own", "adults_only", "validity", "basis"],
)
def test_loosening_an_override_revises_for_that_party_alone(
    tight: Override, loose: Override | None
) -> None:
    id_ = tight.purpose
    narrow = draft(parties=(terms_of(NEWS, tight), terms_of(SHOP)))
    wide = draft(parties=(terms_of(NEWS, *([loose] if loose else [])), terms_of(SHOP)))
    first = succeed(None, narrow)
    second = succeed(first, wide)
    assert revised_in(second, NEWS, id_) == 2
    assert revised_in(second, SHOP, id_) == 1
    third = succeed(second, narrow)
    assert third.revised_for == second.revised_for, "narrowing revises nothing"


def test_a_longer_validity_of_a_party_revises_what_it_lengthens_there() -> None:
    short = draft(parties=(terms_of(NEWS, validity_s=30 * DAY), terms_of(SHOP)))
    first = succeed(None, short)
    second = succeed(first, draft())
    assert revised_in(second, NEWS, ADS) == 2
    assert revised_in(second, SHOP, ADS) == 1


def test_a_longer_validity_of_the_group_revises_only_where_nothing_shorter_holds() -> None:
    kept = terms_of(SHOP, validity_s=30 * DAY)
    first = succeed(None, draft(parties=(terms_of(NEWS), kept), validity_s=90 * DAY))
    second = succeed(first, draft(parties=(terms_of(NEWS), kept), validity_s=91 * DAY))
    assert revised_in(second, NEWS, ADS) == 2
    assert revised_in(second, SHOP, ADS) == 1


def test_a_purpose_newly_listed_by_a_partner_is_revised_there() -> None:
    first = succeed(None, draft(parties=(terms_of(REACH, listed="ads"),)))
    second = succeed(first, draft(parties=(terms_of(REACH, listed="ads ads.x"),)))
    assert (revised_in(second, REACH, ADS), revised_in(second, REACH, ADS_X)) == (1, 2)


def test_a_removed_slug_is_refused_unless_it_is_retired() -> None:
    first = succeed(None, draft())
    gone = draft(purpose(ADS), *others(), parties=(terms_of(NEWS),))
    assert breaches(first, gone) == [(BreachKind.REMOVED, "ads.x"), (BreachKind.REMOVED, "shop")]
    retired = replace(gone, retired=frozenset({ADS_X}), retired_parties=frozenset({SHOP.slug}))
    assert succeed(first, retired).version == 2


def test_a_brands_own_purposes_go_with_their_brand() -> None:
    first = succeed(None, draft())
    without = replace(
        draft(purpose(ADS), purpose(ADS_X), purpose(AUDIENCE), parties=(terms_of(NEWS),)),
        retired_parties=frozenset({SHOP.slug}),
    )
    assert LOYALTY not in succeed(first, without).purposes


def test_a_retired_slug_is_never_used_again_and_never_forgotten() -> None:
    retiring = replace(draft(purpose(ADS)), retired=frozenset({AUDIENCE}))
    first = succeed(None, retiring)
    assert breaches(first, draft(purpose(ADS))) == [(BreachKind.UNRETIRED, "audience")]
    assert breaches(first, draft(purpose(ADS), purpose(AUDIENCE))) == [
        (BreachKind.REUSED, "audience"),
        (BreachKind.UNRETIRED, "audience"),
    ]


def test_a_retired_brands_slug_is_not_a_partners_either() -> None:
    shut = replace(draft(parties=(terms_of(NEWS),)), retired_parties=frozenset({SHOP.slug}))
    first = succeed(None, shut)
    partner = terms_of(Party(kind=PartyKind.PARTNER, slug=SHOP.slug))
    back = replace(draft(parties=(terms_of(NEWS), partner)), retired_parties=frozenset({SHOP.slug}))
    assert breaches(first, back) == [(BreachKind.REUSED, "shop")]


def test_a_re_meant_purpose_is_refused() -> None:
    first = succeed(None, draft(purpose(ADS, material=3), purpose(AUDIENCE)))
    asked = replace(purpose(AUDIENCE), basis=LegalBasis.CONSENT)
    assert breaches(first, draft(purpose(ADS, material=2), asked)) == [
        (BreachKind.LOWERED, "ads"),
        (BreachKind.BASIS, "audience"),
    ]


def test_a_party_that_joins_later_has_nothing_revised_for_it() -> None:
    first = succeed(None, draft(parties=(terms_of(NEWS),)))
    second = succeed(first, draft())
    assert revised_in(second, SHOP, ADS) == 1


validities = st.sampled_from([None, 10 * DAY, 20 * DAY, 30 * DAY])


@st.composite
def overrides(draw: st.DrawFn, id_: PurposeId) -> Override:
    return Override(
        purpose=id_,
        off=draw(st.sampled_from([False, False, True])),
        own=draw(st.booleans()),
        validity_s=draw(validities),
        adults_only=draw(st.booleans()),
        basis=draw(st.sampled_from([None, LegalBasis.CONSENT])),
    )


@st.composite
def parties(draw: st.DrawFn, party: Party) -> PartyTerms:
    ids = draw(st.sets(st.sampled_from(list(BASES))))
    listed = draw(st.sets(st.sampled_from(list(BASES))))
    return replace(
        terms_of(party, validity_s=draw(validities)),
        overrides={id_: draw(overrides(id_)) for id_ in sorted(ids)},
        listed=frozenset(listed) if party.kind is PartyKind.PARTNER else None,
    )


@st.composite
def drafts(draw: st.DrawFn) -> Catalogue:
    return draft(
        *[
            purpose(id_, validity_s=draw(validities), adults_only=draw(st.booleans()))
            for id_ in BASES
        ],
        parties=tuple(draw(parties(party)) for party in (NEWS, SHOP, REACH)),
        validity_s=draw(st.sampled_from([15 * DAY, 25 * DAY, 300 * DAY])),
    )


@st.composite
def chains(draw: st.DrawFn) -> list[Catalogue]:
    """Applied versions, one after the other; now and then a material revision."""
    applied: list[Catalogue] = []
    material = dict.fromkeys(BASES, 1)
    for _ in range(draw(st.integers(min_value=2, max_value=5))):
        following = draw(drafts())
        for id_ in draw(st.sets(st.sampled_from(list(BASES)), max_size=1)):
            material[id_] += 1
        purposes = {
            id_: replace(each, material=material[id_]) for id_, each in following.purposes.items()
        }
        applied.append(
            succeed(applied[-1] if applied else None, replace(following, purposes=purposes))
        )
    return applied


@settings(max_examples=40)
@given(chains())
def test_no_answer_counts_under_looser_terms_than_it_was_given_under(
    applied: list[Catalogue],
) -> None:
    now = applied[-1]
    for party in now.parties:
        for id_ in offered(now, party):
            terms = find_terms(now, party, id_)
            assert terms is not None
            for then in applied:
                if then.version >= terms.revised_in:
                    assert not is_looser(find_terms(then, party, id_), terms)
                    assert then.purposes[id_].material == now.purposes[id_].material


@settings(max_examples=40)
@given(chains(), drafts())
def test_applying_the_same_again_revises_nothing(
    applied: list[Catalogue], following: Catalogue
) -> None:
    previous = applied[-1]
    same = replace(
        following,
        validity_s=previous.validity_s,
        purposes=previous.purposes,
        parties=previous.parties,
    )
    assert is_unchanged(previous, same)
    again = succeed(previous, same)
    assert again.version == previous.version + 1
    assert (again.revised, again.revised_for) == (previous.revised, previous.revised_for)


@settings(max_examples=40)
@given(drafts(), st.data())
def test_narrowing_asks_nobody_again(wide: Catalogue, data: st.DataObject) -> None:
    """An override more, on a purpose that had none, only ever takes away."""
    first = succeed(None, wide)
    party = data.draw(st.sampled_from(sorted(wide.parties)))
    terms = wide.parties[party]
    free = sorted(set(BASES) - set(terms.overrides))
    more = {id_: data.draw(overrides(id_)) for id_ in free}
    narrowed = replace(terms, overrides={**terms.overrides, **more})
    narrow = replace(wide, parties={**wide.parties, party: narrowed})
    second = succeed(first, narrow)
    assert set(offered(second, party)) <= set(offered(first, party))
    for each in second.parties:
        for id_ in offered(second, each):
            assert revised_in(second, each, id_) == 1


@settings(max_examples=40)
@given(chains())
def test_revisions_only_rise_and_never_pass_the_version(applied: list[Catalogue]) -> None:
    for before, after in pairwise(applied):
        for party in after.parties:
            for id_ in offered(after, party):
                revised = revised_in(after, party, id_)
                assert revised <= after.version
                if find_terms(before, party, id_) is not None:
                    assert revised >= revised_in(before, party, id_)
