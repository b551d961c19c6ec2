"""What a page knows, from where, what it costs, and that nothing hostile is ever a yes."""

import json
import time
from collections.abc import Callable
from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect
from tests.sdk.brand_pages import (
    Sites,
    Visitor,
    change_holder,
    holder,
    origin_of,
    settle,
    state,
)

pytestmark = pytest.mark.browser

NEWS = origin_of("news")
_KEPT = "localStorage.getItem('consentid:news-spa')"


def answered(visitor: Visitor, act: str = "Accept all") -> Page:
    """A page at news of somebody who has answered; what that cost is forgotten."""
    page = visitor.open("news")
    visitor.answer_at_hub(page, act)
    visitor.calls()
    return page


def again(page: Page) -> Page:
    page.reload()
    settle(page)
    return page


def refreshes(visitor: Visitor) -> int:
    return sum(each == "POST /token" for each in visitor.calls())


def test_a_first_visitor_is_asked_and_nothing_is_granted(visitor: Visitor) -> None:
    page = visitor.open("news")
    found = state(page)
    assert (found["status"], found["granted"], found["by"]) == ("empty", [], None)
    page.get_by_role("button", name="Make my choices").wait_for()
    assert visitor.calls() == ["GET /v1/catalogue"]
    assert holder(page) is None


def test_an_answer_at_the_hub_comes_back_to_the_exact_address(visitor: Visitor) -> None:
    page = visitor.open("news", "/story?page=2&page=3#comments")
    visitor.answer_at_hub(page)
    assert page.url == f"{NEWS}/story?page=2&page=3#comments"
    found = state(page)
    assert found["status"] == "known"
    assert "ads.personalised" in found["granted"]
    assert found["missing"] == []
    expect(page.locator("consent-banner:visible")).to_have_count(0)


def test_a_no_is_kept_as_well_and_nobody_is_asked_again(visitor: Visitor) -> None:
    page = answered(visitor, "Refuse all")
    again(page)
    found = state(page)
    assert found["status"] == "known"
    assert "ads" in found["refused"]
    assert page.evaluate("consentid.granted('ads')") is False
    assert page.locator("consent-banner").count() == 0
    assert visitor.calls() == []


def test_with_a_valid_token_nobody_is_asked_anything(visitor: Visitor, sites: Sites) -> None:
    page = answered(visitor)
    sites.options["news"] = {"follow": "auto"}
    page.goto(f"{NEWS}/other")
    settle(page)
    page.wait_for_load_state("networkidle")
    assert state(page)["by"] == "kept"
    assert page.evaluate("consentid.granted('ads')")
    assert visitor.calls() == []


def test_a_kept_answer_is_known_in_the_very_call(visitor: Visitor, sites: Sites) -> None:
    """Without waiting for anything: tags that come next may rely on it."""
    page = answered(visitor)
    sites.body["news"] = (
        '<script type="module">import { init, granted } from'
        f' "{sites.hub}/sdk/v1/consentid.js"; window.before = granted("ads");'
        ' init({ client: "news-spa", brand: "news" }); window.after = granted("ads");</script>'
    )
    again(page)
    assert page.evaluate("[before, after]") == [False, True]


def test_an_ended_token_costs_one_refresh(visitor: Visitor) -> None:
    page = answered(visitor)
    before = holder(page)
    change_holder(page, "kept.skew_s += 7200")
    again(page)
    page.wait_for_load_state("networkidle")
    assert state(page)["by"] == "renewed"
    assert visitor.calls() == ["POST /token"]
    after = holder(page)
    assert before is not None
    assert after is not None
    assert before["refresh"] != after["refresh"]
    assert abs(after["skew_s"]) < 2


