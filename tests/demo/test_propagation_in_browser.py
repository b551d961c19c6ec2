"""One answer, no second banner: the demo in Chromium, third-party cookies blocked or not."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect, sync_playwright
from tests.chromium import told
from tests.demo.visitors import (
    Visitor,
    banner,
    browser,
    expect_no_banner,
    granted,
    keep_nothing,
    profile,
    short_visit,
    state,
)

from consentid.demo import halcyon
from consentid.demo.stage import Stage

pytestmark = pytest.mark.browser

Arrive: TypeAlias = Callable[..., AbstractContextManager[Visitor]]

_OFFERED_EVERYWHERE = frozenset({"ads", "ads.personalised", "ads.measurement", "content"})
_HOUR_S = 3_600
_FOLLOWING = (
    "() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/v1/state'))"
)
_SLOW_3G = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 50_000,
    "uploadThroughput": 50_000,
}
_PAGES = (
    ("news", "/"),
    ("news", "/stories/ferry"),
    ("shop", "/goods/kettle"),
    ("play", "/programmes/boats"),
)
_MOVES = 0.01
_OPEN_PANEL = """
  sessionStorage.setItem("demo:panel", "open");
  self.moved = 0;
  new PerformanceObserver((list) => { for (const each of list.getEntries()) moved += each.value })
    .observe({ type: "layout-shift", buffered: true });
"""
_OWN_WORDS = """
  addEventListener("readystatechange", () => {
    const banner = document.querySelector("consent-banner");
    banner.toggleAttribute("in-page", true);
    banner.innerHTML = '<b slot="logo">Market</b><span slot="title">From us to you</span>' +
      '<a slot="more" href="/privacy">How we do this</a>';
  }, { capture: true, once: true });
"""
_OWN_FORM = """
  addEventListener("readystatechange", () => {
    const form = document.createElement("form");
    form.innerHTML = '<label><input type="checkbox" name="content">For me</label>' +
      "<button>Own</button>";
    form.onsubmit = (event) => {
      event.preventDefault();
      const chosen = new FormData(form).has("content");
      consentid.answer({ ads: false, content: chosen }).then(({ by }) => form.append(by));
    };
    document.querySelector("main").prepend(form);
  }, { capture: true, once: true });
"""
_A_DEVICE_AGAIN = (
    "() => { const is = window.consentid?.state(); return is?.status === 'known' && !is.account }"
)
_THIRD_PARTY = (
    "document.cookie = 'third=1; SameSite=None; Secure'; document.title = document.cookie"
)


@pytest.fixture(scope="module")
def playwright(stage: Stage) -> Iterator[Playwright]:
    """Started after the stage, whose beginning cannot wait in the loop that Playwright runs."""
    assert stage.prepared
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def opened(playwright: Playwright, chromium: Path) -> Iterator[Browser]:
    """A browser that blocks third-party cookies, as its private windows do anyhow."""
    with browser(playwright, chromium) as one:
        yield one


@pytest.fixture
def arrive(opened: Browser, stage: Stage) -> Arrive:
    """Profiles of this test's own."""

    def one(**more: object) -> AbstractContextManager[Visitor]:
        return short_visit(opened, stage, **more)

    return one


@pytest.fixture
def visitor(arrive: Arrive) -> Iterator[Visitor]:
    """Somebody whose browser blocks third-party cookies."""
    with arrive() as one:
        yield one


@pytest.mark.parametrize("blocks", [True, False])
def test_third_party_cookies_are_blocked_where_we_say_so(
    playwright: Playwright, chromium: Path, stage: Stage, tmp_path: Path, blocks: bool
) -> None:
    def answer(route: Route) -> None:
        third = "<title></title><script>" + _THIRD_PARTY + "</script>"
        top = "<iframe src='http://third.localhost/'></iframe>"
        route.fulfill(content_type="text/html", body=third if "third" in route.request.url else top)

    with profile(playwright, chromium, tmp_path / "profile", stage, blocks=blocks) as one:
        one.context.route("http://top.localhost/", answer)
        one.context.route("http://third.localhost/", answer)
        page = one.context.new_page()
        page.goto("http://top.localhost/")
        framed = page.frames[1]
        framed.wait_for_load_state()
        assert framed.title() == ("" if blocks else "third=1")


