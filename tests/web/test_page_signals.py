"""Global Privacy Control on a page's questions: a refusal, recorded once."""

from typing import Any

from tests.web.hub import NEWS_ORIGIN, Hub

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
