"""``GET /v1/state`` that waits: told of a change at once, of nothing else, and never for ever."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2
import pytest
from tests.web.hub import ID_TOKEN, NEWS_ORIGIN, Hub, Person, bearer, fresh_key

from consentid.flows.change_watch import MOST_OF_A_SUBJECT
from consentid.web.waiting import MOST_S, wanted_wait_s

_SOON_S = 5.0


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(MOST_OF_A_SUBJECT + 1) as pool:
        yield pool


def state(hub: Hub, subject: Mapping[str, str], **headers: str) -> httpx2.Response:
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return hub.http.get("/v1/state", headers={**subject, **told})


def wait(hub: Hub, subject: Mapping[str, str], etag: str, *, wait_s: int = 20) -> httpx2.Response:
    return state(hub, subject, If_None_Match=etag, Prefer=f"wait={wait_s}")


def waiting(
    hub: Hub, subject: Mapping[str, str], elsewhere: ThreadPoolExecutor
) -> "Future[httpx2.Response]":
    return elsewhere.submit(wait, hub, subject, state(hub, subject).headers["etag"])


def at_shop(hub: Hub, person: Person) -> dict[str, str]:
    token = hub.id_token(person, audience="halcyon-market")
    answer = hub.exchange(token, ID_TOKEN, "shop-web")
    return bearer(answer.json()["access_token"])


def test_what_has_not_changed_is_not_sent_again(hub: Hub) -> None:
    subject = hub.sign_in()
    first = state(hub, subject)
    again = state(hub, subject, If_None_Match=first.headers["etag"])
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_a_withdrawal_at_one_brand_is_told_at_the_other(
    hub: Hub, elsewhere: ThreadPoolExecutor
) -> None:
    person = Person()
    news, shop = hub.sign_in(person), at_shop(hub, person)
    hub.decide(news, reach="group")
    told = waiting(hub, shop, elsewhere)
    begun = time.monotonic()
    answer = hub.http.post(
        "/v1/withdrawals", json={"reach": "group", "all": True}, headers={**news, **fresh_key()}
    )
    assert answer.is_success
    found = told.result()
    assert found.status_code == 200
    ads = next(each for each in found.json()["purposes"] if each["purpose"] == "ads")
    assert (ads["state"], ads["permitted"]) == ("withdrawn", False)
    assert found.headers["preference-applied"] == "wait=20"
    assert time.monotonic() - begun < _SOON_S


def test_what_a_brand_may_not_see_wakes_nobody_there(
    hub: Hub, elsewhere: ThreadPoolExecutor
) -> None:
    person = Person()
    news, shop = hub.sign_in(person), at_shop(hub, person)
    etag = state(hub, shop).headers["etag"]
    told = elsewhere.submit(wait, hub, shop, etag, wait_s=2)
    hub.decide(news, reach="brand")
    assert told.result().status_code == 304
    assert state(hub, shop).headers["etag"] == etag


def test_who_knows_an_older_state_is_answered_at_once(hub: Hub) -> None:
    subject = hub.sign_in()
    etag = state(hub, subject).headers["etag"]
    hub.decide(subject)
    begun = time.monotonic()
    assert wait(hub, subject, etag).status_code == 200
    assert time.monotonic() - begun < _SOON_S


def test_nobody_has_more_than_a_few_places_to_wait(hub: Hub, elsewhere: ThreadPoolExecutor) -> None:
    subject = hub.sign_in()
    etag = state(hub, subject).headers["etag"]
    begun = time.monotonic()
    asked = [
        elsewhere.submit(wait, hub, subject, etag, wait_s=20) for _ in range(MOST_OF_A_SUBJECT + 1)
    ]
    one = next(each for each in _as_they_come(asked))
    assert (one.status_code, time.monotonic() - begun < _SOON_S) == (304, True)
    hub.decide(subject)
    assert sorted(each.result().status_code for each in asked) == [200] * MOST_OF_A_SUBJECT + [304]


def test_a_place_is_free_again_when_its_listener_has_left(hub: Hub) -> None:
    subject = hub.sign_in()
    etag = state(hub, subject).headers["etag"]
    asked = {**subject, "If-None-Match": etag, "Prefer": "wait=25"}
    for _ in range(MOST_OF_A_SUBJECT):
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(f"{hub.url}/v1/state", headers=asked, timeout=0.3)
    begun = time.monotonic()
    assert wait(hub, subject, etag, wait_s=2).status_code == 304
    assert time.monotonic() - begun > 1


def test_a_page_may_ask_to_wait(hub: Hub) -> None:
    asked = {
        "Origin": NEWS_ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,if-none-match,prefer",
    }
    answer = httpx2.options(f"{hub.url}/v1/state", headers=asked)
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "if-none-match", "prefer"))


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("wait=0", 0),
        ("wait=5", 5),
        ("WAIT = 7", 7),
        ("respond-async, wait=10", 10),
        ("respond-async; wait=10", 10),
        ("wait=9999", MOST_S),
        ("wait=-1", 0),
        ("wait=1e9", 0),
        ("wait=", 0),
        ("await=5", 0),
        ("wait=99999999999999", 0),
    ],
)
def test_only_whole_seconds_are_waited_for(sent: str | None, seconds: int) -> None:
    assert wanted_wait_s(sent) == seconds


def _as_they_come(asked: "list[Future[httpx2.Response]]") -> Iterator[httpx2.Response]:
    while True:
        for each in asked:
            if each.done():
                yield each.result()