@pytest.mark.parametrize("blocks", [True, False])
def test_a_yes_at_news_needs_no_second_banner_anywhere(
    playwright: Playwright, chromium: Path, stage: Stage, tmp_path: Path, blocks: bool
) -> None:
    """By link, by address, in a new tab, and after the browser was closed and opened again."""

    def begin() -> AbstractContextManager[Visitor]:
        return profile(playwright, chromium, tmp_path / "profile", stage, blocks=blocks)

    with begin() as one:
        news = one.open("news", "/stories/ferry?page=2#end")
        one.answer_at_hub(news, "news")
        assert news.url == one.url("news", "/stories/ferry?page=2#end")
        assert granted(news) >= _OFFERED_EVERYWHERE

        one.follow_link(news, "Halcyon Market", "shop")
        assert granted(news) >= _OFFERED_EVERYWHERE
        expect_no_banner(news)

        typed = one.open("play", "/programmes/boats?from=address#top")
        assert typed.url == one.url("play", "/programmes/boats?from=address#top")
        assert granted(typed) >= _OFFERED_EVERYWHERE
        expect_no_banner(typed)

        for followed in (news, typed):
            followed.close()
        one.asked.clear()
        for brand in halcyon.BRANDS:
            tab = one.open(brand)
            assert granted(tab) >= _OFFERED_EVERYWHERE
            expect_no_banner(tab)
        assert one.asked == []  # the tokens are valid: nobody was asked

    with begin() as again:
        for brand in halcyon.BRANDS:
            tab = again.open(brand)
            assert granted(tab) >= _OFFERED_EVERYWHERE
            expect_no_banner(tab)
        assert again.asked == []


def test_a_no_at_news_is_honoured_everywhere_and_nobody_asks_again(arrive: Arrive) -> None:
    with arrive() as one:
        one.answer_at_hub(one.open("news"), "news", "Refuse all")
        for brand in halcyon.BRANDS:
            page = one.open(brand)
            assert state(page)["status"] == "known"
            assert granted(page).isdisjoint(_OFFERED_EVERYWHERE)
            expect_no_banner(page)
            expect(page.locator("iframe[src]")).to_have_count(0)


def test_a_link_brings_the_answer_without_a_round_trip(visitor: Visitor) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page, "news")
    page = visitor.open("news", page=page)
    visitor.asked.clear()
    visitor.follow_link(page, "Halcyon Play", "play")
    assert state(page)["by"] == "link"
    assert page.url == visitor.url("play")  # the code is struck from the address
    assert [each for each in visitor.asked if each.startswith("/authorize")] == []


def test_a_link_opened_in_a_new_tab_carries_no_code_twice(visitor: Visitor) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page, "news")
    link = page.get_by_role("link", name="Halcyon Market")
    with visitor.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    shop = visitor.settle(opened.value, "shop")
    assert granted(shop) >= _OFFERED_EVERYWHERE
    assert link.get_attribute("href") == visitor.url("shop")


def test_a_choice_one_by_one_holds_as_it_was_made(visitor: Visitor) -> None:
    page = visitor.open("news")
    banner(page).get_by_role("button", name="Make my choices").click()
    page.get_by_text("Choose one by one").click()
    for no in page.get_by_role("radio", name="No", exact=True).all():
        no.check()
    content = page.get_by_role("group", name="A front page of your own", exact=True)
    content.get_by_role("radio", name="Yes", exact=True).check()
    page.get_by_role("button", name="Save my choices").click()
    visitor.settle(page, "news")
    for brand in halcyon.BRANDS:
        tab = visitor.open(brand)
        assert granted(tab) & _OFFERED_EVERYWHERE == {"content"}
        expect_no_banner(tab)
        expect(tab.get_by_role("heading", name="Picked for you")).to_be_visible()


