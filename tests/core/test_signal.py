"""What a browser's signal decides, and how often it is recorded."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from tests.core.worlds import ADS, ADS_X, NEWS, STATISTICS, SUBJECT, at, catalogue

from consentid.core.decision import (
    Assurance,
    Channel,
    Decision,
    DecisionId,
    Outcome,
    SignalSource,
)
from consentid.core.projection import project
from consentid.core.purpose import PurposeId
from consentid.core.resolution import resolve
from consentid.core.signal import Seen, observe, signal_decision


def signalled(*mapped: PurposeId) -> Decision | None:
    return signal_decision(
        id_=DecisionId(UUID(int=1)),
        subject=SUBJECT,
        source=SignalSource.GPC,
        mapped=mapped,
        catalogue=catalogue(),
        channel=Channel.WEB,
        actor="news-site",
        recorded_at=at(5),
    )


def test_a_signal_is_a_refusal_for_the_group_with_its_source() -> None:
    decision = signalled(ADS, STATISTICS)
    assert decision is not None
    assert decision.reach is None
    assert decision.signal is SignalSource.GPC
    assert decision.assurance is Assurance.SIGNAL
    assert decision.notice is None
    assert decision.interval.early == decision.interval.late == at(5)
    assert [(c.purpose, c.outcome) for c in decision.choices] == [
        (ADS, Outcome.REFUSED),
        (STATISTICS, Outcome.REFUSED),
    ]
    found = resolve(project([decision]), catalogue(), NEWS, ADS_X, at(6), adult=False)
    assert found.state == "refused"


def test_what_a_mapped_ancestor_refuses_goes_without_saying() -> None:
    decision = signalled(ADS_X, ADS)
    assert decision is not None
    assert [choice.purpose for choice in decision.choices] == [ADS]


def test_a_signal_that_maps_to_nothing_decides_nothing() -> None:
    assert signalled() is None


@given(st.lists(st.booleans()))
def test_a_signal_is_recorded_once_until_it_was_seen_off(seen: list[bool]) -> None:
    state = Seen.OFF
    records: list[bool] = []
    for is_on in seen:
        state, record = observe(state, is_on=is_on)
        records.append(record)
    before = [False, *seen]
    assert records == [on and not was for was, on in zip(before, seen, strict=False)]
