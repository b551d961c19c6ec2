"""What holds while an account is signed in on a device with choices of its own."""

import pytest
from hypothesis import HealthCheck, given, settings
from tests.core.worlds import (
    ADS,
    BROAD,
    GRANTED,
    NEWS,
    REFUSED,
    STATISTICS,
    World,
    act,
    at,
    catalogue,
    worlds,
)

from consentid.core.identity import Policy
from consentid.core.projection import EMPTY, Projection, project
from consentid.core.purpose import LegalBasis
from consentid.core.resolution import Resolution, State, resolve
from consentid.core.session import resolve_session, resolve_session_all

CONSENT = catalogue(ADS, STATISTICS)
INTEREST = catalogue(ADS, STATISTICS, basis=LegalBasis.LEGITIMATE_INTEREST)
YES = project([act(1, GRANTED, early=at(1))])
NO = project([act(2, REFUSED, early=at(2))])
NOW = at(9)


def ask(
    account: Projection,
    device: Projection | None,
    policy: Policy = Policy.ACCOUNT_PREVAILS,
    *,
    basis: LegalBasis = LegalBasis.CONSENT,
) -> Resolution:
    rules = CONSENT if basis is LegalBasis.CONSENT else INTEREST
    return resolve_session(account, device, policy, rules, NEWS, purpose=ADS, now=NOW, adult=False)


def test_the_accounts_choices_govern_whatever_the_device_says() -> None:
    assert ask(YES, NO).permitted
    assert not ask(NO, YES).permitted
    assert ask(EMPTY, YES).state is State.UNASKED


def test_an_objection_on_the_device_stands_where_no_account_decision_applies() -> None:
    interest = LegalBasis.LEGITIMATE_INTEREST
    assert ask(EMPTY, NO, basis=interest).state is State.OBJECTED
    assert ask(YES, NO, basis=interest).state is State.PERMITTED
    elsewhere = project([act(3, GRANTED, STATISTICS, early=at(1))])
    assert ask(elsewhere, NO, basis=interest).state is State.OBJECTED


def test_the_most_protective_says_yes_only_if_nothing_on_the_device_stands_against_it() -> None:
    policy = Policy.MOST_PROTECTIVE
    assert ask(YES, EMPTY, policy).permitted
    assert ask(YES, YES, policy).permitted
    refused = ask(YES, NO, policy)
    assert (refused.state, refused.permitted, refused.may_ask) == (State.REFUSED, False, False)
    unasked = ask(EMPTY, NO, policy)
    assert (unasked.permitted, unasked.may_ask) == (False, False)
    assert ask(EMPTY, NO, policy, basis=LegalBasis.LEGITIMATE_INTEREST).state is State.OBJECTED


def test_a_refusal_on_the_device_stands_for_the_most_protective_however_old() -> None:
    forgetful = catalogue(ADS, memory_s=1)
    found = resolve_session(
        YES, NO, Policy.MOST_PROTECTIVE, forgetful, NEWS, purpose=ADS, now=NOW, adult=False
    )
    assert (found.state, found.permitted) == (State.REFUSED, False)


def test_where_the_newest_prevails_the_account_has_adopted_it_already() -> None:
    assert ask(YES, NO, Policy.NEWEST_PREVAILS).permitted


@pytest.mark.parametrize("policy", Policy)
def test_without_choices_of_its_own_the_device_changes_nothing(policy: Policy) -> None:
    for account in (YES, NO, EMPTY):
        alone = resolve(account, CONSENT, NEWS, ADS, NOW, adult=False)
        assert ask(account, None, policy) == ask(account, EMPTY, policy) == alone


def test_a_session_resolves_every_offered_purpose() -> None:
    found = resolve_session_all(
        YES, NO, Policy.ACCOUNT_PREVAILS, CONSENT, NEWS, now=NOW, adult=False
    )
    assert {purpose: answer.state for purpose, answer in found.items()} == {
        ADS: State.GIVEN,
        STATISTICS: State.UNASKED,
    }


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(BROAD))
def test_a_session_never_says_yes_where_the_account_says_no(world: World) -> None:
    account, device = project(world.history[::2]), project(world.history[1::2])
    alone = resolve(
        account, world.catalogue, world.asked, world.purpose, world.now, adult=world.adult
    )
    for policy in Policy:
        found = resolve_session(
            account,
            device,
            policy,
            world.catalogue,
            world.asked,
            purpose=world.purpose,
            now=world.now,
            adult=world.adult,
        )
        assert alone.permitted or not found.permitted
