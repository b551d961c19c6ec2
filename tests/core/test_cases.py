"""The cases of consent-rules, one test a row."""

from dataclasses import replace

from tests.core.worlds import (
    ADS,
    ADS_X,
    DAY_S,
    GRANTED,
    NEWS,
    REACH,
    REFUSED,
    SHOP,
    act,
    catalogue,
)

from consentid.core.catalogue import Override
from consentid.core.clock import Timing, offline
from consentid.core.decision import Decision, SignalSource
from consentid.core.party import LegalEntity, Party
from consentid.core.projection import EMPTY, project
from consentid.core.projection_form import encode
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.core.resolution import Resolution, State, resolve
from consentid.kit.instants import DAY, MINUTE, Instant

TODAY = Instant(20_000 * DAY)
CATALOGUE = catalogue()


def days_ago(days: float) -> Instant:
    return Instant(TODAY - int(days * DAY))


def timed(decision: Decision, timing: Timing) -> Decision:
    return replace(decision, interval=timing.interval, clock_unproven=timing.clock_unproven)


def ask(
    *history: Decision, asked: Party = NEWS, purpose: PurposeId = ADS, now: Instant = TODAY
) -> Resolution:
    return resolve(project(history), CATALOGUE, asked, purpose, now, adult=False)


def test_a_paper_grant_keyed_in_after_a_withdrawal_is_no() -> None:
    withdrawal = act(2, REFUSED, early=days_ago(3))
    for last_sync in (30, 10, 5, 3, 1, 0):
        paper = offline(
            claimed=days_ago(10), receipt=TODAY, last_sync=days_ago(last_sync), bound=None
        )
        assert not ask(timed(act(1, GRANTED, early=TODAY), paper), withdrawal).permitted


def test_an_offline_withdrawal_by_an_unproven_clock_is_in_doubt_and_by_a_checked_one_is_not() -> (
    None
):
    grant = act(1, GRANTED, early=days_ago(3))
    withdrawal = act(2, REFUSED, early=TODAY)
    unproven = offline(claimed=days_ago(10), receipt=TODAY, last_sync=days_ago(12), bound=None)
    found = ask(grant, timed(withdrawal, unproven))
    assert (found.state, found.permitted) == (State.WITHDRAWN, False)
    assert found.in_doubt
    assert found.may_ask
    checked = offline(claimed=days_ago(10), receipt=TODAY, last_sync=days_ago(12), bound=5 * MINUTE)
    assert ask(grant, timed(withdrawal, checked)).permitted


def test_two_offline_decisions_of_one_device_carry_no_order() -> None:
    no = offline(claimed=days_ago(2), receipt=TODAY, last_sync=days_ago(9), bound=None)
    yes = offline(claimed=days_ago(1), receipt=TODAY, last_sync=days_ago(9), bound=None)
    found = ask(timed(act(1, REFUSED, early=TODAY), no), timed(act(2, GRANTED, early=TODAY), yes))
    assert not found.permitted
    assert found.in_doubt
    assert found.may_ask


def test_a_device_clock_in_2099_or_1970_is_flagged_and_not_believed() -> None:
    for claimed in (Instant(0), Instant(47_000 * DAY)):
        timing = offline(claimed=claimed, receipt=TODAY, last_sync=days_ago(4), bound=5 * MINUTE)
        assert timing.clock_unproven
        assert timing.interval.late == TODAY
        assert timing.interval.early == min(claimed, days_ago(4))


def test_an_offline_batch_sent_three_times_and_reversed_counts_once() -> None:
    batch = [
        act(1, GRANTED, early=days_ago(3)),
        act(2, REFUSED, ADS_X, early=days_ago(3), late=TODAY),
        act(3, GRANTED, early=days_ago(2), reach=NEWS),
    ]
    assert encode(project([*batch, *batch, *reversed(batch)])) == encode(project(batch))


def test_a_group_grant_never_revives_a_brand_refusal() -> None:
    history = (
        act(1, GRANTED, early=days_ago(3)),
        act(2, REFUSED, early=days_ago(2), reach=NEWS),
        act(3, GRANTED, early=days_ago(1)),
    )
    found = ask(*history)
    assert not found.permitted
    assert [refusal.reach for refusal in found.standing] == [NEWS]
    assert not found.may_ask
    assert ask(*history, asked=SHOP).permitted


