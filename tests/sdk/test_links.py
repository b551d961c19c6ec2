"""A link to another brand takes the answer along; nobody plants theirs in another's browser."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect
from tests.chromium import press
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

NEWS, SHOP, PLAY = (origin_of(each) for each in ("news", "shop", "play"))
_LINKS = f"""
<p><a href="{PLAY}/film?id=7#cast">a film</a></p>
<p><a href="{PLAY}/" target="_blank">a new window</a></p>
<p><a href="{PLAY}/" rel="noreferrer">unsaid</a></p>
<p><a href="https://elsewhere.example/">elsewhere</a></p>
<p><a href="/inside">inside</a></p>"""


@pytest.fixture
def page(visitor: Visitor, sites: Sites) -> Page:
    """Somebody who has answered at news, on a page with links; play never looks by itself."""
    sites.body["news"] = _LINKS
    sites.options |= {each: {"silent": "never", "follow": "never"} for each in ("news", "play")}
    found = visitor.open("news")
    visitor.answer_at_hub(found)
    lent(found, sites)
    visitor.calls()
    return found


def lent(page: Page, sites: Sites) -> None:
    """Wait until the SDK has come to the page's links."""
    page.evaluate("hub => import(`${hub}/sdk/v1/links.js`).then(() => {})", sites.hub)


def play(page: Page) -> dict[str, object]:
    page.wait_for_url(f"{PLAY}/**")
    settle(page)
    return state(page)


def test_a_link_takes_the_answer_along(visitor: Visitor, page: Page) -> None:
    press(page, page.get_by_role("link", name="a film"))
    found = play(page)
    assert page.url == f"{PLAY}/film?id=7#cast"
    assert found["by"] == "link"
    assert page.evaluate("consentid.granted('ads.personalised')")
    page.wait_for_load_state("networkidle")
    assert page.locator("consent-banner").count() == 0
    calls = visitor.calls()
    assert calls.count("POST /v1/handoffs") == 1
    assert calls.count("POST /token") == 1
    assert "GET /authorize" not in calls
    page.reload()
    settle(page)
    assert state(page)["by"] == "kept"


def test_a_code_is_redeemed_by_the_first_call_and_nothing_is_asked_before_it(page: Page) -> None:
    """One round trip: the form is one that the browser sends without asking (Fetch, CORS)."""
    watching: Any = page.context.new_cdp_session(page)
    watching.send("Network.enable")
    sent: list[str] = []

    def noted(told: dict[str, Any]) -> None:
        url: str = told["request"]["url"]
        sent.append(f"{told['request']['method']} {urlsplit(url).path}")

    watching.on("Network.requestWillBeSent", noted)
    press(page, page.get_by_role("link", name="a film"))
    play(page)
    assert "OPTIONS /v1/handoffs" in sent  # whose token goes in a header: so one would be seen
    calls = [each for each in sent[sent.index("GET /film") :] if "/sdk/" not in each]
    assert calls[:2] == ["GET /film", "POST /token"]
    assert "OPTIONS /token" not in calls


def test_what_a_link_carried_is_known_before_any_other_part_of_the_sdk_is_there(page: Page) -> None:
    held: list[Route] = []
    is_known = False

    def hold(route: Route) -> None:
        if is_known:
            route.continue_()
        else:
            held.append(route)

    page.route("**/sdk/v1/travel.js", hold)
    press(page, page.get_by_role("link", name="a film"))
    page.wait_for_function("window.consentid?.state().by === 'link'")
    is_known = True
    for route in held:
        route.continue_()
    assert play(page)["by"] == "link"


def test_it_leaves_nothing_in_the_address_or_in_the_page(page: Page) -> None:
    hrefs = "[...document.querySelectorAll('a')].map((each) => each.getAttribute('href')).join()"
    before = page.evaluate(hrefs)
    page.evaluate("document.addEventListener('click', (event) => event.preventDefault())")
    page.get_by_role("link", name="a film").click()
    assert page.evaluate(f"new Promise((done) => setTimeout(() => done({hrefs}), 50))") == before


