"""A form that asks again also answers the old refusals that it may lift."""

from uuid import UUID

from hypothesis import HealthCheck, given, settings
from tests.core.worlds import (
    ADS,
    ADS_X,
    ADS_X_Y,
    BROAD,
    EVERYBODY,
    GRANTED,
    NEWS,
    REFUSED,
    SHOP,
    World,
    act,
    at,
    catalogue,
    decide,
    worlds,
)

from consentid.core.catalogue import Override, find_terms
from consentid.core.decision import Decision, DecisionId
from consentid.core.lifting import Lift, find_lifts, lifting_decision
from consentid.core.party import Party
from consentid.core.projection import project
from consentid.core.purpose import ROOT, PurposeId
from consentid.core.resolution import resolve
from consentid.kit.instants import DAY, Instant

TODAY = Instant(20_000 * DAY)
LONG_AGO = Instant(TODAY - 200 * DAY)
LATELY = Instant(TODAY - DAY)
CATALOGUE = catalogue()


def lifts(*history: Decision, answer: Decision) -> dict[Party | None, list[PurposeId]]:
    found = find_lifts(project(history), CATALOGUE, answer, TODAY, adult=False)
    return {lift.reach: [choice.purpose for choice in lift.choices] for lift in found}


def recorded(answer: Decision, found: tuple[Lift, ...]) -> list[Decision]:
    return [
        answer,
        *(
            lifting_decision(answer, lift, DecisionId(UUID(int=1000 + place)))
            for place, lift in enumerate(found)
        ),
    ]


def test_a_group_yes_also_lifts_a_brands_refusal_past_its_memory() -> None:
    stale = act(1, REFUSED, early=LONG_AGO, reach=NEWS)
    assert lifts(stale, answer=act(2, GRANTED, early=TODAY)) == {NEWS: [ADS]}


def test_a_group_yes_never_lifts_a_brands_refusal_that_is_remembered() -> None:
    fresh = act(1, REFUSED, early=LATELY, reach=NEWS)
    assert lifts(fresh, answer=act(2, GRANTED, early=TODAY)) == {}


def test_a_group_yes_lifts_a_brands_refusal_in_doubt() -> None:
    grant = act(1, GRANTED, early=LATELY)
    doubtful = act(2, REFUSED, early=LONG_AGO, late=TODAY, reach=NEWS)
    answer = act(3, GRANTED, early=Instant(TODAY + 1))
    found = find_lifts(project([grant, doubtful]), CATALOGUE, answer, TODAY, adult=False)
    assert [lift.reach for lift in found] == [NEWS]


def test_a_yes_also_lifts_an_old_refusal_beneath_it() -> None:
    stale = act(1, REFUSED, ADS_X, early=LONG_AGO)
    assert lifts(stale, answer=act(2, GRANTED, early=TODAY)) == {None: [ADS_X]}
    assert lifts(stale, answer=act(2, GRANTED, early=TODAY, reach=SHOP)) == {SHOP: [ADS_X]}


def test_an_old_refusal_above_is_answered_for_what_was_asked_and_no_more() -> None:
    stale = act(1, REFUSED, early=LONG_AGO, reach=NEWS)
    assert lifts(stale, answer=act(2, GRANTED, ADS_X, early=TODAY)) == {NEWS: [ADS_X]}


def test_a_brands_own_yes_that_ran_out_is_renewed_where_it_was_given() -> None:
    no = act(1, REFUSED, ROOT, early=LATELY, reach=NEWS)
    yes = act(2, GRANTED, early=Instant(LATELY + 1), reach=NEWS)
    short = catalogue(validity_s=1)
    answer = act(3, GRANTED, early=TODAY)
    found = find_lifts(project([no, yes]), short, answer, TODAY, adult=False)
    assert [(lift.reach, lift.choices[0].purpose) for lift in found] == [(NEWS, ADS)]


def test_what_the_form_refused_is_not_granted_beside_it() -> None:
    stale = act(1, REFUSED, ADS_X, early=LONG_AGO, reach=NEWS)
    answer = decide(2, {ADS: GRANTED, ADS_X: REFUSED}, early=TODAY)
    assert lifts(stale, answer=answer) == {}


def test_a_form_of_the_group_never_stands_in_for_a_brands_own_consent() -> None:
    own = catalogue(overrides={NEWS: (Override(purpose=ADS, own=True),)})
    stale = project([act(1, REFUSED, early=LONG_AGO, reach=NEWS)])
    answer = act(2, GRANTED, early=TODAY)
    assert find_lifts(stale, own, answer, TODAY, adult=False) == ()
    by_brand = act(2, GRANTED, ADS, early=TODAY, reach=NEWS)
    stale_beneath = project([act(1, REFUSED, ADS_X_Y, early=LONG_AGO, reach=NEWS)])
    found = find_lifts(stale_beneath, own, by_brand, TODAY, adult=False)
    assert [(lift.reach, lift.choices[0].purpose) for lift in found] == [(NEWS, ADS_X_Y)]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(BROAD))
def test_who_was_asked_and_said_yes_is_not_asked_again(world: World) -> None:
    projection = project(world.history)
    before = resolve(
        projection, world.catalogue, world.asked, world.purpose, world.now, adult=world.adult
    )
    terms = find_terms(world.catalogue, world.asked, world.purpose)
    if not before.may_ask or terms is None:
        return
    # What the group may not answer for a party, the party's own form asks.
    by_group = world.asked in (NEWS, SHOP) and not terms.own
    answer = act(
        500,
        GRANTED,
        world.purpose,
        early=Instant(world.now + 1),
        reach=None if by_group else world.asked,
        names=EVERYBODY,
        catalogue=2,
        told=True,
    )
    found = find_lifts(projection, world.catalogue, answer, world.now, adult=world.adult)
    acts = recorded(answer, found)
    later = project([*world.history, *acts])
    now = Instant(world.now + 2)
    resolved = resolve(later, world.catalogue, world.asked, world.purpose, now, adult=world.adult)
    assert resolved.state == "given"


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(BROAD))
def test_a_lift_never_undoes_a_no_that_stands_firm(world: World) -> None:
    projection = project(world.history)
    answer = act(
        500, GRANTED, world.purpose, early=at(100), names=EVERYBODY, catalogue=2, told=True
    )
    found = find_lifts(projection, world.catalogue, answer, world.now, adult=world.adult)
    plain = project([*world.history, answer])
    lifted = project([*world.history, *recorded(answer, found)])
    for party in world.catalogue.parties:
        for purpose in world.catalogue.purposes:
            question = (world.catalogue, party, purpose, at(101))
            before = resolve(
                projection, world.catalogue, party, purpose, world.now, adult=world.adult
            )
            if resolve(lifted, *question, adult=world.adult).permitted:
                by_answer = resolve(plain, *question, adult=world.adult)
                assert before.permitted or before.may_ask or by_answer.permitted
