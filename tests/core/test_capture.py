"""What becomes of what somebody else says that a person said."""

import pytest
from tests.core.worlds import (
    ADS,
    ADS_X,
    GRANTED,
    NEWS,
    REFUSED,
    act,
    at,
    catalogue,
    decide,
)

from consentid.core.capture import CaptureState, Fate, state_of, wait, weigh
from consentid.core.catalogue import Override
from consentid.core.decision import Choice, Decision, Outcome
from consentid.core.projection import EMPTY, project
from consentid.core.projection_form import FORM, decode, encode
from consentid.core.purpose import PurposeId
from consentid.core.resolution import State, resolve, resolve_all
from consentid.core.saying import say

NOW = at(100)


def fates(
    *history: Decision, assisted: bool = True, said: Outcome = GRANTED, purpose: PurposeId = ADS
) -> tuple[Fate, CaptureState]:
    rules = catalogue(assisted=assisted)
    weighed = weigh(
        [Choice(purpose=purpose, outcome=said)],
        held=resolve_all(project(history), rules, NEWS, NOW, adult=True),
        catalogue=rules,
        asked=NEWS,
    )
    return weighed[0].fate, state_of(weighed)


@pytest.mark.parametrize("assisted", [True, False])
def test_a_no_counts_at_once_and_a_yes_only_where_the_catalogue_lets_it(*, assisted: bool) -> None:
    assert fates(said=REFUSED, assisted=assisted) == (Fate.COUNTS, CaptureState.RECORDED)
    counted = (Fate.COUNTS, CaptureState.RECORDED) if assisted else (Fate.WAITS, "pending")
    assert fates(assisted=assisted) == counted


@pytest.mark.parametrize("assisted", [True, False])
@pytest.mark.parametrize("refused", [ADS, ADS_X])
def test_a_yes_of_somebody_who_said_no_is_evidence_and_nothing_else(
    *, assisted: bool, refused: PurposeId
) -> None:
    before = act(1, REFUSED, refused, early=at(90))
    found = fates(before, assisted=assisted, purpose=ADS_X)
    assert found == (Fate.NONE, CaptureState.REFUSED)


def test_while_nobody_knows_whose_it_is_all_of_it_waits() -> None:
    both = [Choice(purpose=ADS, outcome=REFUSED), Choice(purpose=ADS_X, outcome=GRANTED)]
    assert {each.fate for each in wait(both)} == {Fate.WAITS}


def test_an_assisted_yes_says_so_until_the_person_says_it_too() -> None:
    rules = catalogue(assisted=True)
    keyed_in = decide(1, {ADS: GRANTED}, early=at(50), reach=NEWS, assisted=True)
    own = act(2, GRANTED, early=at(40), reach=NEWS)
    for history, assisted in (((keyed_in,), (ADS, ADS_X)), ((keyed_in, own), ())):
        held = resolve_all(project(history), rules, NEWS, NOW, adult=True)
        said = say({purpose: held[purpose] for purpose in (ADS, ADS_X)}, NOW)
        assert said.yes == (ADS, ADS_X)
        assert said.assisted == assisted
    before = say(resolve_all(project([own]), rules, NEWS, NOW, adult=True), NOW)
    after = say(resolve_all(project([keyed_in]), rules, NEWS, NOW, adult=True), NOW)
    assert after.narrows(before)
    assert not before.narrows(after)


def test_a_brand_may_let_nobodys_word_count() -> None:
    keyed_in = decide(1, {ADS: GRANTED}, early=at(50), reach=NEWS, assisted=True)
    strict = catalogue(assisted=True, overrides={NEWS: (Override(purpose=ADS, unassisted=True),)})
    for rules, state in ((catalogue(assisted=True), State.GIVEN), (strict, State.UNASKED)):
        for purpose in (ADS, ADS_X):
            found = resolve(project([keyed_in]), rules, NEWS, purpose, NOW, adult=True)
            assert found.state is state


def test_whoever_was_never_spoken_for_is_stored_as_ever() -> None:
    own = act(1, GRANTED, early=at(40))
    keyed_in = decide(2, {ADS: GRANTED}, early=at(50), assisted=True)
    assert b'"form":1' in encode(project([own]))
    assert b"assisted" not in encode(project([own]))
    both = project([own, keyed_in])
    assert f'"form":{FORM + 1}'.encode() in encode(both)
    assert decode(encode(both)) == both
    assert decode(encode(EMPTY)) == EMPTY
