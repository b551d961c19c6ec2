"""Why an answer is what it is: the decision that tipped the scales, and when it was made."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from tests.core.worlds import (
    ADS,
    ADS_X,
    BROAD,
    DAY_S,
    GRANTED,
    NEWS,
    REFUSED,
    SHOP,
    World,
    act,
    at,
    catalogue,
    named,
    worlds,
)

from consentid.core.catalogue import Catalogue, Override, offered
from consentid.core.decision import Decision, SignalSource
from consentid.core.explanation import Explanation, Why, explain, resolve_for_group
from consentid.core.party import Party
from consentid.core.projection import project
from consentid.core.purpose import ROOT, LegalBasis, PurposeId
from consentid.core.resolution import State, resolve
from consentid.kit.instants import Instant

RULES = catalogue(ADS, ADS_X)
NOW = at(100)


def narrowed(rules: Catalogue, party: Party, override: Override) -> Catalogue:
    terms = replace(rules.parties[party], overrides={override.purpose: override})
    return replace(rules, parties={**rules.parties, party: terms})


def why(
    *history: Decision,
    rules: Catalogue = RULES,
    party: Party = NEWS,
    purpose: PurposeId = ADS,
    now: Instant = NOW,
    adult: bool = False,
) -> Explanation:
    kept = project(history)
    found = resolve(kept, rules, party, purpose, now, adult=adult)
    return explain(found, kept, rules, party, purpose, adult=adult)


def test_a_yes_names_when_and_how_far_it_was_said() -> None:
    for_all = why(act(1, GRANTED, early=at(1)))
    assert (for_all.why, for_all.at, for_all.reach) == (Why.AGREED, at(1), None)
    here = why(act(1, GRANTED, early=at(1)), act(2, GRANTED, early=at(2), reach=NEWS))
    assert (here.why, here.at, here.reach) == (Why.AGREED, at(2), NEWS)


def test_a_no_at_one_brand_is_named_before_the_groups() -> None:
    history = (act(1, REFUSED, early=at(5), reach=NEWS), act(2, REFUSED, early=at(9)))
    assert why(*history).reach == NEWS
    assert why(*history, party=SHOP).reach is None


def test_a_no_that_took_a_yes_back_says_so() -> None:
    taken_back = why(act(1, GRANTED, early=at(1)), act(2, REFUSED, early=at(2)))
    assert taken_back.why is Why.REFUSED
    assert taken_back.withdrew
    assert not why(act(1, REFUSED, early=at(1))).withdrew


def test_a_no_to_what_is_above_is_named_as_such() -> None:
    assert why(act(1, REFUSED, ADS, early=at(1)), purpose=ADS_X).purpose == ADS
    assert why(act(1, REFUSED, ROOT, early=at(1)), purpose=ADS_X).purpose == ROOT


def test_the_persons_own_no_is_named_before_a_signals() -> None:
    signal = act(1, REFUSED, early=at(5), signal=SignalSource.GPC)
    assert why(signal).why is Why.SIGNAL
    assert why(signal, act(2, REFUSED, early=at(1))).why is Why.REFUSED


def test_a_yes_that_ran_out_names_the_day() -> None:
    rules = catalogue(ADS, validity_s=10)
    found = why(act(1, GRANTED, early=at(1)), rules=rules)
    assert (found.why, found.at) == (Why.EXPIRED, at(11))


def test_a_yes_that_was_overtaken_names_when_it_was_said() -> None:
    found = why(act(1, GRANTED, early=at(1)), rules=catalogue(ADS, version=2, revised=2))
    assert (found.why, found.at) == (Why.OUTDATED, at(1))


def test_a_forgotten_no_is_told_as_one() -> None:
    later = at(200 * DAY_S)
    assert why(act(1, REFUSED, early=at(1)), now=later).why is Why.FORGOTTEN


def test_a_brand_that_asks_for_its_own_says_so_only_where_the_group_has_a_yes() -> None:
    rules = narrowed(RULES, NEWS, Override(purpose=ADS, own=True))
    assert why(act(1, GRANTED, early=at(1)), rules=rules).why is Why.OWN
    assert why(rules=rules).why is Why.UNASKED


def test_a_brand_that_was_not_named_says_so() -> None:
    found = why(act(1, GRANTED, early=at(1), names=named(SHOP)))
    assert found.why is Why.NOT_NAMED


def test_what_is_not_offered_says_why_not() -> None:
    adults = narrowed(RULES, NEWS, Override(purpose=ADS, adults_only=True))
    assert why(rules=adults).why is Why.ADULTS
    assert why(rules=adults, adult=True).why is Why.UNASKED
    off = narrowed(RULES, NEWS, Override(purpose=ADS, off=True))
    assert why(rules=off).why is Why.OFF


def test_interest_and_duty_need_no_answer() -> None:
    assert why(rules=catalogue(ADS, basis=LegalBasis.LEGITIMATE_INTEREST)).why is Why.UNOPPOSED
    assert why(rules=catalogue(ADS, basis=LegalBasis.CONTRACT)).why is Why.NOT_NEEDED


def test_the_groups_answer_is_what_was_decided_for_the_group() -> None:
    history = (act(1, GRANTED, early=at(1)), act(2, REFUSED, early=at(2), reach=NEWS))
    found = resolve_for_group(project(history), RULES, ADS, NOW, adult=False)
    assert found is not None
    assert found[1].state is State.GIVEN
    own = narrowed(RULES, NEWS, Override(purpose=ADS, own=True))
    own = narrowed(own, SHOP, Override(purpose=ADS, off=True))
    assert resolve_for_group(project(history), own, ADS, NOW, adult=False) is None


@given(worlds(BROAD))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_was_decided_there_is_a_reason_that_fits(world: World) -> None:
    kept = project(world.history)
    for purpose in offered(world.catalogue, world.asked):
        found = resolve(kept, world.catalogue, world.asked, purpose, world.now, adult=world.adult)
        because = explain(found, kept, world.catalogue, world.asked, purpose, adult=world.adult)
        agreeing = {Why.AGREED, Why.ASSISTED, Why.UNOPPOSED, Why.NOT_NEEDED}
        assert (because.why in agreeing) == found.permitted
        if because.decision is not None:
            assert because.decision in {each.id for each in world.history}
