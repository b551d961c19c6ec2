"""What a catalogue says of one party and one purpose."""

from consentid.core.catalogue import (
    Catalogue,
    Override,
    PartyTerms,
    Purpose,
    Terms,
    find_terms,
    offered,
)
from consentid.core.decision import CatalogueVersion
from consentid.core.party import LegalEntity, Party, PartyKind, Slug
from consentid.core.purpose import LegalBasis, PurposeId

DAY = 86_400
ADS = PurposeId("ads")
PERSONALISED = PurposeId("ads.personalised")
ON_TV = PurposeId("ads.personalised.tv")
STATISTICS = PurposeId("statistics")
BILLING = PurposeId("billing")
LOYALTY = PurposeId("shop:loyalty")

NEWS = Party(kind=PartyKind.BRAND, slug=Slug("news"))
SHOP = Party(kind=PartyKind.BRAND, slug=Slug("shop"))
REACH = Party(kind=PartyKind.PARTNER, slug=Slug("reach"))
NAMESAKE = Party(kind=PartyKind.PARTNER, slug=Slug("shop"))


def purpose(
    id_: PurposeId,
    basis: LegalBasis = LegalBasis.CONSENT,
    *,
    validity_s: int | None = None,
    adults_only: bool = False,
) -> Purpose:
    return Purpose(
        id=id_,
        basis=basis,
        ask=basis is LegalBasis.CONSENT,
        validity_s=validity_s,
        adults_only=adults_only,
    )


def party(
    who: Party,
    *overrides: Override,
    validity_s: int | None = None,
    listed: frozenset[PurposeId] | None = None,
) -> PartyTerms:
    return PartyTerms(
        party=who,
        entity=LegalEntity(f"entity-{who.slug}"),
        audience=f"https://{who.slug}.example",
        validity_s=validity_s,
        overrides={override.purpose: override for override in overrides},
        listed=listed,
    )


def catalogue(
    *parties: PartyTerms,
    purposes: tuple[Purpose, ...] | None = None,
    revised: dict[PurposeId, int] | None = None,
    revised_for: dict[tuple[Party, PurposeId], int] | None = None,
) -> Catalogue:
    declared = purposes or (
        purpose(ADS),
        purpose(PERSONALISED),
        purpose(ON_TV),
        purpose(STATISTICS, LegalBasis.LEGITIMATE_INTEREST),
        purpose(BILLING, LegalBasis.CONTRACT),
        purpose(LOYALTY),
    )
    return Catalogue(
        version=CatalogueVersion(9),
        validity_s=390 * DAY,
        refusal_memory_s=184 * DAY,
        purposes={each.id: each for each in declared},
        parties={each.party: each for each in parties},
        revised={each.id: CatalogueVersion((revised or {}).get(each.id, 1)) for each in declared},
        revised_for={
            key: CatalogueVersion(version) for key, version in (revised_for or {}).items()
        },
    )


def terms(of: Catalogue, asked: Party, purpose_id: PurposeId) -> Terms:
    found = find_terms(of, asked, purpose_id)
    assert found is not None
    return found


def test_an_unknown_party_or_purpose_is_offered_nothing() -> None:
    known = catalogue(party(NEWS))
    assert find_terms(known, SHOP, ADS) is None
    assert offered(known, SHOP) == ()
    assert find_terms(known, NEWS, PurposeId("unheard_of")) is None


def test_a_brand_is_offered_the_groups_purposes_in_the_order_of_the_files() -> None:
    assert offered(catalogue(party(NEWS)), NEWS) == (
        ADS,
        PERSONALISED,
        ON_TV,
        STATISTICS,
        BILLING,
    )


def test_a_brand_only_purpose_is_offered_by_its_brand_alone() -> None:
    known = catalogue(party(NEWS), party(SHOP), party(NAMESAKE, listed=frozenset({LOYALTY, ADS})))
    assert find_terms(known, NEWS, LOYALTY) is None
    assert find_terms(known, SHOP, LOYALTY) is not None
    assert find_terms(known, NAMESAKE, LOYALTY) is None


def test_a_partner_is_offered_only_what_its_file_lists() -> None:
    known = catalogue(party(REACH, listed=frozenset({PERSONALISED})))
    assert offered(known, REACH) == (PERSONALISED,)
    assert find_terms(known, REACH, ON_TV) is None


