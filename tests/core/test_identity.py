"""How a device's choices reach an account, and how little else does."""

from uuid import UUID

from hypothesis import HealthCheck, given, settings
from tests.core.worlds import (
    ADS,
    ADS_X,
    BROAD,
    GRANTED,
    LINEAGE,
    NEWS,
    REACH,
    REFUSED,
    SHOP,
    STATISTICS,
    World,
    act,
    at,
    catalogue,
    decide,
    worlds,
)

from consentid.core.decision import Decision, DecisionId, SignalSource, SubjectId
from consentid.core.identity import (
    Adoption,
    Policy,
    adopted_decision,
    find_adoptions,
    has_choices,
)
from consentid.core.projection import EMPTY, Projection, add, project
from consentid.core.projection_form import encode
from consentid.core.resolution import State, resolve

ACCOUNT = SubjectId(UUID(int=77))
CATALOGUE = catalogue()


def adopt(adoptions: tuple[Adoption, ...]) -> list[Decision]:
    return [
        adopted_decision(
            adoption,
            id_=DecisionId(UUID(int=10_000 + place)),
            account=ACCOUNT,
            recorded_at=at(50),
        )
        for place, adoption in enumerate(adoptions)
    ]


def claim(*device: Decision, account: Projection = EMPTY) -> list[Decision]:
    return adopt(find_adoptions(device, account, Policy.ACCOUNT_PREVAILS, CATALOGUE))


def test_a_claim_adopts_and_names_what_it_came_from_and_renews_nothing() -> None:
    device = act(1, GRANTED, early=at(3), late=at(5))
    (adopted,) = claim(device)
    assert adopted.adopted_from == device.id
    assert adopted.id != device.id
    assert adopted.subject == ACCOUNT
    assert (adopted.interval, adopted.notice, adopted.catalogue) == (
        device.interval,
        device.notice,
        device.catalogue,
    )
    assert adopted.recorded_at == at(50)


def test_a_claim_adopts_refusals_always_and_grants_only_where_the_notice_said_so() -> None:
    device = decide(1, {ADS: GRANTED, STATISTICS: REFUSED}, early=at(3), attaches_to_account=False)
    (adopted,) = claim(device)
    assert [choice.purpose for choice in adopted.choices] == [STATISTICS]


def test_a_claim_leaves_behind_what_was_answered_anew() -> None:
    first = act(1, REFUSED, early=at(1), reach=NEWS)
    second = act(2, GRANTED, early=at(2), reach=NEWS)
    assert [adopted.adopted_from for adopted in claim(first, second)] == [second.id]


def test_a_group_refusal_still_speaks_to_partners_and_is_adopted() -> None:
    first = act(1, REFUSED, early=at(1))
    second = act(2, GRANTED, early=at(2))
    account = project(claim(first, second))
    assert resolve(account, CATALOGUE, NEWS, ADS, at(60), adult=False).permitted
    assert resolve(account, CATALOGUE, REACH, ADS, at(60), adult=False).state is State.REFUSED


def test_an_account_with_choices_claims_nothing() -> None:
    account = project([act(5, REFUSED, STATISTICS, early=at(1))])
    assert claim(act(1, GRANTED, early=at(3)), account=account) == []


def test_a_signal_is_no_choice_of_the_accounts_and_is_adopted_as_a_signal() -> None:
    signal = act(1, REFUSED, early=at(1), signal=SignalSource.GPC)
    assert not has_choices(project([signal]))
    (adopted,) = claim(signal, account=project([signal]))
    assert adopted.signal is SignalSource.GPC


def test_every_sign_in_adopts_where_the_newest_prevails_and_each_decision_once() -> None:
    device = act(1, GRANTED, early=at(3))
    account = project([act(5, REFUSED, early=at(2))])
    adoptions = find_adoptions([device], account, Policy.NEWEST_PREVAILS, CATALOGUE)
    after = project([act(5, REFUSED, early=at(2)), *adopt(adoptions)])
    assert resolve(after, CATALOGUE, NEWS, ADS, at(60), adult=False).permitted
    again = find_adoptions(
        [device],
        after,
        Policy.NEWEST_PREVAILS,
        CATALOGUE,
        already=frozenset({device.id}),
    )
    assert again == ()


def test_an_older_yes_on_the_device_does_not_undo_a_newer_no_of_the_account() -> None:
    account = act(5, REFUSED, early=at(9))
    adoptions = find_adoptions(
        [act(1, GRANTED, early=at(3))], project([account]), Policy.NEWEST_PREVAILS, CATALOGUE
    )
    after = project([account, *adopt(adoptions)])
    assert not resolve(after, CATALOGUE, SHOP, ADS, at(60), adult=False).permitted


def test_what_a_lost_yes_rested_against_is_adopted_with_it() -> None:
    history = (
        act(1, REFUSED, ADS, early=at(1), reach=NEWS),
        act(2, GRANTED, ADS_X, early=at(2), reach=NEWS),
        act(3, REFUSED, ADS, early=at(3)),
        act(4, GRANTED, ADS, early=at(4), attaches_to_account=False),
    )
    brands_only = catalogue(parties=(NEWS, SHOP))
    adoptions = find_adoptions(history, EMPTY, Policy.ACCOUNT_PREVAILS, brands_only)
    account = project(adopt(adoptions))
    assert not resolve(account, brands_only, NEWS, ADS_X, at(60), adult=False).permitted


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(BROAD) | worlds(LINEAGE))
def test_a_claim_makes_no_yes_that_the_device_had_not(world: World) -> None:
    device = project(world.history)
    adoptions = find_adoptions(world.history, EMPTY, Policy.ACCOUNT_PREVAILS, world.catalogue)
    account = project(adopt(adoptions))
    question = (world.catalogue, world.asked, world.purpose, world.now)
    on_device = resolve(device, *question, adult=world.adult)
    on_account = resolve(account, *question, adult=world.adult)
    assert on_device.permitted or not on_account.permitted
    if all(one.notice and one.notice.attaches_to_account for one in world.history):
        assert on_device.permitted == on_account.permitted
        assert on_device.expires_at == on_account.expires_at


@settings(max_examples=100, deadline=None)
@given(worlds(BROAD))
def test_signing_in_and_out_leaves_the_device_as_it_was(world: World) -> None:
    device = project(world.history)
    before = encode(device)
    account = EMPTY
    for policy in Policy:
        for adopted in adopt(find_adoptions(world.history, account, policy, world.catalogue)):
            account = add(account, adopted)
        account = add(account, act(900, GRANTED, early=at(30)))
    assert encode(project(world.history)) == encode(device) == before