def test_a_lifted_brand_refusal_lets_the_group_grant_anew() -> None:
    found = ask(
        act(1, REFUSED, early=days_ago(4), reach=NEWS),
        act(2, GRANTED, early=days_ago(3), reach=NEWS),
        act(3, REFUSED, early=days_ago(2)),
        act(4, GRANTED, early=days_ago(1)),
    )
    assert found.permitted
    assert found.grant is not None
    assert found.grant.reach is None


def test_a_group_grant_is_less_specific_than_a_standing_brand_refusal_beneath_a_lost_yes() -> None:
    history = (
        act(1, REFUSED, ADS, early=days_ago(4), reach=NEWS),
        act(2, GRANTED, ADS_X, early=days_ago(3), reach=NEWS),
        act(3, REFUSED, ADS, early=days_ago(2)),
        act(4, GRANTED, ADS, early=days_ago(1)),
    )
    assert ask(*history[:2], purpose=ADS_X).permitted
    assert not ask(*history, purpose=ADS_X).permitted


def test_a_yes_at_one_brand_after_a_group_withdrawal_is_a_yes_there_only() -> None:
    history = (
        act(1, GRANTED, early=days_ago(3)),
        act(2, REFUSED, early=days_ago(2)),
        act(3, GRANTED, early=days_ago(1), reach=NEWS),
    )
    assert ask(*history).permitted
    assert ask(*history, asked=SHOP).state is State.WITHDRAWN


def test_a_brand_that_is_sold_or_leaves_loses_its_grants() -> None:
    projection = project(
        [
            act(1, GRANTED, early=days_ago(2)),
            act(2, GRANTED, early=days_ago(1), reach=NEWS),
        ]
    )
    sold = catalogue(entities={NEWS: LegalEntity("Buyer plc")})
    gone = catalogue(parties=(SHOP, REACH))
    assert resolve(projection, sold, NEWS, ADS, TODAY, adult=False).state is State.UNASKED
    assert resolve(projection, sold, SHOP, ADS, TODAY, adult=False).permitted
    assert resolve(projection, gone, NEWS, ADS, TODAY, adult=False).state is State.NOT_OFFERED


def test_a_reworded_purpose_is_kept_and_a_widened_one_asked_again() -> None:
    yes = project([act(1, GRANTED, early=days_ago(2))])
    no = project([act(1, REFUSED, early=days_ago(2))])
    reworded = catalogue(version=2, revised=1)
    widened = catalogue(version=2, revised=2)
    assert resolve(yes, reworded, NEWS, ADS, TODAY, adult=False).permitted
    assert not resolve(no, reworded, NEWS, ADS, TODAY, adult=False).may_ask
    outdated = resolve(yes, widened, NEWS, ADS, TODAY, adult=False)
    assert (outdated.state, outdated.may_ask) == (State.OUTDATED, True)
    revised = resolve(no, widened, NEWS, ADS, TODAY, adult=False)
    assert (revised.state, revised.may_ask) == (State.UNASKED, True)


def test_a_refusal_past_its_memory_may_be_asked_about_and_is_still_a_no() -> None:
    refusal = act(1, REFUSED, early=days_ago(184))
    assert ask(refusal, now=Instant(TODAY - 1)).state is State.REFUSED
    found = ask(refusal)
    assert (found.state, found.permitted, found.may_ask) == (State.UNASKED, False, True)
    interest = catalogue(basis=LegalBasis.LEGITIMATE_INTEREST)
    objected = resolve(project([refusal]), interest, NEWS, ADS, TODAY, adult=False)
    assert (objected.state, objected.may_ask) == (State.OBJECTED, False)


def test_the_asked_brands_validity_counts_for_every_grant() -> None:
    short = catalogue(validities={NEWS: 30 * DAY_S})
    own = act(1, GRANTED, early=days_ago(40), reach=NEWS)
    for group_days, expected in ((20, State.GIVEN), (31, State.EXPIRED)):
        projection = project([own, act(2, GRANTED, early=days_ago(group_days))])
        assert resolve(projection, short, NEWS, ADS, TODAY, adult=False).state is expected


