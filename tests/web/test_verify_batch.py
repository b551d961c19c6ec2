"""``/v1/verify/batch`` and the two ways of answering: from memory, and through the framework."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.web.hub import Hub
from tests.web.test_verify import bad_tokens

BATCH = "/v1/verify/batch"


@pytest.fixture(scope="module")
def consent_token(hub: Hub) -> str:
    return hub.decide(hub.sign_in())["consent_token"]


def ask(hub: Hub, asked: object, client: str = "news-web", path: str = BATCH) -> httpx2.Response:
    return hub.http.post(path, json=asked, headers=hub.client_token(client))


def the_long_way(hub: Hub, asked: object, path: str = "/v1/verify") -> httpx2.Response:
    """A spelling that memory does not read: every letter escaped."""
    text = json.dumps(asked)
    spelt = text.replace('"token"', '"\\u0074oken"')
    return hub.http.post(
        path,
        content=spelt,
        headers={**hub.client_token(), "Content-Type": "application/json"},
    )


def asked_of(token: str) -> Iterator[dict[str, Any]]:
    yield {"token": token}
    yield {"token": token, "purposes": ["ads"]}
    yield {"token": token, "purposes": ["ads", "security"]}
    yield {"token": token, "purposes": ["ads", "nothing.of.the.kind"]}
    yield {"token": token, "audience": "https://news.halcyon.example"}
    yield {"token": "x.y.z"}
    yield {"token": "x.y.z", "purposes": ["ads"]}


def test_both_ways_give_the_same_answer(hub: Hub, consent_token: str) -> None:
    for asked in asked_of(consent_token):
        long = the_long_way(hub, asked)
        for _ in range(2):  # never met, then remembered
            short = ask(hub, asked, path="/v1/verify")
            assert (short.status_code, short.content) == (long.status_code, long.content)
            names = {name.lower() for name in short.headers} - {"date", "content-length"}
            assert names == {name.lower() for name in long.headers} - {"date", "content-length"}
            for name in names:
                assert short.headers[name] == long.headers[name]


def test_a_batch_is_answered_in_order(hub: Hub, consent_token: str) -> None:
    every = [consent_token, *bad_tokens(consent_token).values(), consent_token]
    asked = [{"token": token} for token in every]
    for answer in (ask(hub, asked), the_long_way(hub, asked, BATCH)):
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        told = answer.json()
        assert [each["active"] for each in told] == [True, *[False] * (len(every) - 2), True]
        assert all(each == {"active": False} for each in told[1:-1])
    assert ask(hub, []).json() == []
    mixed = list(asked_of(consent_token))
    assert ask(hub, mixed).json() == [ask(hub, one, path="/v1/verify").json() for one in mixed]


def test_five_hundred_are_answered_and_no_more(hub: Hub, consent_token: str) -> None:
    told = ask(hub, [{"token": consent_token, "purposes": ["ads"]}] * 500).json()
    assert len(told) == 500
    assert all(each["decision"] == "allow" for each in told)
    too_many = ask(hub, [{"token": consent_token}] * 501)
    assert too_many.status_code == 422
    too_large = ask(hub, [{"token": "x" * 60_000}] * 20)
    assert too_large.status_code == 413


@pytest.mark.parametrize(
    ("asked", "status", "where"),
    [
        ({"token": "x"}, 422, "body"),
        ([{"token": "x"}, {}], 422, "[1].token"),
        ([{"token": "x", "more": 1}], 422, "[0].more"),
        (["x"], 422, "[0]"),
        ([{"token": "x"}, {"token": "x", "audience": "https://market.halcyon.example"}], 403, None),
    ],
)
def test_a_batch_that_is_wrong_is_refused_by_its_place(
    hub: Hub, asked: object, status: int, where: str | None
) -> None:
    answer = ask(hub, asked)
    assert answer.status_code == status, answer.text
    assert answer.json()["where"] == (where or "[1].audience")


def test_a_member_that_is_there_twice_is_refused_as_ever(hub: Hub, consent_token: str) -> None:
    for path, body in (
        ("/v1/verify", '{{"token":"x","token":"{0}"}}'),
        ("/v1/verify", '{{"token":"{0}","purposes":["ads"],"purposes":["content"]}}'),
        (BATCH, '[{{"token":"x","token":"{0}"}}]'),
    ):
        answer = hub.http.post(
            path,
            content=body.format(consent_token),
            headers={**hub.client_token(), "Content-Type": "application/json"},
        )
        assert answer.status_code == 400
        assert answer.json()["code"] == "malformed_body"


def test_who_may_not_ask_is_refused_whether_remembered_or_not(hub: Hub, consent_token: str) -> None:
    assert ask(hub, [{"token": consent_token}]).status_code == 200
    asked = [{"token": consent_token}]
    for path, body in ((BATCH, asked), ("/v1/verify", asked[0])):
        assert hub.http.post(path, json=body).status_code == 401
        headers = {"Authorization": "Bearer nobody"}
        assert hub.http.post(path, json=body, headers=headers).status_code == 401
        subject = hub.sign_in()  # has no scope to verify
        refused = hub.http.post(path, json=body, headers=subject)
        assert refused.status_code in {200, 403}


def test_a_withdrawal_is_seen_by_the_next_call_and_the_next_batch(hub: Hub) -> None:
    for number in range(5):
        subject = hub.sign_in()
        token = hub.decide(subject)["consent_token"]
        assert ask(hub, {"token": token}, path="/v1/verify").json()["active"] is True
        assert ask(hub, [{"token": token}]).json()[0]["active"] is True
        withdrawn = hub.http.post(
            "/v1/withdrawals",
            json={"reach": "group", "all": True},
            headers={**subject, "Idempotency-Key": f"batch-{number}"},
        )
        assert withdrawn.status_code == 201
        assert ask(hub, {"token": token}, path="/v1/verify").content == b'{"active":false}'
        assert ask(hub, [{"token": token}]).content == b'[{"active":false}]'


def test_a_large_body_costs_little_before_anybody_is_known(hub: Hub) -> None:
    begun = time.perf_counter()
    answer = hub.http.post(
        BATCH, content=b"[" * 1_000_000, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert time.perf_counter() - begun < 20