def test_a_no_at_one_brand_alone_holds_there_and_nowhere_else(visitor: Visitor) -> None:
    news = visitor.open("news")
    visitor.answer_at_hub(news, "news")
    shop = visitor.open("shop")
    shop.evaluate("() => { window.consentid.withdraw(['content'], {reach: 'brand'}) }")
    shop.wait_for_function("() => window.consentid?.granted('content') === false")
    for page in (visitor.open("news"), visitor.open("play")):
        assert granted(page) >= _OFFERED_EVERYWHERE
    visitor.open("shop", page=shop)
    assert granted(shop) & _OFFERED_EVERYWHERE == _OFFERED_EVERYWHERE - {"content"}
    expect_no_banner(shop)


def test_on_a_shared_screen_answers_change_with_who_is_signed_in(
    arrive: Arrive, stage: Stage
) -> None:
    passwords = stage.prepared.secrets.passwords
    with arrive() as at_home:
        page = at_home.open("news")
        at_home.answer_at_hub(page, "news")
        at_home.sign_in(page, "news", "noah", passwords["noah"])
    with arrive() as shared:
        page = shared.open("news")
        shared.answer_at_hub(page, "news", "Refuse all")
        shared.sign_in(page, "news", "noah", passwords["noah"], differs=True)
        assert "ads" in granted(page)
        page.locator("#sign").click()
        page.wait_for_function(_A_DEVICE_AGAIN)
        assert granted(page) == frozenset()
        shared.sign_in(page, "news", "salma", passwords["salma"])
        assert state(page)["account"] is True
        assert granted(page) == frozenset()  # no answer of the person before


def test_on_a_slow_network_the_page_is_there_and_nothing_is_granted_early(
    visitor: Visitor,
) -> None:
    page = visitor.context.new_page()
    devtools: Any = visitor.context.new_cdp_session(page)  # its types are not whole
    devtools.send("Network.emulateNetworkConditions", _SLOW_3G)
    visitor.open("news", page=page)
    assert granted(page) == frozenset()
    visitor.answer_at_hub(page, "news")
    assert granted(page) >= _OFFERED_EVERYWHERE


def test_a_withdrawal_in_one_tab_reaches_the_others(visitor: Visitor) -> None:
    news = visitor.open("news")
    visitor.answer_at_hub(news, "news")
    tab = visitor.open("news")
    tab.locator("iframe.ad-all[src]").wait_for(state="attached")
    news.evaluate("() => { window.consentid.withdraw('all', {reach: 'group'}) }")
    for page in (news, tab):
        page.wait_for_function("() => window.consentid?.granted('ads') === false")
    expect(tab.locator("iframe.ad-all")).to_be_hidden()


def test_a_withdrawal_at_one_brand_reaches_the_other_brands(visitor: Visitor) -> None:
    news = visitor.open("news")
    visitor.answer_at_hub(news, "news")
    brands = [visitor.open("shop"), visitor.open("play")]
    for page in brands:
        page.wait_for_function(_FOLLOWING)
    news.evaluate("() => { window.consentid.withdraw('all', {reach: 'group'}) }")
    for page in (news, *brands):
        page.wait_for_function("() => window.consentid?.granted('ads') === false")


def test_withdrawing_stops_the_script_and_clears_its_cookie(visitor: Visitor) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page, "news")
    page.wait_for_function("() => document.cookie.includes('news_visits=')")
    expect(page.locator("#measured")).to_contain_text("Your visits are linked")
    page.get_by_role("button", name="What just happened").click()
    page.evaluate("() => { window.isBefore = true }")
    page.get_by_role("button", name="Withdraw all").click()
    page.wait_for_function("() => !window.isBefore")  # the script ran, so the page is loaded anew
    visitor.settle(page, "news")
    expect(page.locator("#measured")).to_have_text("Your visits here are not linked to each other.")
    assert told(page, "() => [document.cookie]") == [""]
    assert granted(page) == frozenset()


