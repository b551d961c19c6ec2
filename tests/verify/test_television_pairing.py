"""``consentid-tv-pair.js`` in real Chromium, whose clock the test winds: when it asks, for what.

The hub's answers are spelled out here, those among them that a hub gives on bad days only; against
the hub itself it is held in ``tests/demo/test_television.py``.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

SCRIPT = (files("consentid.sdk") / "consentid-tv-pair.js").read_text()
HOME = "http://127.0.0.1:9/"
CODES, TOKEN = "/device_authorization", "/token"
Answer = tuple[int, dict[str, Any], dict[str, str]]
PENDING: Answer = (400, {"error": "authorization_pending"}, {})
SLOW_DOWN: Answer = (400, {"error": "slow_down"}, {})
EXPIRED: Answer = (400, {"error": "expired_token"}, {})
TOKENS: Answer = (200, {"access_token": "access", "refresh_token": "refresh"}, {})
LOST: Answer = (0, {}, {})


@dataclass
class Television:
    """The page, its hub, and how many seconds have passed on its own clock."""

    page: Page
    polled: list[Answer] = field(default_factory=list)
    """What the next polls are answered; the last is said again and again."""
    codes: list[Answer] = field(default_factory=list)
    """What the next requests for a code are answered; afterwards with codes."""
    asked: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    second: int = 0

    def answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(HOME[:-1])
        form = dict(parse_qsl(route.request.post_data or ""))
        self.asked.append((self.second, path, form))
        if path == CODES:
            number = len(self.at(CODES))
            code = {"device_code": f"d{number}", "user_code": f"CODE-{number}"}
            told: Answer = (200, {**code, "expires_in": 600, "interval": 5}, {})
            told = self.codes.pop(0) if self.codes else told
        else:
            told = self.polled.pop(0) if len(self.polled) > 1 else self.polled[0]
        status, body, headers = told
        if status == 0:
            route.abort("connectionreset")
        else:
            route.fulfill(status=status, body=json.dumps(body), headers=headers)

    def start(self, **options: object) -> None:
        given = {"hub": HOME[:-1], "client": "tv", **options}
        self.page.evaluate("(options) => window.begin(options)", given)
        self.settle()

    def pass_s(self, seconds: int) -> None:
        for _ in range(seconds):
            self.second += 1
            self.page.clock.run_for(1_000)
            self.settle()

    def settle(self) -> None:
        """Until what is being asked is answered."""
        self.page.wait_for_function("() => window.pair.request === null")

    def at(self, path: str) -> list[int]:
        """When an address was asked."""
        return [second for second, asked, _ in self.asked if asked == path]

    @property
    def told(self) -> list[str]:
        return self.page.evaluate("window.told")


@pytest.fixture(scope="module")
def page(blank_page: Callable[[], Page]) -> Iterator[Page]:
    page = blank_page()
    page.route(HOME, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.clock.install(time="1999-12-31T00:00:00Z")
    page.clock.pause_at("1999-12-31T01:00:00Z")  # it goes by the test alone
    yield page
    page.close()


@pytest.fixture
def tv(page: Page) -> Iterator[Television]:
    made = Television(page=page)
    page.goto(HOME)
    page.add_script_tag(content=SCRIPT)
    page.evaluate(
        """() => {
            window.told = [];
            window.begin = (options) => {
                options.onstate = (state, told) => {
                    window.told.push(told && told.user_code ? state + " " + told.user_code : state);
                };
                window.pair = new ConsentidTvPair(options);
                window.pair.start();
            };
        }"""
    )
    for path in (CODES, TOKEN):
        page.route(f"{HOME[:-1]}{path}", made.answer)
    yield made
    page.evaluate("window.pair.stop()")
    for path in (CODES, TOKEN):
        page.unroute(f"{HOME[:-1]}{path}")


def test_it_asks_every_five_seconds_and_slower_once_it_is_told_to(tv: Television) -> None:
    tv.polled = [PENDING, SLOW_DOWN, PENDING, SLOW_DOWN, PENDING, TOKENS]
    tv.start()
    tv.pass_s(70)
    assert tv.at(TOKEN) == [5, 10, 20, 30, 45, 60]  # and no more after the tokens
    assert tv.told == ["starting", "code CODE-1", "approved"]


def test_it_waits_for_as_long_as_it_is_told_and_the_code_stays(tv: Television) -> None:
    tv.polled = [(429, {}, {"Retry-After": "30"}), LOST, LOST, PENDING, TOKENS]
    tv.start()
    tv.pass_s(80)
    assert tv.at(TOKEN) == [5, 35, 45, 65, 70]
    assert tv.at(CODES) == [0]
    assert tv.told == ["starting", "code CODE-1", "away CODE-1", "code CODE-1", "approved"]


def test_without_a_network_it_tries_ever_less_often_and_shows_a_code_in_the_end(
    tv: Television,
) -> None:
    tv.polled = [PENDING]
    tv.codes = [LOST, LOST, (503, {}, {"Retry-After": "20"}), (200, {}, {})]
    tv.start()
    tv.pass_s(80)
    assert tv.at(CODES) == [0, 5, 15, 35, 75]
    assert tv.told == ["starting", "away", "code CODE-5"]


def test_a_code_that_has_expired_gives_way_to_another_for_an_hour_and_no_longer(
    tv: Television,
) -> None:
    tv.polled = [EXPIRED, (400, {"error": "invalid_grant"}, {}), PENDING, EXPIRED]
    tv.start(mostCodes=4)
    tv.pass_s(60)
    assert tv.at(CODES) == [0, 5, 10, 20]
    assert tv.told[-2:] == ["code CODE-4", "expired"]
    assert len(tv.at(TOKEN)) == 5

    tv.page.evaluate("window.pair.start()")
    tv.settle()
    assert tv.told[-1] == "code CODE-5"


def test_a_no_is_told_once_and_ends_it(tv: Television) -> None:
    tv.polled = [(400, {"error": "access_denied"}, {})]
    tv.start()
    tv.pass_s(15)
    assert tv.told == ["starting", "code CODE-1", "denied"]
    assert tv.at(TOKEN) == [5]


def test_a_screen_that_is_left_hears_of_its_code_and_shows_no_other(tv: Television) -> None:
    tv.polled = [PENDING, TOKENS]
    tv.start()
    tv.page.evaluate("window.pair.linger()")
    tv.pass_s(10)
    assert tv.told[-1] == "approved"

    tv.polled = [EXPIRED]
    tv.page.evaluate("window.pair.start(), window.pair.stop(), window.pair.start()")
    tv.settle()
    tv.page.evaluate("window.pair.linger()")
    tv.pass_s(10)
    assert tv.told[-1] == "expired"
    assert "code CODE-4" not in tv.told


def test_a_name_that_the_hub_does_not_take_costs_the_name_alone(tv: Television) -> None:
    tv.codes = [(400, {"error": "invalid_request"}, {})]
    tv.start(deviceName="TV” of your bank")
    assert [form.get("device_name") for _, _, form in tv.asked] == ["TV” of your bank", None]
    assert tv.told == ["starting", "code CODE-2"]


def test_a_clock_that_is_set_while_it_waits_changes_nothing(tv: Television) -> None:
    tv.polled = [PENDING]
    tv.page.evaluate("window.performance = undefined")  # only a clock that people set
    tv.start()
    tv.pass_s(6)
    for day in ("2031-01-01T00:00:00Z", "1970-01-02T00:00:00Z"):
        tv.page.clock.set_system_time(day)
        tv.pass_s(6)
    assert tv.at(CODES) == [0]
    assert len(tv.at(TOKEN)) == 3
