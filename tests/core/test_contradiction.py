"""What a person is told where account and device say different things."""

from tests.core.worlds import ADS, GRANTED, NEWS, REACH, REFUSED, SHOP, act, at, catalogue

from consentid.core.contradiction import Contradiction, find_contradictions
from consentid.core.projection import EMPTY, Projection, project
from consentid.core.purpose import LegalBasis

RULES = catalogue(ADS)
YES = project([act(1, GRANTED, early=at(1))])
NO = project([act(2, REFUSED, early=at(2))])


def find(account: Projection, device: Projection) -> tuple[Contradiction, ...]:
    return find_contradictions(account, device, RULES, at(9), adult=False)


def test_a_yes_against_a_no_is_told_for_each_party_and_purpose() -> None:
    # The group's yes covers no partner, so there is nothing to contradict at one.
    assert [(one.party, one.account_says_yes) for one in find(YES, NO)] == [
        (NEWS, True),
        (SHOP, True),
    ]
    assert [one.account_says_yes for one in find(NO, YES)] == [False, False]


def test_what_was_never_asked_contradicts_nothing() -> None:
    assert find(YES, EMPTY) == find(EMPTY, NO) == find(YES, YES) == find(NO, NO) == ()


def test_a_contradiction_is_told_once_and_again_only_when_an_answer_changed() -> None:
    told = frozenset(find(YES, NO))
    assert find_contradictions(YES, NO, RULES, at(9), adult=False, told=told) == ()
    assert find_contradictions(NO, YES, RULES, at(9), adult=False, told=told) != ()


def test_what_legitimate_interest_permits_by_itself_is_no_answer() -> None:
    interest = catalogue(ADS, basis=LegalBasis.LEGITIMATE_INTEREST)
    assert find_contradictions(EMPTY, NO, interest, at(9), adult=False) == ()
    found = find_contradictions(YES, NO, interest, at(9), adult=False)
    assert {one.party for one in found} == {NEWS, SHOP}
    assert all(one.party != REACH for one in found)