def test_tabs_that_wake_together_refresh_once(visitor: Visitor) -> None:
    page = answered(visitor)
    change_holder(page, "kept.skew_s += 7200")
    tabs = [visitor.context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto(f"{NEWS}/", wait_until="commit")
    for tab in tabs:
        assert settle(tab)["status"] == "known"
    assert refreshes(visitor) == 1
    change_holder(page, "kept.skew_s += 7200")
    assert state(again(page))["status"] == "known"  # nothing was used twice, so nothing is lost


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_wrong_changes_nothing(visitor: Visitor, hours: int) -> None:
    visitor.context.clock.install(time=time.time() + hours * 3600)
    page = visitor.open("news")
    visitor.answer_at_hub(page)
    assert state(page)["status"] == "known"
    visitor.calls()
    again(page)
    assert state(page)["by"] == "kept"
    assert abs(state(page)["until"] / 1000 - time.time() - (hours + 1) * 3600) < 60


def test_a_clock_that_is_set_back_proves_nothing(visitor: Visitor) -> None:
    page = answered(visitor)
    change_holder(page, "kept.got_at += 7200")
    again(page)
    assert state(page)["by"] == "renewed"
    assert refreshes(visitor) == 1
    change_holder(page, "kept.skew_s += 7200")
    assert state(again(page))["status"] == "known"  # nothing was used twice, so nothing is lost


def test_a_token_is_renewed_before_it_ends_while_the_page_is_looked_at(visitor: Visitor) -> None:
    visitor.context.clock.install()
    page = answered(visitor)
    first = page.evaluate("consentid.token()")
    visitor.context.clock.fast_forward("59:45")
    page.wait_for_function("first => consentid.token().then((token) => token !== first)", arg=first)
    assert state(page)["status"] == "known"


def test_a_page_that_stays_open_learns_of_a_new_catalogue_with_its_next_token(
    visitor: Visitor,
) -> None:
    """As told by a token, since a valid one asks for nothing: what is missing is asked then."""
    visitor.context.clock.install()
    page = answered(visitor)
    about = "JSON.parse(localStorage['consentid:news-spa:about'])"
    known = page.evaluate(about)
    page.evaluate(
        f"localStorage['consentid:news-spa:about'] ="
        f" JSON.stringify({{...{about}, cat: {known['cat'] - 1}, must: [], gcm: {{}}}})"
    )
    visitor.calls()
    visitor.context.clock.fast_forward("59:45")
    page.wait_for_function(f"cat => {about}.cat === cat", arg=known["cat"])
    assert page.evaluate(about) == known
    page.wait_for_load_state("networkidle")
    calls = visitor.calls()
    assert calls.count("GET /v1/catalogue") == 1
    assert calls.count("POST /token") == 1


def test_offline_nothing_is_granted_until_the_network_is_back(visitor: Visitor) -> None:
    page = answered(visitor)
    change_holder(page, "kept.skew_s += 7200")
    page.route("**/token", lambda route: route.abort())  # the SDK's files are in the cache
    again(page)
    assert (state(page)["status"], state(page)["granted"]) == ("unknown", [])
    assert page.evaluate("consentid.token()") is None
    assert page.locator("consent-banner").count() == 0
    page.unroute_all()
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_function("window.consentid?.granted('ads')")


def test_a_hub_that_is_away_is_tried_again_by_and_by(visitor: Visitor) -> None:
    page = visitor.context.new_page()
    page.clock.install()
    tries: list[str] = []
    page.route("**/v1/catalogue*", lambda route: (tries.append(route.request.url), route.abort()))
    page.goto(f"{NEWS}/")
    page.wait_for_function("window.consentid?.state().status === 'unknown'")
    assert page.locator("consent-banner").count() == 0
    assert page.url == f"{NEWS}/"
    for seconds in (5, 10, 20):
        with page.expect_event("requestfailed", lambda asked: "/v1/catalogue" in asked.url):
            page.clock.fast_forward((seconds + 1) * 1_000)
    assert 4 <= len(tries) <= 6
    page.unroute_all()
    page.clock.fast_forward(300_000)
    page.get_by_role("button", name="Make my choices").wait_for()
    assert state(page)["status"] == "empty"


def test_a_refresh_token_that_is_refused_leaves_nothing_granted(visitor: Visitor) -> None:
    page = answered(visitor)
    change_holder(page, "kept.skew_s += 7200; kept.refresh = 'x'.repeat(43)")
    page.route("**/authorize*", lambda route: route.abort("aborted"))  # the page stays
    page.reload(wait_until="commit")
    page.wait_for_function(f"{_KEPT} === null")
    page.unroute_all()


def test_where_somebody_was_known_the_hub_is_looked_at_once_more(visitor: Visitor) -> None:
    """The brand's own proof is gone, the hub's cookie is not."""
    page = answered(visitor)
    change_holder(page, "kept.skew_s += 7200; kept.refresh = 'x'.repeat(43)")
    page.reload()
    page.wait_for_function(
        "location.pathname !== '/consent/return' && window.consentid?.granted('ads')"
    )
    assert state(page)["by"] == "kept"
    assert "GET /authorize" in visitor.calls()


_HOSTILE = {
    "no JSON": "{",
    "no object": "7",
    "null": "null",
    "an array": "[]",
    "no token": '{"v":1}',
    "a token that is none": '{"v":1,"token":"a.b.c","got_at":0,"skew_s":0}',
    "another version": '{"v":2}',
}


def test_a_broken_holder_is_an_empty_one(visitor: Visitor) -> None:
    for name, kept in _HOSTILE.items():
        page = visitor.context.new_page()
        page.add_init_script(f"localStorage['consentid:news-spa'] = {json.dumps(kept)}")
        page.goto(f"{NEWS}/")
        assert (settle(page)["status"], state(page)["granted"]) == ("empty", []), name
        page.close()


_CHANGED_TOKEN = """kept => {{
  const part = (text) => btoa(text).replace(/[+]/g, '-').replace(/[/]/g, '_').replace(/=+$/, '');
  const at = Date.now() / 1000;
  const claims = {{ iss: '{hub}', client_id: 'news-spa', iat: at, exp: at + 3600,
    consent: {{ cat: 1, rev: 1, g: ['ads'], d: [] }}, ...{changed} }};
  localStorage['consentid:news-spa'] = JSON.stringify({{ v: 1, got_at: at, skew_s: 0, gpc: false,
    token: ['e30', part(JSON.stringify(claims)), 'x'].join('.') }});
}}"""


_NOT_OURS = [
    "{iss: 'https://elsewhere.example'}",
    "{client_id: 'shop-spa'}",
    "{exp: 0}",
    "{exp: 'never'}",
    "{exp: null}",
    "{consent: {g: 'ads', d: []}}",
    "{consent: null}",
]


def test_a_token_that_is_not_ours_grants_nothing_and_ours_does(visitor: Visitor) -> None:
    page = visitor.open("news")
    for changed in [*_NOT_OURS, "{}"]:
        page.evaluate(_CHANGED_TOKEN.format(hub=visitor.sites.hub, changed=changed))
        again(page)
        expected = ["ads"] if changed == "{}" else []
        assert page.evaluate("consentid.granted('ads')") is bool(expected), changed
        assert state(page)["granted"] == expected, changed


_NO_STORAGE = {
    "throws": "for (const each of ['localStorage', 'sessionStorage']) Object.defineProperty("
    "window, each, { get() { throw new DOMException('no', 'SecurityError') } })",
    "full": "Storage.prototype.setItem = () => { throw new DOMException('full') }",
}


@pytest.mark.parametrize("script", _NO_STORAGE.values(), ids=_NO_STORAGE)
def test_a_browser_that_keeps_nothing_is_never_sent_away(
    visitor: Visitor, sites: Sites, script: str
) -> None:
    sites.options["news"] = {"silent": "always"}
    page = visitor.context.new_page()
    page.add_init_script(script)
    page.goto(f"{NEWS}/")
    assert settle(page)["status"] == "empty"
    assert page.url == f"{NEWS}/"
    assert "GET /authorize" not in visitor.calls()
    page.get_by_role("button", name="Make my choices").wait_for()


def test_two_inits_are_one(visitor: Visitor, sites: Sites) -> None:
    """Also where two copies of the script are on the page."""
    script = (files("consentid.sdk") / "consentid.js").read_text()
    sites.files["/copy.js"] = ("text/javascript", script)
    sites.body["news"] = (
        '<script type="module">import * as other from "/copy.js"; window.other = other;'
        f' other.init({{ client: "news-spa", brand: "news", hub: "{sites.hub}" }});</script>'
    )
    for name in ("travel", "links", "banner", "follow", "in-page", "aside"):
        script = (files("consentid.sdk") / f"{name}.js").read_text()
        sites.files[f"/{name}.js"] = ("text/javascript", script)
    page = visitor.open("news")
    page.evaluate("consentid.init({ client: 'news-spa', brand: 'news' })")
    page.get_by_role("button", name="Make my choices").wait_for()
    assert page.evaluate("consentid.granted === other.granted")
    assert page.locator("consent-banner").count() == 1
    assert visitor.calls() == ["GET /v1/catalogue"]


def test_a_wrong_configuration_breaks_no_page(visitor: Visitor, sites: Sites) -> None:
    sites.options["news"] = {"client": "nobody", "brand": "nothing"}
    page = visitor.open("news")
    assert state(page)["granted"] == []
    assert page.locator("consent-banner").count() == 0
    expect(page.locator("h1")).to_be_visible()


def test_without_the_script_the_site_works_and_nothing_is_granted(visitor: Visitor) -> None:
    """As an ad blocker has it."""
    page = visitor.context.new_page()
    page.route("**/sdk/**", lambda route: route.abort())
    page.goto(f"{NEWS}/")
    expect(page.locator("h1")).to_have_text("news")
    assert page.evaluate("window.consentid === undefined")


def test_a_page_that_comes_back_from_the_cache_knows_what_changed(
    visitor: Visitor, sites: Sites
) -> None:
    sites.body["news"] = '<a href="/elsewhere">away</a>'
    page = answered(visitor)
    page.evaluate("window.isTheSame = true")
    page.get_by_role("link", name="away").click()
    page.wait_for_url(f"{NEWS}/elsewhere")
    settle(page)
    page.evaluate("consentid.withdraw('all')")
    page.go_back()
    page.wait_for_url(f"{NEWS}/")
    settle(page)
    assert page.evaluate("consentid.granted('ads')") is False


def test_a_withdrawal_in_one_tab_is_known_in_the_others(visitor: Visitor) -> None:
    page = answered(visitor)
    other = visitor.open("news", "/other")
    assert other.evaluate("consentid.granted('ads')")
    other.evaluate("window.heard = 0; void consentid.onChange(() => (window.heard += 1))")
    page.evaluate("consentid.withdraw(['ads'])")
    other.wait_for_function("window.consentid?.granted('ads') === false && window.heard === 2")
    assert other.evaluate("consentid.granted('content')")
    assert state(other)["by"] == "another tab"


def test_a_listener_that_fails_is_alone_with_it(visitor: Visitor) -> None:
    page = answered(visitor)
    page.evaluate(
        """() => { window.heard = [];
          addEventListener('error', (event) => event.preventDefault());
          try { consentid.onChange(() => { throw new Error('mine') }) } catch { heard.push('!') }
          window.stop = consentid.onChange((state) => heard.push(state.status)) }"""
    )
    page.evaluate("consentid.withdraw('all')")
    assert page.evaluate("heard") == ["known", "known"]
    page.evaluate("stop()")
    visitor.errors.clear()


def test_nothing_on_the_page_moves(visit: Callable[..., Visitor], sites: Sites) -> None:
    sites.head["news"] = """<script>
      window.shifts = [];
      new PerformanceObserver((list) => shifts.push(...list.getEntries().map((e) => e.value)))
        .observe({ type: "layout-shift", buffered: true });</script>"""
    page = visit(viewport={"width": 390, "height": 844}).open("news")
    page.get_by_role("button", name="Make my choices").wait_for()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
    assert page.evaluate("shifts") == []
