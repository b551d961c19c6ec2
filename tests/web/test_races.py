"""Twenty at once, over HTTP: one wins, nobody spoils it, and who comes later is found out.

A row's lock holds all back until all are there, so that they are at once for certain: as many as
the hub has connections wait for the lock, the others for a connection.
"""

import asyncio
import itertools
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx2
import pytest
from sqlalchemy import text
from tests.web.hub import Hub, bearer, forget
from tests.web.test_forty_cases import obtain_code

AT_ONCE = 20
CONNECTIONS = 10
_PATIENCE_S = 120
_HELD_S = 4
"""Less than the hub waits for a row; a machine that needs longer has fewer at once, or later."""
_HOLD = (
    "SELECT 1 FROM projections WHERE subject_id = (SELECT subject_id FROM authorization_codes"
    " ORDER BY issued_at DESC LIMIT 1) FOR UPDATE"
)
_WAITING = (
    "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND datname = current_database()"
)


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    """So that many refusals of one address do not end in 429."""
    forget(valkey_url, "limit:*")


@pytest.fixture
def browser(hub: Hub) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=hub.url, timeout=120, headers={"Accept": "text/html"}) as http:
        yield http


def send_at_once(hub: Hub, form: Mapping[str, str]) -> list[httpx2.Response]:
    """Twenty token requests of one form, none of which ends before all have come in."""
    held, sent = threading.Event(), itertools.count(1)
    all_sent = threading.Event()
    together = threading.Barrier(AT_ONCE)

    async def hold() -> None:
        async with hub.owner.begin() as holding:
            await holding.execute(text(_HOLD))
            held.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_HELD_S):
                    await all_waiting()

    async def all_waiting() -> None:
        await asyncio.to_thread(all_sent.wait, _HELD_S)
        waiting = 0
        while waiting < CONNECTIONS:
            async with hub.owner.connect() as looking:
                waiting = await looking.scalar(text(_WAITING)) or 0
        for _ in range(5):  # what was sent before these are answered, was read before
            await asyncio.to_thread(hub.http.get, "/health/live")

    def count(_: httpx2.Request) -> None:
        if next(sent) == AT_ONCE:
            all_sent.set()

    def send(http: httpx2.Client) -> httpx2.Response:
        together.wait(_PATIENCE_S)
        return http.post("/token", data=dict(form), auth=httpx2.BasicAuth(*hub.basic("news-web")))

    with ExitStack() as closing, ThreadPoolExecutor(AT_ONCE) as threads:
        clients = [
            closing.enter_context(httpx2.Client(base_url=hub.url, timeout=120))
            for _ in range(AT_ONCE)
        ]
        for http in clients:
            http.get("/health/live")  # so that its connection is there
            http.event_hooks = {"request": [count]}
        holding = hub.asking.start_task_soon(hold)
        assert held.wait(_PATIENCE_S)
        answers = list(threads.map(send, clients))
        holding.result()
    return answers


def winner_of(answers: list[httpx2.Response]) -> dict[str, str]:
    """What the one got that was answered; the others were refused."""
    won = [answer for answer in answers if answer.status_code == 200]
    lost = [answer for answer in answers if answer.status_code != 200]
    assert len(won) == 1, [answer.text for answer in answers]
    assert {answer.status_code for answer in lost} == {400}
    assert {answer.json()["error"] for answer in lost} == {"invalid_grant"}
    return won[0].json()


def is_active(hub: Hub, tokens: Mapping[str, str]) -> bool:
    answer = hub.http.get("/userinfo", headers=bearer(tokens["access_token"]))
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


def test_of_twenty_redemptions_one_wins_and_its_tokens_work(
    hub: Hub, browser: httpx2.Client
) -> None:
    form = obtain_code(browser, hub, scope="openid offline_access").form()

    won = winner_of(send_at_once(hub, form))

    assert is_active(hub, won)
    refresh = {"grant_type": "refresh_token", "refresh_token": won["refresh_token"]}
    newer = hub.token(refresh).json()
    assert is_active(hub, newer)

    assert hub.token(form).json()["error"] == "invalid_grant"

    assert not is_active(hub, won)
    assert not is_active(hub, newer)


def test_of_twenty_refreshes_one_wins_and_its_family_goes_on(
    hub: Hub, browser: httpx2.Client
) -> None:
    first = hub.token(obtain_code(browser, hub, scope="openid offline_access").form()).json()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    won = winner_of(send_at_once(hub, form))

    assert is_active(hub, won)
    newer = hub.token({**form, "refresh_token": won["refresh_token"]})
    assert newer.status_code == 200

    assert hub.token(form).json()["error"] == "invalid_grant"

    assert not is_active(hub, newer.json())
    assert hub.token({**form, "refresh_token": newer.json()["refresh_token"]}).status_code == 400