def test_signing_in_brings_ones_choices_to_a_second_profile_and_signing_out_leaves_its_own(
    arrive: Arrive, stage: Stage
) -> None:
    password = stage.prepared.secrets.passwords["arthur"]
    with arrive() as one:
        page = one.open("news")
        one.answer_at_hub(page, "news")
        one.sign_in(page, "news", "arthur", password)
        assert state(page)["account"] is True
    with arrive() as other:
        page = other.open("news")
        other.answer_at_hub(page, "news", "Refuse all")
        assert "content" not in granted(page)
        other.sign_in(page, "news", "arthur", password, differs=True)
        assert granted(page) >= {"content", "ads"}
        page.locator("#sign").click()
        page.wait_for_function(_A_DEVICE_AGAIN)
        assert granted(page) == frozenset()
        expect_no_banner(page)


def test_who_signed_in_since_is_known_where_nobody_was_until_they_sign_out(
    arrive: Arrive, stage: Stage
) -> None:
    password = stage.prepared.secrets.passwords["mila"]
    with arrive() as at_home:
        page = at_home.open("news")
        at_home.answer_at_hub(page, "news")
        at_home.sign_in(page, "news", "mila", password)
    with arrive() as one:
        page = one.open("news")
        banner(page).get_by_role("button", name="Not now").click()
        foot = page.get_by_role("navigation", name="Also from")
        foot.get_by_role("link", name="Halcyon Market").click()
        expect(banner(one.settle(page, "shop"))).to_be_visible()
        page.close()
        news = one.open("news")
        one.answer_at_hub(news, "news", "Refuse all")
        one.sign_in(news, "news", "mila", password, differs=True)
        one.asked.clear()

        shop = one.follow_link(news, "Halcyon Market", "shop")

        assert (state(shop)["by"], state(shop)["account"]) == ("link", True)
        assert granted(shop) >= {"content", "ads"}
        expect_no_banner(shop)
        assert [each for each in one.asked if each.startswith("/authorize")] == []

        shop.wait_for_function(_FOLLOWING)
        news = one.open("news")
        one.asked.clear()
        news.locator("#sign").click()
        news.wait_for_function(_A_DEVICE_AGAIN)

        shop.wait_for_function("() => !window.consentid?.state().account")  # it followed
        assert granted(shop) == frozenset()
        one.open("shop", page=shop)
        shop.wait_for_function(_A_DEVICE_AGAIN)
        assert "ads" in state(shop)["refused"]
        expect_no_banner(shop)
        trips = [each for each in one.asked if each.startswith("/authorize")]
        assert len(trips) == len({"at news", "at the shop"})


def test_global_privacy_control_is_honoured_and_said_before_anybody_is_asked(
    visitor: Visitor,
) -> None:
    visitor.context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
    )
    visitor.context.set_extra_http_headers({"Sec-GPC": "1"})
    page = visitor.open("news")
    assert state(page)["gpc"] is True
    assert granted(page) == frozenset()
    expect(banner(page)).to_contain_text("Global Privacy Control")
    visitor.answer_at_hub(page, "news", "Refuse all")
    assert "ads.personalised" in state(page)["refused"]


def test_a_site_whose_storage_was_cleared_finds_the_answer_again(visitor: Visitor) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page, "news")
    keep_nothing(page)
    visitor.open("news", page=page)
    assert granted(page) >= _OFFERED_EVERYWHERE
    expect_no_banner(page)


def test_with_the_hub_cleared_the_sites_keep_what_they_hold(visitor: Visitor) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page, "news")
    visitor.context.clear_cookies(domain="consent.localhost")
    visitor.open("news", page=page)
    assert granted(page) >= _OFFERED_EVERYWHERE
    visitor.follow_link(page, "Halcyon Market", "shop")
    assert granted(page) >= _OFFERED_EVERYWHERE  # by the link: no cookie of the hub is needed


