"""Why a purpose is asked about now."""

from dataclasses import replace

import pytest
from tests.core.worlds import (
    ADS,
    GRANTED,
    NEWS,
    REFUSED,
    SHOP,
    STATISTICS,
    act,
    catalogue,
    named,
)

from consentid.core.asking import Asking, Reason, find_reason
from consentid.core.catalogue import Catalogue, Override
from consentid.core.decision import CatalogueVersion, Decision, Outcome
from consentid.core.party import LegalEntity
from consentid.core.projection import project
from consentid.core.resolution import resolve
from consentid.kit.instants import DAY, Instant

TODAY = Instant(20_000 * DAY)
RULES = catalogue(ADS, STATISTICS)


def days_ago(days: int) -> Instant:
    return Instant(TODAY - days * DAY)


def ask(*history: Decision, rules: Catalogue = RULES) -> Asking:
    """Why *news* asks about ``ads``."""
    known = project(history)
    found = resolve(known, rules, NEWS, ADS, TODAY, adult=False)
    return find_reason(found, known, rules, NEWS, ADS, adult=False)


def revised(version: int) -> Catalogue:
    """``ads`` changed its meaning in a version."""
    return replace(
        RULES,
        version=CatalogueVersion(version),
        revised={**RULES.revised, ADS: CatalogueVersion(version)},
    )


def test_whoever_never_answered_is_asked_for_the_first_time() -> None:
    assert ask() == Asking(reason=Reason.FIRST)


def test_a_yes_that_ran_out_says_when() -> None:
    assert ask(act(1, GRANTED, early=days_ago(200))) == Asking(
        reason=Reason.EXPIRED, at=Instant(days_ago(200) + 180 * DAY)
    )


@pytest.mark.parametrize("outcome", [GRANTED, REFUSED])
def test_an_answer_to_what_meant_something_else_was_overtaken(outcome: Outcome) -> None:
    answer = act(1, outcome, early=days_ago(9))
    assert ask(answer, rules=revised(2)) == Asking(reason=Reason.CHANGED, at=days_ago(9))


def test_a_no_that_is_remembered_no_longer_says_when_it_was_said() -> None:
    assert ask(act(1, REFUSED, early=days_ago(185))) == Asking(
        reason=Reason.LONG_AGO, at=days_ago(185)
    )


def test_a_brand_that_asks_for_itself_says_so() -> None:
    rules = catalogue(ADS, overrides={NEWS: (Override(purpose=ADS, own=True),)})
    assert ask(act(1, GRANTED, early=days_ago(9)), rules=rules).reason is Reason.OWN


def test_a_brand_that_no_notice_named_is_new_to_the_person() -> None:
    for elsewhere in (
        act(1, GRANTED, early=days_ago(9), names=named(SHOP)),
        act(1, GRANTED, early=days_ago(9), reach=SHOP),
        act(1, REFUSED, early=days_ago(9), reach=SHOP),
    ):
        assert ask(elsewhere).reason is Reason.NEW_BRAND


def test_a_brand_that_was_sold_has_another_legal_entity() -> None:
    rules = catalogue(ADS, entities={NEWS: LegalEntity("the buyer")})
    assert ask(act(1, GRANTED, early=days_ago(9)), rules=rules).reason is Reason.NEW_ENTITY


def test_a_purpose_made_after_the_last_answer_is_new() -> None:
    other = act(1, GRANTED, STATISTICS, early=days_ago(9))
    assert ask(other, rules=revised(2)).reason is Reason.NEW_PURPOSE
    assert ask(other).reason is Reason.UNANSWERED


def test_a_no_in_doubt_is_asked_about_as_such() -> None:
    grant = act(1, GRANTED, early=days_ago(5))
    refusal = act(2, REFUSED, early=days_ago(9), late=TODAY)
    assert ask(grant, refusal).reason is Reason.IN_DOUBT


@pytest.mark.parametrize("outcome", [GRANTED, REFUSED])
def test_an_answer_that_stands_is_only_shown_again(outcome: Outcome) -> None:
    answer = act(1, outcome, early=days_ago(9))
    assert ask(answer).reason is Reason.SHOWN_AGAIN
