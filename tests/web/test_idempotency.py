"""The same request sent twice counts once, and is answered the same."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
from tests.web.hub import Hub, fresh_key

WITHDRAWAL = {"reach": "group", "all": True}


def test_a_replay_is_identical_to_the_byte(hub: Hub) -> None:
    subject, key = hub.sign_in(), fresh_key()
    client = hub.client_token()
    bodies: list[tuple[str, object, dict[str, str]]] = [
        ("/v1/decisions", hub.decision(), subject),
        ("/v1/withdrawals", WITHDRAWAL, subject),
        ("/v1/devices", {}, client),
    ]
    for path, body, caller in bodies:
        first = hub.http.post(path, json=body, headers={**caller, **key})
        assert first.status_code == 201, first.text
        after_first = hub.counts()
        second = hub.http.post(path, json=body, headers={**caller, **key})
        assert second.status_code == 201
        assert second.content == first.content
        assert hub.counts() == after_first


def test_a_key_with_another_body_is_refused(hub: Hub) -> None:
    subject, key = hub.sign_in(), fresh_key()
    body = hub.decision()
    assert hub.http.post("/v1/decisions", json=body, headers={**subject, **key}).is_success
    before = hub.counts()
    for changed in ({**body, "reach": "group"}, hub.decision()):
        answer = hub.http.post("/v1/decisions", json=changed, headers={**subject, **key})
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"
        assert answer.json()["where"] == "Idempotency-Key"
    assert hub.counts() == before


def test_a_key_with_another_subject_is_refused(hub: Hub) -> None:
    one, other, key = hub.sign_in(), hub.sign_in(), fresh_key()
    assert hub.http.post("/v1/withdrawals", json=WITHDRAWAL, headers={**one, **key}).is_success
    before = hub.counts()
    answer = hub.http.post("/v1/withdrawals", json=WITHDRAWAL, headers={**other, **key})
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"
    assert hub.counts() == before


def test_a_key_is_its_client_s_and_its_route_s_own(hub: Hub) -> None:
    key = fresh_key()
    news, shop = hub.client_token(), hub.client_token("shop-web")
    first = hub.http.post("/v1/devices", json={}, headers={**news, **key})
    second = hub.http.post("/v1/devices", json={}, headers={**shop, **key})
    assert first.status_code == second.status_code == 201
    assert first.json()["credential"] != second.json()["credential"]
    answer = hub.http.post("/v1/withdrawals", json=WITHDRAWAL, headers={**hub.sign_in(), **key})
    assert answer.status_code == 201


def test_a_refused_request_leaves_its_key_free(hub: Hub) -> None:
    subject, key = hub.sign_in(), fresh_key()
    wrong = hub.decision(choices=[{"purpose": "astrology", "outcome": "granted"}])
    assert hub.http.post("/v1/decisions", json=wrong, headers={**subject, **key}).is_client_error
    right = hub.http.post("/v1/decisions", json=hub.decision(), headers={**subject, **key})
    assert right.status_code == 201


def test_of_parallel_duplicates_one_wins_and_all_hear_the_same(hub: Hub) -> None:
    subject, key = hub.sign_in(), fresh_key()
    body = hub.decision()
    before = hub.counts()["decisions"]

    def send(_: int) -> httpx2.Response:
        return httpx2.post(
            f"{hub.url}/v1/decisions", json=body, headers={**subject, **key}, timeout=120
        )

    with ThreadPoolExecutor(10) as senders:
        answers = list(senders.map(send, range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert hub.counts()["decisions"] == before + 1


def test_of_parallel_requests_with_one_key_one_wins(hub: Hub) -> None:
    subject, key = hub.sign_in(), fresh_key()
    bodies = [hub.decision() for _ in range(8)]
    before = hub.counts()["decisions"]

    def send(body: object) -> int:
        url = f"{hub.url}/v1/decisions"
        return httpx2.post(url, json=body, headers={**subject, **key}, timeout=120).status_code

    with ThreadPoolExecutor(8) as senders:
        statuses = sorted(senders.map(send, bodies))
    assert statuses == [201, *[422] * 7]
    assert hub.counts()["decisions"] == before + 1