def test_by_the_keyboard_it_does_so_too(page: Page) -> None:
    # A key cannot be held as a button can: so the visitor is.
    page.evaluate(
        """() => { const later = setTimeout; window.setTimeout = (work, ms, ...more) =>
          later(work, ms === 400 ? 100_000 : ms, ...more) }"""
    )
    page.get_by_role("link", name="a film").focus()
    page.keyboard.press("Enter")
    assert play(page)["by"] == "link"


def test_into_a_new_window_it_does_so_too(page: Page) -> None:
    with page.context.expect_page() as opened:
        press(page, page.get_by_role("link", name="a new window"))
    opened.value.wait_for_url(f"{PLAY}/**")
    settle(opened.value)
    assert state(opened.value)["by"] == "link"
    assert "consentid=" not in opened.value.url


def test_a_hub_that_is_slow_does_not_hold_the_visitor(page: Page) -> None:
    page.route("**/v1/handoffs", lambda _: None)
    page.get_by_role("link", name="a film").click()
    assert play(page)["status"] == "empty"
    assert page.url == f"{PLAY}/film?id=7#cast"


def test_whom_the_hub_does_not_hand_on_leaves_with_nothing_to_redeem(
    visitor: Visitor, page: Page
) -> None:
    page.route(
        "**/v1/handoffs",
        lambda route: route.fulfill(
            status=403, json={"code": "device_needed"}, headers={"Access-Control-Allow-Origin": "*"}
        ),
    )
    with page.expect_response("**/v1/handoffs") as answer:
        page.get_by_role("link", name="a film").click()
    assert answer.value.status == 403
    assert play(page)["status"] == "empty"
    assert "POST /token" not in visitor.calls()


def test_who_took_everything_back_is_not_asked_where_only_a_link_made_them_known(
    visitor: Visitor, sites: Sites, page: Page
) -> None:
    press(page, page.get_by_role("link", name="a film"))
    assert play(page)["by"] == "link"
    news = visitor.open("news")
    visitor.context.clear_cookies(domain="consent.localhost")
    news.evaluate("consentid.withdraw('all', {reach: 'group'})")
    change_holder(page, "kept.skew_s += 7200", "play-spa")
    sites.options["play"] = {"follow": "never"}
    visitor.calls()
    page.reload()
    page.wait_for_function("window.consentid?.state().status === 'empty'")
    assert settle(page)["granted"] == []
    assert page.evaluate("sessionStorage.getItem('consentid:play-spa:later')") is not None
    assert page.locator("consent-banner").count() == 0
    assert "POST /token" in visitor.calls()
    # Another visit is another matter: nobody is known here.
    page.evaluate("sessionStorage.clear()")
    page.reload()
    expect(page.locator("consent-banner")).to_be_visible()


def test_a_link_leads_away_also_where_its_page_hears_at_the_press_that_all_was_taken_back(
    visitor: Visitor, sites: Sites, page: Page
) -> None:
    press(page, page.get_by_role("link", name="a film"))
    assert play(page)["by"] == "link"
    sites.body["news"] = (
        _LINKS + '<script type="text/plain" data-consent="ads">window.ran = true</script>'
    )
    sites.options["news"] = {"follow": "never"}
    news = visitor.open("news")
    news.evaluate("consentid.answer({ads: true})")
    news.wait_for_function("window.ran")
    page.evaluate("consentid.withdraw('all', {reach: 'group'})")

    news.get_by_role("link", name="a film").hover()
    news.mouse.down()
    news.wait_for_function("!consentid.granted('ads')")
    news.mouse.up()

    news.wait_for_url(f"{PLAY}/film?id=7#cast")


@pytest.mark.parametrize("name", ["unsaid", "elsewhere", "inside"])
def test_other_links_carry_nothing(visitor: Visitor, page: Page, name: str) -> None:
    page.route("https://elsewhere.example/", lambda route: route.fulfill(body="elsewhere"))
    here = page.url
    page.get_by_role("link", name=name).click()
    page.wait_for_url(lambda url: url != here)
    assert "consentid=" not in page.url
    assert "POST /v1/handoffs" not in visitor.calls()


def test_a_script_cannot_make_a_code(visitor: Visitor, page: Page) -> None:
    page.evaluate(
        "document.querySelector('a')"
        ".dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))"
    )
    page.evaluate("document.querySelector('a').click()")
    play(page)
    assert "POST /v1/handoffs" not in visitor.calls()
    assert state(page)["status"] == "empty"


