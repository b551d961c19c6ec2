"""The demo group is a real configuration: every kind of rule is used in it at least once."""

from consentid.brandbook.client import (
    AuthMethod,
    Collects,
    GrantType,
    IdTokenAlgorithm,
    Scope,
    TokenClass,
)
from consentid.brandbook.folder import Draft
from consentid.core.catalogue import find_terms, offered
from consentid.core.decision import SignalSource
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import LegalBasis, PurposeId, brand_of, lineage

NEWS, SHOP, PLAY = (
    Party(kind=PartyKind.BRAND, slug=Slug(slug)) for slug in ("news", "shop", "play")
)
REACH = Party(kind=PartyKind.PARTNER, slug=Slug("reach"))


def test_there_are_at_least_16_purposes_in_a_tree_of_three_levels(halcyon: Draft) -> None:
    purposes = halcyon.book.catalogue.purposes
    assert len(purposes) >= 16
    assert max(len(lineage(id_)) - 1 for id_ in purposes) == 3
    bases = {purpose.basis for purpose in purposes.values()}
    assert bases >= {
        LegalBasis.CONSENT,
        LegalBasis.LEGITIMATE_INTEREST,
        LegalBasis.CONTRACT,
        LegalBasis.LEGAL_OBLIGATION,
    }


def test_every_kind_of_override_is_used(halcyon: Draft) -> None:
    catalogue = halcyon.book.catalogue
    overrides = [each for terms in catalogue.parties.values() for each in terms.overrides.values()]
    assert any(each.off for each in overrides)
    assert any(each.own for each in overrides)
    assert any(each.adults_only for each in overrides)
    assert any(each.validity_s for each in overrides)
    assert any(each.unassisted for each in overrides)
    assert any(each.basis is LegalBasis.CONSENT for each in overrides)
    assert any(terms.validity_s for terms in catalogue.parties.values())
    assert {brand_of(id_) for id_ in catalogue.purposes} == {None, "news", "shop", "play"}


def test_every_kind_of_telling_is_used(halcyon: Draft) -> None:
    sheets = halcyon.book.purposes.values()
    assert any(topic.parent for sheet in sheets for topic in sheet.topics)
    assert any(sheet.vendors for sheet in sheets)
    assert any(sheet.confirm for sheet in sheets)
    assert {sheet.source for sheet in sheets} == {"first_party", "third_party"}
    assert any(sheet.meanings.gpc for sheet in sheets)
    assert halcyon.book.group.signals[SignalSource.GPC] == ("ads.personalised", "ads.partners")
    assert any(profile.purpose_texts["fr"] for profile in halcyon.book.brands.values())


def test_texts_exist_in_english_and_french(halcyon: Draft) -> None:
    book = halcyon.book
    assert book.group.languages == ("en", "fr")
    for sheet in book.purposes.values():
        assert sheet.texts["en"] != sheet.texts["fr"]
    assert len(book.notices) == 2 * (len(book.brands) + len(book.partners))


def test_a_consent_for_the_group_leaves_only_plays_own_to_be_asked(halcyon: Draft) -> None:
    catalogue = halcyon.book.catalogue
    asked_at_news = halcyon.book.notices["news", "en"].asks
    missing = [
        id_
        for id_ in offered(catalogue, PLAY)
        if (terms := find_terms(catalogue, PLAY, id_)) is not None
        and terms.ask
        and (terms.own or id_ not in asked_at_news)
    ]
    assert missing == ["tv", "tv.ads", "play:together"]


def test_the_shop_narrows_what_the_group_was_granted(halcyon: Draft) -> None:
    catalogue = halcyon.book.catalogue
    assert find_terms(catalogue, SHOP, PurposeId("tv.ads")) is None
    partners = find_terms(catalogue, SHOP, PurposeId("ads.partners.retail"))
    assert partners is not None
    assert partners.validity_s == 90 * 86_400


def test_the_partner_is_offered_a_few_purposes(halcyon: Draft) -> None:
    assert offered(halcyon.book.catalogue, REACH) == (
        "ads.measurement",
        "ads.partners",
        "ads.partners.retail",
    )


def test_each_kind_of_client_is_declared(halcyon: Draft) -> None:
    clients = {str(id_): client for id_, client in halcyon.book.clients.items()}
    assert clients["news-web"].collects is Collects.GROUP
    assert clients["shop-web"].collects is Collects.OWN
    for slug in ("news-web", "shop-web", "play-web"):
        assert clients[slug].auth is AuthMethod.CLIENT_SECRET_BASIC
        assert clients[slug].token_class is TokenClass.WEB
        assert clients[slug].scopes >= {
            Scope.VERIFY,
            Scope.DECISIONS_READ,
            Scope.DECISIONS_WRITE,
        }
    assert (clients["play-tv"].auth, clients["play-tv"].token_class) == (
        AuthMethod.NONE,
        TokenClass.TV,
    )
    assert clients["reach-api"].token_class is TokenClass.PARTNER
    assert halcyon.book.group.portal.clients.keys() == {"news", "shop", "play"}


def test_clients_get_the_grants_that_their_declaration_makes_possible(halcyon: Draft) -> None:
    clients = {str(id_): client for id_, client in halcyon.book.clients.items()}
    code = {GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN, GrantType.TOKEN_EXCHANGE}
    assert clients["news-web"].grant_types == code | {GrantType.CLIENT_CREDENTIALS}
    for slug in ("news-spa", "shop-spa", "play-spa"):
        assert clients[slug].grant_types == code | {GrantType.HAND_OFF}
    assert clients["news-app"].grant_types == code
    assert clients["play-tv"].grant_types == {
        GrantType.DEVICE_CODE,
        GrantType.REFRESH_TOKEN,
        GrantType.TOKEN_EXCHANGE,
    }
    assert {id_: str(client.application_type) for id_, client in clients.items()} == {
        "news-web": "web",
        "news-calls": "web",
        "news-field": "web",
        "news-spa": "browser",
        "news-letters": "web",
        "news-app": "native",
        "shop-web": "web",
        "shop-till": "web",
        "shop-spa": "browser",
        "play-web": "web",
        "play-spa": "browser",
        "play-tv": "native",
        "reach-api": "web",
        "reach-calls": "web",
        "reach-forms": "web",
        "bazaar-web": "web",
    }
    assert clients["news-spa"].id_token_signed_response_alg is IdTokenAlgorithm.ES256


def test_a_profile_a_notice_and_words_are_found_by_party_and_language(halcyon: Draft) -> None:
    book = halcyon.book
    shop = book.find_profile(SHOP)
    assert shop is not None
    assert shop.name == "Halcyon Market"
    assert book.find_profile(Party(kind=PartyKind.PARTNER, slug=Slug("shop"))) is None
    assert book.find_notice("shop", "de") == book.notices["shop", "en"]
    assert book.find_notice("nobody", "en") is None
    content = PurposeId("content")
    assert book.texts_of(NEWS, content, "en").name == "A front page of your own"
    assert book.texts_of(PLAY, content, "en").name == "Content that suits you"