def test_what_is_off_is_off_for_its_descendants_and_nobody_else() -> None:
    known = catalogue(party(NEWS, Override(purpose=PERSONALISED, off=True)), party(SHOP))
    assert find_terms(known, NEWS, ADS) is not None
    assert find_terms(known, NEWS, PERSONALISED) is None
    assert find_terms(known, NEWS, ON_TV) is None
    assert find_terms(known, SHOP, ON_TV) is not None


def test_own_consent_is_needed_for_descendants_too() -> None:
    known = catalogue(party(NEWS, Override(purpose=PERSONALISED, own=True)))
    assert not terms(known, NEWS, ADS).own
    assert terms(known, NEWS, ON_TV).own


def test_a_stricter_basis_turns_legitimate_interest_into_asked_consent_and_spares_contracts() -> (
    None
):
    invoices = PurposeId("statistics.invoices")
    visits = PurposeId("statistics.visits")
    known = catalogue(
        party(NEWS, Override(purpose=STATISTICS, basis=LegalBasis.CONSENT)),
        party(SHOP),
        purposes=(
            purpose(STATISTICS, LegalBasis.LEGITIMATE_INTEREST),
            purpose(visits, LegalBasis.LEGITIMATE_INTEREST),
            purpose(invoices, LegalBasis.CONTRACT),
        ),
    )
    for id_ in (STATISTICS, visits):
        assert terms(known, NEWS, id_).basis is LegalBasis.CONSENT
        assert terms(known, NEWS, id_).ask
        assert terms(known, SHOP, id_).basis is LegalBasis.LEGITIMATE_INTEREST
        assert not terms(known, SHOP, id_).ask
    assert terms(known, NEWS, invoices).basis is LegalBasis.CONTRACT


def test_the_shortest_validity_of_all_that_speak_counts() -> None:
    def validity(*, brand: int | None, override: int | None, above: int | None) -> int:
        overrides = (Override(purpose=ADS, validity_s=override),)
        known = catalogue(
            party(NEWS, *overrides, validity_s=brand),
            purposes=(purpose(ADS, validity_s=above), purpose(PERSONALISED)),
        )
        return terms(known, NEWS, PERSONALISED).validity_s

    assert validity(brand=None, override=None, above=None) == 390 * DAY
    assert validity(brand=30 * DAY, override=None, above=60 * DAY) == 30 * DAY
    assert validity(brand=90 * DAY, override=None, above=60 * DAY) == 60 * DAY
    assert validity(brand=90 * DAY, override=10 * DAY, above=60 * DAY) == 10 * DAY
    assert validity(brand=900 * DAY, override=None, above=None) == 390 * DAY


def test_adults_only_is_said_of_descendants_by_group_and_brand_alike() -> None:
    by_group = catalogue(
        party(NEWS), purposes=(purpose(ADS, adults_only=True), purpose(PERSONALISED))
    )
    assert terms(by_group, NEWS, PERSONALISED).adults_only
    by_brand = catalogue(party(NEWS, Override(purpose=ADS, adults_only=True)), party(SHOP))
    assert terms(by_brand, NEWS, ON_TV).adults_only
    assert not terms(by_brand, SHOP, ON_TV).adults_only


def test_the_latest_revision_of_a_purpose_or_an_ancestor_counts() -> None:
    known = catalogue(
        party(NEWS),
        party(SHOP),
        revised={ADS: 4, PERSONALISED: 2},
        revised_for={(SHOP, ADS): 7},
    )
    assert terms(known, NEWS, ON_TV).revised_in == 4
    assert terms(known, SHOP, ON_TV).revised_in == 7
    assert terms(known, NEWS, STATISTICS).revised_in == 1


def test_a_purpose_without_a_recorded_revision_counts_as_created_now() -> None:
    known = Catalogue(
        version=CatalogueVersion(5),
        validity_s=DAY,
        refusal_memory_s=184 * DAY,
        purposes={ADS: purpose(ADS)},
        parties={NEWS: party(NEWS)},
        revised={},
        revised_for={},
    )
    assert terms(known, NEWS, ADS).revised_in == 5


def test_what_was_folded_before_is_no_part_of_a_catalogues_equality() -> None:
    one, other = catalogue(party(NEWS)), catalogue(party(NEWS))
    assert offered(one, NEWS)
    assert one == other
