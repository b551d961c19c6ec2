from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.kit import instants

_moments = st.datetimes(timezones=st.just(UTC))


@given(_moments)
def test_an_instant_keeps_every_microsecond(moment: datetime) -> None:
    assert instants.to_datetime(instants.from_datetime(moment)) == moment


@given(_moments, st.integers(-14 * 60, 14 * 60))
def test_the_zone_makes_no_difference(moment: datetime, minutes: int) -> None:
    if not 2 < moment.year < 9998:
        return
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert instants.from_datetime(elsewhere) == instants.from_datetime(moment)


@given(_moments, _moments)
def test_order_is_the_order_of_time(one: datetime, other: datetime) -> None:
    earlier = instants.from_datetime(one) < instants.from_datetime(other)
    assert earlier == (one < other)


def test_a_time_without_a_zone_names_no_instant() -> None:
    with pytest.raises(ValueError, match="names no instant"):
        instants.from_datetime(datetime(2026, 11, 22, 10, 0))  # noqa: DTZ001  what is tested


@given(st.integers(-(10**10), 10**10))
def test_seconds_are_whole_and_rounded_down(seconds: int) -> None:
    instant = instants.from_seconds(seconds)
    assert instants.to_seconds(instant) == seconds
    assert instants.to_seconds(instants.Instant(instant + instants.SECOND - 1)) == seconds
    assert instants.to_seconds(instants.Instant(instant - 1)) == seconds - 1


@given(_moments.filter(lambda moment: moment.year >= 1000))
def test_the_text_form_is_rfc_3339_in_utc(moment: datetime) -> None:
    text = instants.to_rfc3339(instants.from_datetime(moment))
    assert text.endswith("Z")
    assert len(text) == 27
    assert datetime.fromisoformat(text) == moment


def test_durations_are_what_they_say() -> None:
    assert instants.DAY == 24 * instants.HOUR == 24 * 60 * instants.MINUTE == 86_400_000_000