def test_a_signal_outlives_a_yes_made_without_being_told_and_not_one_made_after() -> None:
    signal = act(1, REFUSED, early=days_ago(3), signal=SignalSource.GPC)
    untold = act(2, GRANTED, early=days_ago(2))
    told = act(3, GRANTED, early=days_ago(1), told=True)
    found = ask(signal, untold)
    assert not found.permitted
    assert [refusal.source for refusal in found.standing] == [SignalSource.GPC]
    assert ask(signal, untold, told).permitted
    # A later yes without the mark takes nothing back from the one that has it.
    assert ask(signal, told, act(4, GRANTED, early=TODAY)).permitted


def test_legitimate_interest_made_consent_by_a_brand_needs_a_grant() -> None:
    mixed = catalogue(
        basis=LegalBasis.LEGITIMATE_INTEREST,
        overrides={NEWS: (Override(purpose=ADS, basis=LegalBasis.CONSENT),)},
    )
    assert resolve(EMPTY, mixed, SHOP, ADS, TODAY, adult=False).state is State.PERMITTED
    assert resolve(EMPTY, mixed, NEWS, ADS, TODAY, adult=False).state is State.UNASKED
    granted = project([act(1, GRANTED, early=TODAY)])
    assert resolve(granted, mixed, NEWS, ADS, TODAY, adult=False).state is State.GIVEN


def test_a_purpose_on_contract_rests_on_no_choice() -> None:
    contract = catalogue(basis=LegalBasis.CONTRACT)
    refused = project([act(1, REFUSED, early=days_ago(1))])
    for projection in (EMPTY, refused):
        found = resolve(projection, contract, REACH, ADS, TODAY, adult=False)
        assert (found.state, found.grant) == (State.NOT_NEEDED, None)


def test_own_consent_is_not_had_from_the_group_but_lost_to_it() -> None:
    own = catalogue(overrides={NEWS: (Override(purpose=ADS, own=True),)})
    by_group = act(1, GRANTED, early=days_ago(3))
    by_brand = act(2, GRANTED, early=days_ago(2), reach=NEWS)
    withdrawn = act(3, REFUSED, early=days_ago(1))
    for history, expected in (
        ((by_group,), State.UNASKED),
        ((by_group, by_brand), State.GIVEN),
        ((by_group, by_brand, withdrawn), State.WITHDRAWN),
    ):
        found = resolve(project(history), own, NEWS, ADS, TODAY, adult=False)
        assert found.state is expected


def test_a_group_grant_covers_no_partner_and_a_group_refusal_covers_every_one() -> None:
    assert ask(act(1, GRANTED, early=TODAY), asked=REACH).state is State.UNASKED
    by_partner = act(2, GRANTED, early=days_ago(2), reach=REACH)
    assert ask(by_partner, asked=REACH).permitted
    assert not ask(by_partner, act(3, REFUSED, early=days_ago(1)), asked=REACH).permitted


def test_adults_only_is_not_offered_to_whom_nobody_recorded_as_an_adult() -> None:
    adults = catalogue(overrides={NEWS: (Override(purpose=ADS, adults_only=True),)})
    yes = project([act(1, GRANTED, early=TODAY)])
    assert resolve(yes, adults, NEWS, ADS_X, TODAY, adult=False).state is State.NOT_OFFERED
    assert resolve(yes, adults, NEWS, ADS_X, TODAY, adult=True).state is State.GIVEN


def test_between_equal_ends_the_later_catalogue_then_the_larger_id_is_the_newer() -> None:
    revised = catalogue(version=2, revised=2)
    older = act(9, GRANTED, early=TODAY, catalogue=1)
    newer = act(1, GRANTED, early=TODAY, catalogue=2)
    found = resolve(project([newer, older]), revised, NEWS, ADS, TODAY, adult=False)
    assert found.grant is not None
    assert found.grant.decision == newer.id
    twin = act(2, GRANTED, early=TODAY, catalogue=2)
    found = resolve(project([twin, newer]), revised, NEWS, ADS, TODAY, adult=False)
    assert found.grant is not None
    assert found.grant.decision == twin.id


def test_a_yes_says_when_it_ends() -> None:
    found = ask(act(1, GRANTED, early=days_ago(1)))
    assert found.expires_at == days_ago(1) + 180 * DAY
    assert found.expires_at is not None
    assert ask(act(1, GRANTED, early=days_ago(1)), now=found.expires_at).state is State.EXPIRED