def carried(page: Page) -> str:
    """A code that somebody has who accepted everything."""
    page.get_by_role("link", name="a film").hover()
    with page.expect_response("**/v1/handoffs") as answer:
        page.mouse.down()
    code = answer.value.json()["code"]
    page.mouse.move(0, 0)
    page.mouse.up()
    return code


@pytest.mark.parametrize("source", ["", "https://elsewhere.example/", f"{SHOP}/"])
def test_nobody_plants_their_own_device_in_anothers_browser(
    visit: Callable[..., Visitor], page: Page, source: str
) -> None:
    """By the address bar, from a stranger's page, from another brand than the one that made it."""
    address = f"{PLAY}/film#consentid={carried(page)}"
    victim = visit().context.new_page()
    if source:
        victim.route(
            source,
            lambda route: route.fulfill(
                content_type="text/html", body=f'<a href="{address}">come</a>'
            ),
        )
        victim.goto(source)
        victim.get_by_role("link", name="come").click()
    else:
        victim.goto(address)
    found = play(victim)
    assert found["granted"] == []
    assert holder(victim, "play-spa") is None
    assert victim.url == f"{PLAY}/film"


@pytest.mark.parametrize(
    ("key", "after"),
    [("", ""), ("Enter", ""), ("", ":~:text=8"), ("", ":~:text=8&consentid={0}")],
)
def test_a_code_that_somebody_wrote_into_a_page_of_the_group_goes_nowhere(
    visit: Callable[..., Visitor], page: Page, sites: Sites, key: str, after: str
) -> None:
    """As in a comment: it was made at the page that is left, and yet not by this visitor."""
    code = carried(page)
    address = f"{PLAY}/film?id=8#cast&consentid={code}&consentid={code}{after.format(code)}"
    sites.body["news"] = f'<p><a href="{address}">come</a></p>'
    victim = visit().open("news")
    lent(victim, sites)
    link = victim.get_by_role("link", name="come")
    if key:
        link.press(key)
    else:
        link.click()
    found = play(victim)
    assert victim.url.partition(":~:")[0] == f"{PLAY}/film?id=8#cast"
    assert found["granted"] == []
    assert holder(victim, "play-spa") is None


def test_a_code_never_replaces_what_is_there(visitor: Visitor, page: Page) -> None:
    code = carried(page)
    other = visitor.open("play")
    other.evaluate("consentid.answer({ads: false})")
    other.goto(f"{NEWS}/x")
    other.evaluate(f"location.href = '{PLAY}/film#consentid={code}'")
    play(other)
    assert other.evaluate("consentid.granted('ads')") is False
    assert other.url == f"{PLAY}/film"


def test_a_code_is_good_for_one_use(visit: Callable[..., Visitor], page: Page) -> None:
    code = carried(page)
    here = page.context.new_page()
    here.goto(f"{NEWS}/x")
    here.evaluate(f"location.href = '{PLAY}/film#consentid={code}'")
    assert play(here)["by"] == "link"
    there = visit().open("news")
    there.evaluate(f"location.href = '{PLAY}/film#consentid={code}'")
    assert play(there)["granted"] == []


def test_the_code_is_never_sent_anywhere_but_to_the_token_endpoint(
    visitor: Visitor, page: Page
) -> None:
    page.get_by_role("link", name="a film").click()
    play(page)
    assert [
        each.url for each in visitor.requests if re.search("consentid=", each.url.partition("#")[0])
    ] == []


def test_a_brand_that_asks_for_more_asks_for_that_alone(sites: Sites, page: Page) -> None:
    """The shop has purposes of its own: the answers arrive, and what is missing is asked."""
    sites.options["shop"] = {"silent": "never", "follow": "never"}
    page.evaluate(f"document.querySelector('a').href = '{SHOP}/'")
    press(page, page.get_by_role("link", name="a film"))
    page.wait_for_url(f"{SHOP}/**")
    settle(page)
    found = state(page)
    assert page.evaluate("consentid.granted('ads')")
    assert "shop:loyalty" in found["missing"]
    assert "ads" not in found["missing"]
    region = page.get_by_role("region")
    expect(region).to_contain_text("Market Circle")
    expect(region).not_to_contain_text("Advertising")
