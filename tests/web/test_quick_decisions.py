"""A decision in its plainest form is taken before the framework, and nobody can tell."""

import httpx2
import pytest
from tests.web.hub import Hub, fresh_key

ODD = {"Sec-GPC": "0"}
"""No signal: but a request that carries one is not in its plainest form."""


def told(answer: httpx2.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    shown = [(name, text) for name, text in answer.headers.items() if name != "date"]
    return answer.status_code, answer.content, sorted(shown)


def test_on_both_ways_the_answer_is_the_same_to_the_byte(hub: Hub) -> None:
    subject, key, body = hub.sign_in(), fresh_key(), hub.decision()
    plain = hub.http.post("/v1/decisions", json=body, headers={**subject, **key})
    assert plain.status_code == 201, plain.text
    before = hub.counts()
    odd = hub.http.post("/v1/decisions", json=body, headers={**subject, **key, **ODD})
    assert told(odd) == told(plain)
    assert hub.counts() == before


@pytest.mark.parametrize(
    ("status", "changed", "headers"),
    [
        (422, {"served": "none"}, {}),
        (422, {"choices": [{"purpose": "ads", "outcome": "maybe"}]}, {}),
        (422, {"more": 1}, {}),
        (401, {}, {"Authorization": "Bearer unknown"}),
        (400, {}, {"Idempotency-Key": "a key"}),
    ],
)
def test_on_both_ways_the_refusal_is_the_same(
    hub: Hub, status: int, changed: dict[str, object], headers: dict[str, str]
) -> None:
    sent = {**hub.sign_in(), **fresh_key(), **headers}
    body = hub.decision() | changed
    before = hub.counts()
    plain = hub.http.post("/v1/decisions", json=body, headers=sent)
    assert plain.status_code == status, plain.text
    assert told(hub.http.post("/v1/decisions", json=body, headers={**sent, **ODD})) == told(plain)
    assert hub.counts() == before


def test_a_client_of_its_own_may_not_decide(hub: Hub) -> None:
    answers = [
        hub.http.post(
            "/v1/decisions",
            json=hub.decision(),
            headers={**hub.client_token(), **fresh_key(), **odd},
        )
        for odd in ({}, ODD)
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert told(answers[0]) == told(answers[1])
