"""Global Privacy Control on a page's questions: a refusal, recorded once."""

import secrets
from typing import Any

import pytest
from tests.web.hub import DEVICE_CREDENTIAL, NEWS_ORIGIN, Hub, bearer, fresh_key

SIGNAL = {"Origin": NEWS_ORIGIN, "Sec-GPC": "1"}


def state(hub: Hub, headers: dict[str, str], purpose: str = "ads.personalised") -> dict[str, Any]:
    answer = hub.http.get("/v1/state", headers=headers)
    assert answer.status_code == 200, answer.text
    return next(each for each in answer.json()["purposes"] if each["purpose"] == purpose)


def test_a_question_with_the_signal_records_the_refusal_once(hub: Hub) -> None:
    subject = hub.sign_in()
    hub.decide(subject)
    assert state(hub, subject)["permitted"]
    before = hub.counts()["decisions"]
    for _ in range(2):
        found = state(hub, {**subject, **SIGNAL})
        assert (found["permitted"], found["refused_by"]) == (False, ["gpc"])
    assert hub.counts()["decisions"] == before + 1
    assert not state(hub, subject)["permitted"]
    assert state(hub, subject, "content")["state"] == "unasked"


def test_a_back_end_s_own_header_is_nobody_s_signal(hub: Hub) -> None:
    subject = hub.sign_in()
    hub.decide(subject)
    assert state(hub, {**subject, "Sec-GPC": "1"})["permitted"]


def test_a_question_without_the_signal_does_not_see_it_off(hub: Hub) -> None:
    subject = hub.sign_in()
    hub.decide(subject)
    state(hub, {**subject, **SIGNAL})
    before = hub.counts()["decisions"]
    state(hub, {**subject, "Origin": NEWS_ORIGIN})
    state(hub, {**subject, **SIGNAL})
    assert hub.counts()["decisions"] == before


def test_a_device_s_page_signals_too(hub: Hub) -> None:
    answer = hub.exchange(hub.device(), DEVICE_CREDENTIAL)
    subject = bearer(answer.json()["access_token"])
    assert state(hub, {**subject, **SIGNAL})["refused_by"] == ["gpc"]
    assert state(hub, subject, "ads.partners.retail")["refused_by"] == ["gpc"]


def test_a_yes_after_being_told_is_kept_though_the_signal_goes_on(hub: Hub) -> None:
    subject = hub.sign_in()
    state(hub, {**subject, **SIGNAL})
    hub.decide(
        subject,
        choices=[{"purpose": "ads.personalised", "outcome": "granted"}],
        told_of_signal=True,
    )
    assert state(hub, {**subject, **SIGNAL})["permitted"]


def test_a_withdrawal_carries_the_signal_too_and_counts_once(hub: Hub) -> None:
    subject = hub.sign_in()
    body = {"reach": "brand", "purposes": ["content"]}
    before = hub.counts()["decisions"]
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first, again = (
        hub.http.post("/v1/withdrawals", json=body, headers={**subject, **key, **SIGNAL})
        for _ in range(2)
    )
    assert first.status_code == again.status_code == 201, first.text
    told = {each["purpose"]: each for each in again.json()["state"]}
    assert told["ads.personalised"]["refused_by"] == ["gpc"]
    hub.http.post("/v1/withdrawals", json=body, headers={**subject, **fresh_key(), **SIGNAL})
    assert hub.counts()["decisions"] == before + 3  # the signal, and two withdrawals


@pytest.mark.parametrize("said", ["0", "true", "1, 1", ""])
def test_what_is_no_signal_records_nothing(hub: Hub, said: str) -> None:
    subject = hub.sign_in()
    before = hub.counts()["decisions"]
    found = state(hub, {**subject, "Origin": NEWS_ORIGIN, "Sec-GPC": said})
    assert found["state"] == "unasked"
    assert hub.counts()["decisions"] == before
