"""``consentid-tv.js`` in real Chromium, whose clock the test winds: what it asks, and its no."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

SCRIPT = (files("consentid.sdk") / "consentid-tv.js").read_text()
HOME = "http://127.0.0.1:9/"
ENDPOINT = f"{HOME}verify"
NOW_MS = 1_790_000_000_000
HOUR_S = 3_600


@dataclass
class Endpoint:
    """What is answered, and what was asked."""

    status: int = 200
    body: str = ""
    is_silent: bool = False
    said: dict[str, str] = field(default_factory=dict)
    """The headers of the answer."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def grant(
        self, *purposes: str, exp: int = NOW_MS // 1_000 + 24 * HOUR_S, **more: object
    ) -> None:
        self.status = 200
        self.body = json.dumps({"active": True, "granted": purposes, "exp": exp, **more})

    def answer(self, route: Route) -> None:
        self.asked.append(json.loads(route.request.post_data or ""))
        self.headers.append(route.request.headers)
        if self.is_silent:
            return
        if self.status:
            route.fulfill(
                status=self.status,
                body=self.body,
                headers={"Content-Type": "application/json", **self.said},
            )
        else:
            route.abort()


@pytest.fixture
def endpoint() -> Endpoint:
    made = Endpoint()
    made.grant("tv", "tv.recommendations")
    return made


@pytest.fixture(scope="module")
def page(blank_page: Callable[[], Page]) -> Iterator[Page]:
    page = blank_page()
    page.route(HOME, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.clock.install(time=NOW_MS / 1_000)
    yield page
    page.close()


@pytest.fixture
def tv(page: Page, endpoint: Endpoint) -> Iterator[Page]:
    page.route(ENDPOINT, endpoint.answer)
    page.clock.set_system_time(NOW_MS / 1_000)
    page.goto(HOME)
    page.add_script_tag(content=SCRIPT)
    page.evaluate(
        """(endpoint) => {
            window.changes = 0;
            window.tv = new ConsentidTv({
                endpoint: endpoint, token: "a.b.c", timeoutMs: 3000,
                onchange: function () { window.changes += 1; },
            });
        }""",
        ENDPOINT,
    )
    yield page
    page.evaluate("window.tv.stop()")
    page.unroute(ENDPOINT)


def allows(page: Page, purpose: str = "tv") -> bool:
    return page.evaluate("(purpose) => window.tv.allows(purpose)", purpose)


def start(page: Page, endpoint: Endpoint) -> None:
    page.evaluate("window.tv.start()")
    settle(page, endpoint, 1)


def settle(page: Page, endpoint: Endpoint, asked: int) -> None:
    """Until so many questions were put, and the last was answered."""
    page.wait_for_function("() => window.tv.request === null")
    assert len(endpoint.asked) == asked


def pass_s(page: Page, seconds: int) -> None:
    page.clock.run_for(seconds * 1_000)


def test_until_the_first_answer_it_is_a_no(tv: Page, endpoint: Endpoint) -> None:
    assert allows(tv) is False
    start(tv, endpoint)
    assert endpoint.asked == [{"token": "a.b.c"}]
    assert allows(tv) is True
    assert allows(tv, "tv.recommendations") is True
    for other in ("ads", "t", "tv.", "", "length", "0"):
        assert allows(tv, other) is False
    assert tv.evaluate("window.changes") == 1


def test_many_questions_cost_one_request(tv: Page, endpoint: Endpoint) -> None:
    start(tv, endpoint)
    for _ in range(20):
        assert allows(tv)
        pass_s(tv, 2)
    assert len(endpoint.asked) == 1


def test_in_use_it_asks_again_within_a_minute(tv: Page, endpoint: Endpoint) -> None:
    start(tv, endpoint)
    assert allows(tv)
    endpoint.status, endpoint.body = 200, '{"active":false}'
    pass_s(tv, 46)
    settle(tv, endpoint, 2)
    assert allows(tv) is False
    assert tv.evaluate("window.changes") == 2


def test_idle_it_asks_each_hour(tv: Page, endpoint: Endpoint) -> None:
    start(tv, endpoint)
    pass_s(tv, HOUR_S - 60)
    assert len(endpoint.asked) == 1
    assert allows(tv) is False  # nobody confirmed it for an hour
    pass_s(tv, 2)
    settle(tv, endpoint, 2)
    assert allows(tv) is True


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (0, ""),
        (500, ""),
        (401, "{}"),
        (204, ""),
        (200, ""),
        (200, "not json"),
        (200, "null"),
        (200, '{"active":false}'),
        (200, '{"active":"true","granted":["tv"],"exp":1800000000}'),
        (200, '{"active":true,"granted":"tv","exp":1800000000}'),
        (200, '{"active":true,"granted":[["tv"]],"exp":1800000000}'),
        (200, '{"active":true,"granted":["tv"]}'),
        (200, '{"active":true,"granted":["tv"],"exp":"1800000000"}'),
        (200, '{"active":true,"granted":["tv"],"exp":1789999999}'),
        (200, '{"active":true,"granted":["tv"],"exp":1800000000,"decision":"deny"}'),
        (200, '{"active":true,"refused":["tv"],"exp":1800000000}'),
    ],
)
def test_whatever_is_no_clear_yes_is_a_no(
    tv: Page, endpoint: Endpoint, status: int, body: str
) -> None:
    endpoint.status, endpoint.body = status, body
    start(tv, endpoint)
    assert allows(tv) is False


