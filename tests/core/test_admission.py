"""What becomes a decision, and what is refused by which name, at which place."""

from dataclasses import replace
from uuid import UUID

import pytest
from tests.core.worlds import (
    ADS,
    ADS_X,
    EVERYBODY,
    GRANTED,
    NEWS,
    REACH,
    REFUSED,
    SHOP,
    STATISTICS,
    SUBJECT,
    at,
    catalogue,
    named,
)
from tests.core.worlds import notice as notice_ref

from consentid.core.admission import Draft, Rights, ShownNotice, admit
from consentid.core.catalogue import Catalogue, Override
from consentid.core.clock import offline, online
from consentid.core.decision import (
    Assurance,
    CatalogueVersion,
    Channel,
    Choice,
    Decision,
    DecisionId,
    Outcome,
)
from consentid.core.party import Named, Party, PartyKind, Reach, Slug
from consentid.core.purpose import ROOT, LegalBasis, PurposeId
from consentid.kit.errors import ConflictError, ConsentidError, ForbiddenError, MalformedError

LOYALTY = PurposeId("shop:loyalty")
CATALOGUE = catalogue(ADS, ADS_X, STATISTICS, LOYALTY, version=3)
HUB = Rights(actor="hub", party=None, collects_for_group=True, assurance=Assurance.SELF)
NEWS_SITE = Rights(
    actor="news", party=NEWS, collects_for_group=False, assurance=Assurance.BRAND_PAGE
)
GROUP_SITE = replace(NEWS_SITE, collects_for_group=True)
REACH_SITE = replace(NEWS_SITE, actor="reach", party=REACH, collects_for_group=True)


def shown(*purposes: PurposeId, names: frozenset[Named] = EVERYBODY) -> ShownNotice:
    return ShownNotice(
        ref=notice_ref(names),
        purposes=frozenset(purposes or (ADS, ADS_X, STATISTICS, LOYALTY)),
        catalogue=CatalogueVersion(2),
    )


NOTICE = shown()


def draft(
    *choices: tuple[str, Outcome], reach: Reach = None, notice: ShownNotice | None = NOTICE
) -> Draft:
    return Draft(
        choices=tuple(Choice(purpose=PurposeId(p), outcome=o) for p, o in choices),
        reach=reach,
        notice=notice,
        channel=Channel.WEB,
        timing=online(at(9)),
        recorded_at=at(9),
    )


def judge(
    one: Draft, rights: Rights = HUB, rules: Catalogue = CATALOGUE, *, adult: bool = False
) -> Decision:
    return admit(one, rights, rules, id_=DecisionId(UUID(int=9)), subject=SUBJECT, adult=adult)


def refused(
    one: Draft, rights: Rights = HUB, rules: Catalogue = CATALOGUE
) -> tuple[type[ConsentidError], str, str | None]:
    with pytest.raises(ConsentidError) as caught:
        judge(one, rights, rules)
    return type(caught.value), caught.value.code, caught.value.where


def test_an_admitted_decision_carries_what_was_shown_and_when() -> None:
    one = replace(draft((ADS, GRANTED), (STATISTICS, REFUSED)), told_of_signal=True)
    decision = judge(one, GROUP_SITE)
    assert decision.notice == NOTICE.ref
    assert decision.catalogue == 2  # the question's version, not the newer one in force
    assert decision.interval.early == decision.interval.late == decision.recorded_at == at(9)
    assert (decision.actor, decision.assurance) == ("news", Assurance.BRAND_PAGE)
    assert decision.told_of_signal
    assert not decision.clock_unproven


def test_a_withdrawal_needs_no_notice_and_names_the_catalogue_in_force() -> None:
    decision = judge(draft((ROOT, REFUSED), notice=None), NEWS_SITE)
    assert decision.notice is None
    assert decision.catalogue == 3
    assert decision.reach is None


def test_only_a_grant_carries_the_told_mark() -> None:
    one = replace(draft((ADS, REFUSED), notice=None), told_of_signal=True)
    assert not judge(one).told_of_signal


def test_an_unproven_clock_is_flagged_on_the_decision() -> None:
    timing = offline(claimed=at(90), receipt=at(9), last_sync=at(3), bound=0)
    decision = judge(replace(draft((ADS, GRANTED)), timing=timing))
    assert decision.clock_unproven
    assert (decision.interval.early, decision.interval.late) == (at(3), at(9))


