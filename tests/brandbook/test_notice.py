"""A notice says what was shown, and its digest covers every word of it."""

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from tests.brandbook.folders import Folder

from consentid.brandbook.folder import Draft
from consentid.brandbook.notice import Notice, NoticeTexts
from consentid.core.party import LegalEntity, Named, PartyKind
from consentid.core.purpose import LegalBasis, PurposeId


@pytest.fixture(name="notice")
def news_notice(halcyon: Draft) -> Notice:
    return halcyon.book.notices["news", "en"]


def test_placeholders_are_filled_in(notice: Notice) -> None:
    assert notice.texts.reach_group == (
        "Your answer, yes or no, counts at Halcyon News, Halcyon Play and Halcyon Market:"
        " on this device and, once you sign in, wherever you are signed in."
    )
    assert notice.texts.reach_own == "Your answer counts at Halcyon News only."
    assert "{" not in "".join(getattr(notice.texts, each.name) for each in fields(NoticeTexts))


def test_a_notice_asks_what_can_be_answered_there_and_nothing_else(notice: Notice) -> None:
    assert "location" not in notice.purposes, "off at news"
    assert {"billing", "security"}.isdisjoint(notice.asks), "nobody is asked for these"
    assert "shop:loyalty" not in notice.asks
    bases = {entry.basis for entry in notice.entries}
    assert bases == {LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST}


def test_a_stricter_basis_is_shown_as_what_it_is_there(halcyon: Draft) -> None:
    at_shop = {entry.id: entry.basis for entry in halcyon.book.notices["shop", "en"].entries}
    assert at_shop[PurposeId("audience")] is LegalBasis.CONSENT


def test_a_brand_says_it_in_its_own_words_and_order(halcyon: Draft) -> None:
    book = halcyon.book
    (content,) = (e for e in book.notices["news", "fr"].entries if e.id == "content")
    assert content.name == "Une page d\N{RIGHT SINGLE QUOTATION MARK}accueil à votre goût"
    assert book.notices["shop", "en"].purposes[:3] == (
        "shop:loyalty",
        "shop:loyalty.offers",
        "content",
    )


def test_all_names_every_brand_and_no_partner(halcyon: Draft) -> None:
    named = {each.party for each in halcyon.book.notices["news", "en"].names}
    assert named == {each.party for each in halcyon.book.brands.values()}
    assert all(each.kind is PartyKind.BRAND for each in named)


def test_a_listed_partner_is_named_with_its_entity(folder: Folder) -> None:
    folder.replace("news.toml", 'names = "all"', 'names = ["news", "reach"]')
    notice = folder.load().book.notices["news", "en"]
    assert {(str(each.party), each.entity) for each in notice.names} == {
        ("brand/news", "halcyon-news"),
        ("partner/reach", "reach-media"),
    }


def test_the_accounts_words_are_shown_only_where_choices_are_attached(folder: Folder) -> None:
    assert folder.load().book.notices["news", "en"].texts.account
    folder.replace("news.toml", "attaches_to_account = true", "attaches_to_account = false")
    notice = folder.load().book.notices["news", "en"]
    assert (notice.texts.account, notice.attaches_to_account) == ("", False)


def test_the_version_is_no_part_of_the_digest(notice: Notice) -> None:
    assert replace(notice, version=9).digest == notice.digest
    assert len(notice.digest) == 32


def _first_entry(**change: object) -> Callable[[Notice], Notice]:
    return lambda notice: replace(
        notice, entries=(replace(notice.entries[0], **change), *notice.entries[1:])
    )


def _first_name(**change: object) -> Callable[[Notice], Notice]:
    return lambda notice: replace(
        notice, reaches=(replace(notice.reaches[0], **change), *notice.reaches[1:])
    )


CHANGES: dict[str, Callable[[Notice], Notice]] = {
    "language": lambda notice: replace(notice, language="fr"),
    "id": lambda notice: replace(notice, id="gazette"),
    "account": lambda notice: replace(notice, attaches_to_account=False),
    "order": lambda notice: replace(notice, entries=tuple(reversed(notice.entries))),
    "fewer purposes": lambda notice: replace(notice, entries=notice.entries[1:]),
    "fewer names": lambda notice: replace(notice, reaches=notice.reaches[1:]),
    "purpose name": _first_entry(name="Other"),
    "purpose description": _first_entry(description="Other"),
    "basis": _first_entry(basis=LegalBasis.LEGITIMATE_INTEREST),
    "brand name": _first_name(name="Other"),
    "entity name": _first_name(entity="Other"),
    **{
        each.name: lambda notice, name=each.name: replace(
            notice, texts=replace(notice.texts, **{name: "Other"})
        )
        for each in fields(NoticeTexts)
    },
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_is_shown_otherwise_has_another_digest(
    notice: Notice, change: Callable[[Notice], Notice]
) -> None:
    assert change(notice).digest != notice.digest


def test_another_legal_entity_or_topic_has_another_digest(notice: Notice) -> None:
    first = notice.reaches[0]
    sold = replace(first, named=Named(party=first.named.party, entity=LegalEntity("somebody-else")))
    assert replace(notice, reaches=(sold, *notice.reaches[1:])).digest != notice.digest
    bare = tuple(replace(entry, topics=()) for entry in notice.entries)
    assert replace(notice, entries=bare).digest != notice.digest


def test_a_decision_keeps_what_identifies_the_notice(notice: Notice) -> None:
    ref = notice.ref()
    assert (ref.id, ref.version, ref.language) == ("news", 0, "en")
    assert (ref.digest, ref.names) == (notice.digest, notice.names)
    assert ref.attaches_to_account
