import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.worlds import ADS, GRANTED, NEWS, REACH, REFUSED, SUBJECT, act, at

from consentid.core.decision import (
    Assurance,
    Channel,
    Decision,
    DecisionId,
    ServedId,
    Showing,
    SignalSource,
    SubjectId,
)
from consentid.core.record import from_record, to_record
from consentid.kit import canonical


def _decision(  # noqa: PLR0917 the order of what is drawn
    decision: Decision,
    assurance: Assurance,
    channel: Channel,
    marks: tuple[bool, bool],
    prompted_by: str | None,
    ids: tuple[UUID | None, UUID | None],
    showing: Showing | None,
) -> Decision:
    served, adopted_from = ids
    return replace(
        decision,
        assurance=assurance,
        channel=channel,
        told_of_signal=marks[0],
        clock_unproven=marks[1],
        prompted_by=prompted_by,
        served=None if served is None else ServedId(served),
        adopted_from=None if adopted_from is None else DecisionId(adopted_from),
        showing=None if decision.notice is None else showing,
    )


acts = st.builds(
    act,
    st.integers(1, 2**64),
    st.sampled_from([GRANTED, REFUSED]),
    early=st.integers(0, 2**32).map(at),
    late=st.just(at(2**33)),
    reach=st.sampled_from([None, NEWS, REACH]),
    signal=st.none() | st.sampled_from(SignalSource),
)
showings = st.builds(
    Showing,
    at=st.integers(0, 2**33).map(at),
    layout=st.none() | st.binary(min_size=32, max_size=32),
)
decisions = st.builds(
    _decision,
    acts,
    st.sampled_from(Assurance),
    st.sampled_from(Channel),
    st.tuples(st.booleans(), st.booleans()),
    st.none() | st.text(max_size=8).filter(str.isprintable),
    st.tuples(st.none() | st.uuids(), st.none() | st.uuids()),
    st.none() | showings,
)


@given(decisions)
def test_a_record_read_back_is_the_decision(decision: Decision) -> None:
    stored = canonical.encode(to_record(decision))
    assert from_record(json.loads(stored), subject=SUBJECT) == decision
    assert canonical.encode(to_record(from_record(json.loads(stored), subject=SUBJECT))) == stored


@given(decisions)
def test_a_record_says_nothing_of_its_subject(decision: Decision) -> None:
    other = replace(decision, subject=SubjectId(UUID(int=2**100)))
    assert canonical.encode(to_record(decision)) == canonical.encode(to_record(other))


SHIPPED = {
    1: "3e9870791eabc3b71d40f38326d10d2a89ef83ac0dd25df9cce8f177ba8c2c2b",
    2: "bfdecf86865d8d7a6e3e5ad6514416f534d8163dbe6545060e15d12ad5520dd0",
}


@pytest.mark.parametrize("form", SHIPPED)
def test_a_shipped_encoding_never_changes(form: int) -> None:
    decision = replace(
        act(7, GRANTED, early=at(1), names=frozenset()),
        id=DecisionId(UUID(int=7)),
        prompted_by="article",
        showing=None if form == 1 else Showing(at=at(1), layout=bytes(32)),
    )
    assert canonical.digest(to_record(decision)).hex() == SHIPPED[form]


def test_a_record_of_a_later_version_is_not_guessed_at() -> None:
    record = to_record(act(1, REFUSED, ADS, early=at(1)))
    with pytest.raises(ValueError, match="later release"):
        from_record({**record, "v": 3}, subject=SUBJECT)
    del record["reach"]
    with pytest.raises(KeyError):
        from_record(record, subject=SUBJECT)