@pytest.mark.parametrize(
    ("one", "code", "where"),
    [
        (draft(), "choices_missing", "choices"),
        (
            draft(*((f"p{place}", REFUSED) for place in range(65))),
            "choices_too_many",
            "choices",
        ),
        (draft((ADS, REFUSED), ("Ads!", REFUSED)), "purpose_malformed", "choices[1].purpose"),
        (draft((ADS, REFUSED), (ADS, GRANTED)), "purpose_repeated", "choices[1].purpose"),
        (draft((ROOT, GRANTED)), "root_granted", "choices[0].purpose"),
        (
            draft((ADS_X, GRANTED), (ADS, REFUSED)),
            "refusal_covers_grant",
            "choices[0].purpose",
        ),
        (
            draft((ROOT, REFUSED), (ADS, GRANTED)),
            "refusal_covers_grant",
            "choices[1].purpose",
        ),
        (draft(("other", REFUSED), notice=None), "purpose_unknown", "choices[0].purpose"),
        (draft((ADS, GRANTED), notice=None), "notice_missing", "notice"),
        (
            draft((STATISTICS, GRANTED), notice=shown(ADS)),
            "purpose_not_in_notice",
            "choices[0].purpose",
        ),
        (
            draft((STATISTICS, REFUSED), notice=shown(ADS)),
            "purpose_not_in_notice",
            "choices[0].purpose",
        ),
        (draft((ADS, GRANTED), notice=shown(names=named(REACH))), "party_not_named", "notice"),
        (
            draft((ADS, GRANTED), reach=SHOP, notice=shown(names=named(NEWS))),
            "party_not_named",
            "notice",
        ),
        (
            draft((ADS, REFUSED), reach=Party(kind=PartyKind.BRAND, slug=Slug("gone"))),
            "party_unknown",
            "reach",
        ),
        (draft((LOYALTY, GRANTED), reach=NEWS), "purpose_not_offered", "choices[0].purpose"),
        (
            draft((LOYALTY, REFUSED), reach=NEWS, notice=None),
            "purpose_not_offered",
            "choices[0].purpose",
        ),
    ],
)
def test_a_draft_that_cannot_be_right_is_refused_by_name_and_place(
    one: Draft, code: str, where: str
) -> None:
    assert refused(one) == (MalformedError, code, where)


def test_a_decision_takes_64_choices() -> None:
    ids = [PurposeId(f"p{place}") for place in range(64)]
    one = draft(*((id_, GRANTED) for id_ in ids), notice=shown(*ids))
    assert len(judge(one, rules=catalogue(*ids)).choices) == 64


def test_granting_a_purpose_and_refusing_its_descendant_is_a_decision() -> None:
    assert judge(draft((ADS, GRANTED), (ADS_X, REFUSED))).choices


def test_a_notice_that_is_not_current_is_a_conflict() -> None:
    stale = replace(NOTICE, is_current=False)
    assert refused(draft((ADS, GRANTED), notice=stale)) == (
        ConflictError,
        "notice_not_current",
        "notice",
    )


@pytest.mark.parametrize(
    ("rights", "reach", "outcome", "code"),
    [
        (NEWS_SITE, None, GRANTED, "group_grant_not_yours"),
        (REACH_SITE, None, GRANTED, "group_grant_not_yours"),
        (NEWS_SITE, SHOP, GRANTED, "party_not_yours"),
        (GROUP_SITE, SHOP, GRANTED, "party_not_yours"),
        (GROUP_SITE, SHOP, REFUSED, "party_not_yours"),
        (NEWS_SITE, REACH, GRANTED, "party_not_yours"),
        (REACH_SITE, NEWS, REFUSED, "party_not_yours"),
    ],
)
def test_a_client_speaks_for_nobody_but_itself(
    rights: Rights, reach: Reach, outcome: Outcome, code: str
) -> None:
    one = draft((ADS, outcome), reach=reach)
    assert refused(one, rights) == (ForbiddenError, code, "reach")


@pytest.mark.parametrize(
    ("rights", "reach", "outcome"),
    [
        (HUB, None, GRANTED),
        (HUB, SHOP, GRANTED),
        (HUB, REACH, GRANTED),
        (GROUP_SITE, None, GRANTED),
        (NEWS_SITE, NEWS, GRANTED),
        (NEWS_SITE, None, REFUSED),
        (REACH_SITE, REACH, GRANTED),
        (REACH_SITE, None, REFUSED),
    ],
)
def test_a_client_grants_for_itself_and_refuses_for_the_group(
    rights: Rights, reach: Reach, outcome: Outcome
) -> None:
    assert judge(draft((ADS, outcome), reach=reach), rights).reach == reach


def test_what_rests_on_a_contract_is_no_choice() -> None:
    contract = catalogue(ADS, ADS_X, STATISTICS, LOYALTY, basis=LegalBasis.CONTRACT)
    for outcome in (GRANTED, REFUSED):
        assert refused(draft((ADS, outcome)), rules=contract) == (
            MalformedError,
            "purpose_not_a_choice",
            "choices[0].purpose",
        )


def test_an_objection_and_the_grant_that_lifts_it_are_choices() -> None:
    interest = catalogue(ADS, basis=LegalBasis.LEGITIMATE_INTEREST)
    for outcome in (REFUSED, GRANTED):
        assert judge(draft((ADS, outcome)), rules=interest).choices[0].outcome is outcome


def test_what_is_switched_off_cannot_be_granted_and_can_be_withdrawn() -> None:
    off = catalogue(ADS, overrides={NEWS: (Override(purpose=ADS, off=True),)}, parties=(NEWS, SHOP))
    assert refused(draft((ADS, GRANTED), reach=NEWS), rules=off)[1] == "purpose_not_offered"
    assert judge(draft((ADS, REFUSED), reach=NEWS, notice=None), rules=off).reach == NEWS
    assert judge(draft((ADS, GRANTED)), rules=off).reach is None


def test_adults_only_is_granted_by_adults_and_refused_by_anybody() -> None:
    adults = catalogue(ADS, overrides={NEWS: (Override(purpose=ADS, adults_only=True),)})
    one = draft((ADS, GRANTED), reach=NEWS)
    assert refused(one, rules=adults)[1] == "purpose_not_offered"
    assert judge(one, rules=adults, adult=True).reach == NEWS
    assert judge(draft((ADS, REFUSED), reach=NEWS), rules=adults).reach == NEWS
