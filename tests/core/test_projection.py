"""The stored form of what a subject's decisions come down to."""

import pytest
from tests.core.worlds import (
    ADS,
    ADS_X,
    GRANTED,
    NEWS,
    REACH,
    REFUSED,
    SHOP,
    STATISTICS,
    act,
    at,
    decide,
    named,
)

from consentid.core.decision import SignalSource
from consentid.core.projection import EMPTY, add, merge, project
from consentid.core.projection_form import decode, encode

HISTORY = (
    decide(1, {ADS: GRANTED, ADS_X: GRANTED, STATISTICS: REFUSED}, early=at(1), late=at(2)),
    act(2, GRANTED, early=at(3), names=named(SHOP), told=True),
    act(3, REFUSED, early=at(4), reach=REACH, catalogue=2),
    act(4, REFUSED, early=at(5), signal=SignalSource.GPC),
)


def test_the_empty_projection_is_that_of_no_decisions() -> None:
    assert project([]) == EMPTY
    assert decode(encode(EMPTY)) == EMPTY
    assert EMPTY.is_empty
    assert not project(HISTORY).is_empty


def test_a_shipped_form_stays_as_it_was() -> None:
    assert encode(project(HISTORY)) == (
        b'{"decisions":[{"catalogue":1,"early":1000000,"granted":[[[0,1],["ads","ads.x"]]],'
        b'"id":"AAAAAAAAAAAAAAAAAAAAAQ","late":2000000,"refused":["statistics"],"source":null,'
        b'"told":false},{"catalogue":1,"early":3000000,"granted":[[[1],["ads"]]],'
        b'"id":"AAAAAAAAAAAAAAAAAAAAAg","told":true},{"catalogue":2,"early":4000000,'
        b'"id":"AAAAAAAAAAAAAAAAAAAAAw","late":4000000,"reach":["partner","reach"],'
        b'"refused":["ads"],"source":null},{"catalogue":1,"early":5000000,'
        b'"id":"AAAAAAAAAAAAAAAAAAAABA","late":5000000,"refused":["ads"],"source":"gpc"}],'
        b'"form":1,"named":[["brand","news","news SA"],["brand","shop","shop SA"]]}'
    )


def test_an_unknown_stored_form_is_an_error() -> None:
    with pytest.raises(ValueError, match="no form 3"):
        decode(b'{"form":3,"decisions":[],"named":[]}')


def test_what_nothing_can_rest_on_any_more_is_not_kept() -> None:
    once = project([act(9, GRANTED, early=at(9))])
    assert encode(add(once, act(1, GRANTED, early=at(1)))) == encode(once)


def test_a_refusal_by_the_person_and_one_by_a_signal_are_kept_apart() -> None:
    by_person = act(1, REFUSED, early=at(1))
    by_signal = act(2, REFUSED, early=at(9), signal=SignalSource.GPC)
    both = project([by_person, by_signal])
    assert {fact.decision for fact in both.facts()} == {by_person.id, by_signal.id}
    assert merge(project([by_person]), project([by_signal])) == both


def test_a_group_grant_keeps_no_partner_and_a_brands_grant_no_other_brand() -> None:
    by_group = project([act(1, GRANTED, early=at(1))])
    by_brand = project([act(1, GRANTED, early=at(1), reach=NEWS)])
    assert len(list(by_group.facts())) == 2
    assert len(list(by_brand.facts())) == 1