def test_an_ended_token_costs_one_refresh_and_no_banner(visitor: Visitor) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page, "news")
    visitor.context.clock.set_system_time(time.time() + 2 * _HOUR_S)
    page = visitor.open("news")
    visitor.asked.clear()
    page.reload()
    visitor.settle(page, "news")
    assert granted(page) >= _OFFERED_EVERYWHERE
    expect_no_banner(page)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_an_hour_wrong_changes_nothing(visitor: Visitor, hours: int) -> None:
    visitor.context.clock.install(time=time.time() + hours * _HOUR_S)
    page = visitor.open("news")
    visitor.answer_at_hub(page, "news")
    assert granted(page) >= _OFFERED_EVERYWHERE
    visitor.open("shop", page=page)
    assert granted(page) >= _OFFERED_EVERYWHERE


def test_with_the_hub_away_nothing_is_granted_and_nobody_is_sent_anywhere(
    visitor: Visitor,
) -> None:
    page = visitor.context.new_page()
    with visitor.without_hub():
        page.goto(visitor.url("news"))
        expect(page.locator("#now")).to_contain_text("The SDK was not loaded")
        assert page.url == visitor.url("news")
        assert page.evaluate("() => document.documentElement.dataset.granted ?? ''") == ""
        expect(banner(page)).to_be_hidden()
        page.get_by_role("link", name="Night trains return to the coast").last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "Night trains return to the coast"
        )
    visitor.open("news", page=page)
    expect(banner(page)).to_be_visible()


def test_a_visitor_whose_hub_goes_away_keeps_a_valid_token_and_loses_an_ended_one(
    visitor: Visitor,
) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page, "news")
    with _only_files(visitor):
        visitor.open("news", page=page)
        assert granted(page) >= _OFFERED_EVERYWHERE
        _let_it_end(page)
        visitor.open("news", page=page)
        assert (state(page)["status"], granted(page)) == ("unknown", frozenset())
        expect_no_banner(page)
        assert page.url == visitor.url("news")
    page.evaluate("() => dispatchEvent(new Event('online'))")
    page.wait_for_function("() => window.consentid?.granted('ads')")


def test_a_blocked_script_leaves_a_whole_page_and_no_grant(visitor: Visitor) -> None:
    visitor.context.route("**/sdk/**", lambda route: route.abort("blockedbyclient"))
    page = visitor.context.new_page()
    page.goto(visitor.url("shop", "/goods/kettle"))
    expect(page.locator("#now")).to_contain_text("The SDK was not loaded")
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#basket")).to_have_text("1")
    expect(page.locator("iframe[src]")).to_have_count(0)
    expect(banner(page)).to_be_hidden()


def test_a_double_click_is_one_answer(visitor: Visitor) -> None:
    page = visitor.open("news")
    banner(page).get_by_role("button", name="Make my choices").dblclick()
    page.get_by_role("button", name="Accept all", exact=True).dblclick()
    visitor.settle(page, "news")
    assert granted(page) >= _OFFERED_EVERYWHERE
    assert state(page)["status"] == "known"


def test_the_back_button_leads_to_no_second_answer_and_no_trap(visitor: Visitor) -> None:
    page = visitor.open("news")
    page = visitor.open("news", "/stories/bees", page=page)
    visitor.answer_at_hub(page, "news")
    page.go_back()
    page.go_back()
    page.go_back()
    visitor.settle(page, "news")
    assert granted(page) >= _OFFERED_EVERYWHERE
    expect_no_banner(page)


def test_of_two_banners_one_is_shown(visitor: Visitor) -> None:
    visitor.context.add_init_script(
        "addEventListener('DOMContentLoaded',"
        " () => document.body.append(document.createElement('consent-banner')))"
    )
    page = visitor.open("news")
    expect(banner(page)).to_be_visible()
    expect(page.locator("consent-banner")).to_have_count(2)
    expect(page.locator("consent-banner:visible")).to_have_count(1)


def test_without_javascript_the_pages_are_whole_and_the_hubs_forms_work(arrive: Arrive) -> None:
    with arrive(java_script_enabled=False) as one:
        page = one.context.new_page()
        page.goto(one.url("news"))
        expect(page.locator(".strip-note")).to_contain_text("JavaScript is off")
        expect(
            page.get_by_role("heading", name="The harbour gets its lighthouse back")
        ).to_be_visible()
        page.get_by_role("link", name="My choices").click()
        page.wait_for_url(lambda url: url.startswith(one.url(halcyon.HUB)))
        expect(page.get_by_role("button")).not_to_have_count(0)


