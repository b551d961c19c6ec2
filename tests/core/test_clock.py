"""When a decision happened, as far as it can be proven."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.core.clock import offline, online
from consentid.kit.instants import Instant

TIMES = st.integers(0, 40).map(Instant)


def interval(
    claimed: int, last_sync: int, bound: int | None, receipt: int = 100
) -> tuple[int, int]:
    found = offline(
        claimed=Instant(claimed),
        receipt=Instant(receipt),
        last_sync=Instant(last_sync),
        bound=bound,
    ).interval
    return found.early, found.late


def test_online_both_ends_are_the_recorded_instant() -> None:
    found = online(Instant(7))
    assert (found.interval.early, found.interval.late) == (7, 7)
    assert not found.clock_unproven


def test_an_unchecked_clock_proves_no_more_than_sync_and_receipt() -> None:
    assert interval(50, last_sync=20, bound=None) == (20, 100)


def test_the_early_end_is_never_later_than_the_claimed_time() -> None:
    assert interval(10, last_sync=20, bound=None) == (10, 100)
    assert interval(18, last_sync=20, bound=5) == (18, 23)


def test_a_checked_clock_narrows_both_ends_by_its_bound() -> None:
    assert interval(50, last_sync=20, bound=5) == (45, 55)
    assert interval(22, last_sync=20, bound=5) == (20, 27)
    assert interval(98, last_sync=20, bound=5) == (93, 100)
    assert interval(102, last_sync=20, bound=5) == (97, 100)


@pytest.mark.parametrize("claimed", [14, 106])
def test_a_clock_off_by_more_than_its_bound_is_unproven_and_not_used(claimed: int) -> None:
    found = offline(claimed=Instant(claimed), receipt=Instant(100), last_sync=Instant(20), bound=5)
    assert found.clock_unproven
    assert (found.interval.early, found.interval.late) == (min(claimed, 20), 100)


def test_a_sync_after_receipt_counts_as_receipt() -> None:
    assert interval(100, last_sync=500, bound=None) == (100, 100)


def test_a_negative_bound_is_an_error() -> None:
    with pytest.raises(ValueError, match="never negative"):
        offline(claimed=Instant(1), receipt=Instant(1), last_sync=Instant(1), bound=-1)


@given(TIMES, TIMES, TIMES, st.integers(0, 10) | st.none(), st.integers(-10, 10))
def test_the_true_time_lies_within_whenever_sync_bound_and_receipt_are_true(
    sync: Instant, act: Instant, receipt: Instant, bound: int | None, error: int
) -> None:
    sync, act, receipt = sorted((sync, act, receipt))
    claimed = Instant(act + (error if bound is None else max(-bound, min(bound, error))))
    found = offline(claimed=claimed, receipt=receipt, last_sync=sync, bound=bound)
    assert found.interval.early <= act <= found.interval.late
    assert found.interval.early <= claimed
    if bound is not None:
        assert not found.clock_unproven
