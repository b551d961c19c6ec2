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
    SignalSource,
)
from consentid.core.record import from_record, to_record
from consentid.kit import canonical

decisions = st.builds(
    lambda id_, outcome, reach, signal, early, span, **other: replace(
        act(
            id_,
            outcome,
            early=at(early),
            late=at(early + span),
            reach=reach,
            signal=signal,
        ),
        **other,
    ),
    id_=st.integers(1, 2**64),
    outcome=st.sampled_from([GRANTED, REFUSED]),
    reach=st.sampled_from([None, NEWS, REACH]),
    signal=st.none() | st.sampled_from(SignalSource),
    early=st.integers(0, 2**32),
    span=st.integers(0, 1_000),
    assurance=st.sampled_from(Assurance),
    channel=st.sampled_from(Channel),
    told_of_signal=st.booleans(),
    clock_unproven=st.booleans(),
    prompted_by=st.none() | st.text(max_size=8).filter(lambda s: s.isprintable()),
    served=st.none() | st.uuids().map(ServedId),
    adopted_from=st.none() | st.uuids().map(DecisionId),
)


@given(decisions)
def test_a_record_read_back_is_the_decision(decision: Decision) -> None:
    stored = canonical.encode(to_record(decision))
    assert from_record(json.loads(stored), subject=SUBJECT) == decision
    assert canonical.encode(to_record(from_record(json.loads(stored), subject=SUBJECT))) == stored


@given(decisions)
def test_a_record_says_nothing_of_its_subject(decision: Decision) -> None:
    other = replace(decision, subject=SUBJECT.__class__(int=2**100))
    assert canonical.encode(to_record(decision)) == canonical.encode(to_record(other))


def test_the_shipped_encoding_never_changes() -> None:
    decision = replace(
        act(7, GRANTED, early=at(1), names=frozenset()),
        id=DecisionId(UUID(int=7)),
        prompted_by="article",
    )
    digest = "3e9870791eabc3b71d40f38326d10d2a89ef83ac0dd25df9cce8f177ba8c2c2b"
    assert canonical.digest(to_record(decision)).hex() == digest


def test_a_record_of_a_later_version_is_not_guessed_at() -> None:
    record = to_record(act(1, REFUSED, ADS, early=at(1)))
    with pytest.raises(ValueError, match="later release"):
        from_record({**record, "v": 2}, subject=SUBJECT)
    del record["reach"]
    with pytest.raises(KeyError):
        from_record(record, subject=SUBJECT)
