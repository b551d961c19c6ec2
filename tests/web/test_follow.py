"""``GET /v1/state`` that waits: told of a change at once, of nothing else, and never for ever."""

import os
import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import RSAKey
from tests.conftest import run_apart
from tests.web.hub import (
    DEVICE_CREDENTIAL,
    ID_TOKEN,
    NEWS_ORIGIN,
    Hub,
    Person,
    bearer,
    fresh_key,
    running_hub,
)

from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres
from consentid.flows.change_watch import MOST_OF_A_SUBJECT
from consentid.web.waiting import MOST_S, wanted_wait_s

NEWEST_TOKEN = "SELECT token_hash FROM access_tokens ORDER BY issued_at DESC LIMIT 1"


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
    answer = hub.http.post(
        "/v1/withdrawals", json={"reach": "group", "all": True}, headers={**news, **fresh_key()}
    )
    assert answer.is_success
    found = told.result()
    assert found.status_code == 200
    ads = next(each for each in found.json()["purposes"] if each["purpose"] == "ads")
    assert (ads["state"], ads["permitted"]) == ("withdrawn", False)
    assert found.headers["preference-applied"] == "wait=20"


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
    assert wait(hub, subject, etag).status_code == 200


def test_nobody_has_more_than_a_few_places_to_wait(hub: Hub, elsewhere: ThreadPoolExecutor) -> None:
    subject = hub.sign_in()
    etag = state(hub, subject).headers["etag"]
    asked = [
        elsewhere.submit(wait, hub, subject, etag, wait_s=20) for _ in range(MOST_OF_A_SUBJECT + 1)
    ]
    assert next(as_completed(asked)).result().status_code == 304
    hub.decide(subject)
    assert sorted(each.result().status_code for each in asked) == [200] * MOST_OF_A_SUBJECT + [304]


def test_a_place_is_free_again_when_its_listener_has_left(hub: Hub) -> None:
    subject = hub.sign_in()
    etag = state(hub, subject).headers["etag"]
    asked = {**subject, "If-None-Match": etag, "Prefer": "wait=25"}
    for _ in range(MOST_OF_A_SUBJECT):
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(f"{hub.url}/v1/state", headers=asked, timeout=httpx2.Timeout(120, read=0.3))
    waited_s = 0.0
    give_up_at = time.monotonic() + 120
    while waited_s < 1:  # the hub hears of it when it comes to it
        assert time.monotonic() < give_up_at
        begun = time.monotonic()
        assert wait(hub, subject, etag, wait_s=2).status_code == 304
        waited_s = time.monotonic() - begun


def test_who_does_not_wait_is_not_said_to_have_waited(hub: Hub) -> None:
    subject = hub.sign_in()
    etag = state(hub, subject).headers["etag"]
    for headers in ({"Prefer": "wait=5"}, {"If_None_Match": etag}, {"If_None_Match": '"x"'}):
        assert "preference-applied" not in state(hub, subject, **headers).headers
    answer = wait(hub, subject, etag, wait_s=1)
    assert (answer.status_code, answer.headers["preference-applied"]) == (304, "wait=1")


def test_an_objection_on_the_device_beneath_is_told_to_the_account(
    hub: Hub, elsewhere: ThreadPoolExecutor
) -> None:
    device = hub.device()
    told = hub.exchange(
        hub.id_token(Person()), actor_token=device, actor_token_type=DEVICE_CREDENTIAL
    )
    waits = waiting(hub, bearer(told.json()["access_token"]), elsewhere)
    alone = bearer(hub.exchange(device, DEVICE_CREDENTIAL).json()["access_token"])
    answer = hub.http.post(
        "/v1/withdrawals",
        json={"reach": "group", "purposes": ["audience"]},
        headers={**alone, **fresh_key()},
    )
    assert answer.is_success
    states = {each["purpose"]: each["state"] for each in waits.result().json()["purposes"]}
    assert states["audience"] == "objected"


def test_a_token_that_ended_meanwhile_is_told_nothing(
    hub: Hub, elsewhere: ThreadPoolExecutor
) -> None:
    person = Person()
    subject = hub.sign_in(person)
    ((token_hash,),) = hub.rows(NEWEST_TOKEN)
    told = waiting(hub, subject, elsewhere)
    hub.rows(f"DELETE FROM access_tokens WHERE token_hash = '\\x{bytes(token_hash).hex()}'")
    hub.decide(hub.sign_in(person))
    assert told.result().status_code == 401


def test_waiting_holds_no_connection_to_the_database(hub: Hub) -> None:
    """More people wait than there are connections, and everybody else is served."""
    subjects = [hub.sign_in() for _ in range(20)]
    etags = [state(hub, subject).headers["etag"] for subject in subjects]
    with ThreadPoolExecutor(len(subjects)) as pool:
        begun = time.monotonic()
        asked = [
            pool.submit(wait, hub, subject, etag, wait_s=2)
            for subject, etag in zip(subjects, etags, strict=True)
        ]
        while not all(each.done() for each in asked):
            assert hub.http.get("/health/ready").status_code == 200
        assert time.monotonic() - begun > 1
    assert {each.result().status_code for each in asked} == {304}


@pytest.fixture
def ending_hub(
    postgres: EmbeddedPostgres,
    template_database: str,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path: Path,
) -> Iterator[Hub]:
    """A hub of this test's own."""
    name = f"ending_{secrets.token_hex(4)}"
    urls: DatabaseUrls = run_apart(postgres.create_database(name, template=template_database))
    with running_hub(tmp_path, urls, portal, valkey_url=valkey_url) as running:
        yield running


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_is_answered_when_the_hub_is_told_to_stop(
    ending_hub: Hub, stop: signal.Signals
) -> None:
    subject = ending_hub.sign_in()
    etag = state(ending_hub, subject).headers["etag"]
    asking = HTTPConnection("127.0.0.1", ending_hub.http.base_url.port, timeout=120)
    asked = {**subject, "If-None-Match": etag, "Prefer": f"wait={MOST_S}"}
    asking.request("GET", "/v1/state", headers=asked)
    begun = time.monotonic()
    for _ in range(3):  # by then the hub has come to it
        state(ending_hub, subject)
    os.kill(ending_hub.pid, stop)
    assert asking.getresponse().status == 304
    assert time.monotonic() - begun < MOST_S - 1
    asking.close()


def test_a_page_may_ask_to_wait(hub: Hub) -> None:
    asked = {
        "Origin": NEWS_ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,if-none-match,prefer",
    }
    answer = httpx2.options(f"{hub.url}/v1/state", headers=asked)
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "if-none-match", "prefer"))
    exposed = answer_to_a_page(hub).headers["access-control-expose-headers"].lower()
    assert all(name in exposed for name in ("etag", "preference-applied"))


def answer_to_a_page(hub: Hub) -> httpx2.Response:
    return state(hub, hub.sign_in(), Origin=NEWS_ORIGIN)


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