def test_not_now_lasts_for_the_visit_and_is_no_answer(visitor: Visitor) -> None:
    page = visitor.open("news")
    banner(page).get_by_role("button", name="Not now").click()
    expect(banner(page)).to_be_hidden()
    visitor.open("news", "/stories/bread", page=page)
    assert granted(page) == frozenset()
    expect_no_banner(page)


def test_a_brand_asks_in_its_own_words_on_its_own_page_and_for_itself(visitor: Visitor) -> None:
    shop = visitor.context.new_page()
    shop.add_init_script(_OWN_WORDS)
    visitor.open("shop", page=shop)
    for own in ("Market", "From us to you", "How we do this"):
        expect(banner(shop).get_by_text(own, exact=True)).to_be_visible()
    expect(banner(shop)).not_to_contain_text("Halcyon News")
    banner(shop).get_by_role("button", name="Accept all").click()
    shop.wait_for_function("() => window.consentid?.granted('content')")
    expect_no_banner(shop)
    assert state(shop)["by"] == "answered"
    assert granted(visitor.open("news")) == frozenset()


def test_a_brand_draws_its_own_form(visitor: Visitor) -> None:
    """Headless: the demo's shop, which was told not to ask by itself."""

    start = (files("consentid.demo") / "brand_files/static/start.js").read_text("utf-8")
    silent = start.replace('auto: "first"', "auto: false")
    assert silent != start
    shop = visitor.context.new_page()
    shop.route(
        "**/start.js", lambda route: route.fulfill(content_type="text/javascript", body=silent)
    )
    shop.add_init_script(_OWN_FORM)
    visitor.open("shop", page=shop)
    expect_no_banner(shop)
    shop.get_by_label("For me").check()
    shop.get_by_role("button", name="Own").click()
    expect(shop.locator("main > form")).to_contain_text("answered")
    assert granted(shop) & _OFFERED_EVERYWHERE == {"content"}
    assert "ads.personalised" in state(shop)["refused"]
    expect_no_banner(shop)


@pytest.mark.parametrize(("width", "language"), [(320, "fr"), (1280, "en")])
def test_axe_finds_nothing_and_nothing_moves_or_scrolls_sideways(
    arrive: Arrive, width: int, language: str
) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    size = {"width": width, "height": 800}
    # No motion: what is still fading in has not yet the contrast that it comes to.
    with arrive(viewport=size, bypass_csp=True, reduced_motion="reduce") as one:
        one.context.add_init_script(_OPEN_PANEL)
        for brand, path in _PAGES:
            page = one.open(brand, f"{path}?lang={language}")
            expect(banner(page)).to_be_visible()
            page.evaluate(axe)
            found = page.evaluate("() => axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag22aa']})")
            assert [(one["id"], one["nodes"][0]["target"]) for one in found["violations"]] == []
            assert page.evaluate("() => document.documentElement.scrollWidth") == width
            assert page.evaluate("() => self.moved") < _MOVES


def _let_it_end(page: Page) -> None:
    """As if its time were over: the panel's own button."""
    page.evaluate(
        """() => { const key = "consentid:news-spa", kept = JSON.parse(localStorage.getItem(key));
          localStorage.setItem(key, JSON.stringify({...kept, got_at: kept.got_at + 86400})) }"""
    )


@contextmanager
def _only_files(visitor: Visitor) -> Generator[None]:
    """The hub's scripts lie in the browser's cache; everything else of the hub is away."""
    hub = visitor.url(halcyon.HUB, "/")
    patterns = [f"{hub}v1/**", f"{hub}token", f"{hub}authorize**"]
    with ExitStack() as stack:
        for pattern in patterns:
            visitor.context.route(pattern, lambda route: route.abort("connectionrefused"))
            stack.callback(visitor.context.unroute, pattern)
        yield