def test_when_the_network_goes_the_yes_goes_within_a_minute(tv: Page, endpoint: Endpoint) -> None:
    start(tv, endpoint)
    endpoint.is_silent = True
    for _ in range(58):
        assert allows(tv) is True or tv.evaluate("window.tv.askedAt.wall") > NOW_MS + 45_000
        pass_s(tv, 1)
    pass_s(tv, 3)
    assert allows(tv) is False


def test_it_never_outlives_the_token(tv: Page, endpoint: Endpoint) -> None:
    endpoint.grant("tv", exp=NOW_MS // 1_000 + 10)
    start(tv, endpoint)
    assert allows(tv)
    pass_s(tv, 11)
    assert allows(tv) is False


def test_a_clock_that_jumps_back_makes_it_unsure(tv: Page, endpoint: Endpoint) -> None:
    start(tv, endpoint)
    assert allows(tv)
    tv.clock.set_system_time(NOW_MS / 1_000 - 7_200)
    assert allows(tv) is False


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_wrong_by_a_day_changes_no_answer(
    tv: Page, endpoint: Endpoint, days: int
) -> None:
    tv.clock.set_system_time(NOW_MS / 1_000 + days * 24 * HOUR_S)
    endpoint.said = {
        "Date": format_datetime(datetime.fromtimestamp(NOW_MS / 1_000, UTC), usegmt=True)
    }
    endpoint.grant("tv", exp=NOW_MS // 1_000 + HOUR_S)
    start(tv, endpoint)
    assert allows(tv)
    endpoint.grant("tv", exp=NOW_MS // 1_000 - 1)
    assert tv.evaluate("() => new Promise((done) => { window.tv.check(done); })") is False


def test_it_waits_for_as_long_as_it_is_told(tv: Page, endpoint: Endpoint) -> None:
    endpoint.status, endpoint.said = 429, {"Retry-After": "40"}
    start(tv, endpoint)
    for _ in range(38):
        assert allows(tv) is False
        pass_s(tv, 1)
    assert len(endpoint.asked) == 1
    endpoint.said = {}
    endpoint.grant("tv")
    pass_s(tv, 3)
    settle(tv, endpoint, 2)
    assert allows(tv)


def test_what_is_stopped_is_a_no_and_asks_no_more(tv: Page, endpoint: Endpoint) -> None:
    start(tv, endpoint)
    tv.evaluate("window.tv.stop()")
    assert allows(tv) is False
    pass_s(tv, 2 * HOUR_S)
    assert len(endpoint.asked) == 1


def test_the_token_and_the_access_token_may_change(tv: Page, endpoint: Endpoint) -> None:
    tv.evaluate(
        """(endpoint) => {
            var count = 0;
            window.tv = new ConsentidTv({
                endpoint: endpoint, purposes: ["tv"],
                token: function () { count += 1; return "token-" + count; },
                accessToken: function () { return "access-" + count; },
            });
        }""",
        ENDPOINT,
    )
    start(tv, endpoint)
    assert allows(tv)
    pass_s(tv, 50)
    settle(tv, endpoint, 2)
    assert endpoint.asked == [
        {"token": "token-1", "purposes": ["tv"], "brief": True},
        {"token": "token-2", "purposes": ["tv"], "brief": True},
    ]
    assert [each["authorization"] for each in endpoint.headers] == [
        "Bearer access-1",
        "Bearer access-2",
    ]


def test_of_several_purposes_each_has_its_own_answer(tv: Page, endpoint: Endpoint) -> None:
    tv.evaluate(
        """(endpoint) => {
            window.tv = new ConsentidTv({
                endpoint: endpoint, token: "a.b.c", accessToken: "access", purposes: ["tv", "ads"],
            });
        }""",
        ENDPOINT,
    )
    endpoint.grant("tv", decision="deny")  # not both
    start(tv, endpoint)
    assert allows(tv)
    assert not allows(tv, "ads")


def test_a_refused_access_token_is_renewed_once_and_then_it_is_a_no(
    tv: Page, endpoint: Endpoint
) -> None:
    tv.evaluate(
        """(endpoint) => {
            window.renewed = 0;
            window.tv = new ConsentidTv({
                endpoint: endpoint, token: "a.b.c", accessToken: "access",
                renew: function (done) { window.renewed += 1; done(true); },
            });
        }""",
        ENDPOINT,
    )
    endpoint.status, endpoint.body = 401, "{}"
    start_and_wait = "() => new Promise((done) => { window.tv.check(done); })"
    assert tv.evaluate(start_and_wait) is False
    assert (tv.evaluate("window.renewed"), len(endpoint.asked)) == (1, 2)


@pytest.mark.parametrize("given", ["''", "null", "7", "(function () { throw 1; }())"])
def test_without_a_token_nothing_is_asked(tv: Page, endpoint: Endpoint, given: str) -> None:
    giver = f"function () {{ return {given}; }}"
    tv.evaluate(f"window.tv = new ConsentidTv({{ endpoint: '/verify', token: {giver} }})")
    tv.evaluate("window.tv.start()")
    assert endpoint.asked == []
    assert allows(tv) is False
