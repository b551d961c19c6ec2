"""`<consent-banner>`: over the page, never in its way, for every hand, eye and language."""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.sdk.brand_pages import Sites, Visitor, holder, origin_of, settle, state

pytestmark = pytest.mark.browser

_AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_STYLE = """e => { const s = getComputedStyle(e), r = e.getBoundingClientRect();
  return [s.color, s.backgroundColor, s.borderColor, s.borderRadius, s.font, s.opacity,
    Math.round(r.height)] }"""
_STILL = {"reduced_motion": "reduce"}
"""What is still fading in has not yet the contrast, and not yet the place, that it comes to."""
IN_PAGE = "<consent-banner hidden in-page></consent-banner>"


def shown(visitor: Visitor, brand: str = "news") -> Page:
    page = visitor.open(brand)
    page.locator("consent-banner section").first.wait_for()
    return page


def violations(page: Page) -> list[Any]:
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found = page.evaluate(
        "tags => axe.run({runOnly: tags, rules: {'target-size': {enabled: true}}})", _AXE_TAGS
    )
    return [each for each in found["violations"] if "banner" in json.dumps(each["nodes"])]


def test_the_first_layer_says_who_asks_and_how_far_an_answer_goes(visitor: Visitor) -> None:
    page = shown(visitor)
    banner = page.get_by_role("region", name="Before you read on")
    text = banner.inner_text()
    assert "3 brands, 3 legal entities" in text
    for named in ("Halcyon News SAS", "Halcyon Market SARL", "Halcyon Play"):
        assert named in text
    assert "Advertising" in text
    assert [each.inner_text() for each in banner.get_by_role("button").all()] == [
        "Make my choices",
        "Not now",
    ]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("body", ["", IN_PAGE], ids=["hub", "in page"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    visit: Callable[..., Visitor], sites: Sites, language: str, body: str
) -> None:
    sites.language = language
    sites.body["news"] = body
    page = shown(visit(**_STILL, viewport={"width": 320, "height": 640}, bypass_csp=True))
    choose = page.get_by_role("button", name={"en": "Choose one by one", "fr": "Choisir"}[language])
    if body:
        choose.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(
        "(() => { const s = document.querySelector('consent-banner').shadowRoot.firstChild;"
        " return s.scrollWidth <= s.clientWidth })()"
    )


def test_french_comes_in_french(visitor: Visitor, sites: Sites) -> None:
    sites.language = "fr"
    page = shown(visitor)
    text = page.get_by_role("region", name="Avant de poursuivre votre lecture").inner_text()
    assert "3 marques, 3 entités juridiques\u00a0:" in text
    assert "Plus tard" in text


def test_accepting_refusing_and_choosing_look_alike(
    visit: Callable[..., Visitor], sites: Sites
) -> None:
    sites.body["news"] = IN_PAGE
    page = shown(visit(**_STILL))
    styles = [
        page.get_by_role("button", name=name, exact=True).evaluate(_STYLE)
        for name in ("Refuse all", "Accept all", "Choose one by one")
    ]
    assert styles[0] == styles[1] == styles[2]
    tops = page.locator("consent-banner button.act").evaluate_all(
        "all => all.slice(0, 2).map((each) => Math.round(each.getBoundingClientRect().top))"
    )
    assert tops[0] == tops[1]


_SCREENS = [(320, 568), (360, 640), (390, 844), (1280, 800), (640, 400)]
"""Small and large telephones, a computer, and that one at 200 %."""


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("body", ["", IN_PAGE], ids=["hub", "in page"])
def test_every_act_is_in_sight_however_small_the_screen(
    visit: Callable[..., Visitor], sites: Sites, language: str, body: str
) -> None:
    sites.language = language
    sites.body["news"] = body
    page = shown(visit(**_STILL))
    for width, height in _SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        acts = page.locator("consent-banner .acts button").all()
        assert len(acts) == (4 if body else 2)
        for act in acts:
            expect(act).to_be_in_viewport(ratio=1)
        if body:
            refuse, accept = acts[0].bounding_box(), acts[1].bounding_box()
            assert refuse is not None
            assert accept is not None
            assert (refuse["y"], refuse["height"]) == (accept["y"], accept["height"])
            assert abs(refuse["width"] - accept["width"]) <= 1
    if body:
        page.set_viewport_size({"width": 320, "height": 568})
        page.locator("consent-banner .acts button").nth(2).click()
        save = page.locator("consent-banner form button")
        save.focus()
        expect(save).to_be_in_viewport(ratio=1)


def test_a_keyboard_passes_through_and_is_not_kept(visitor: Visitor, sites: Sites) -> None:
    sites.body["news"] = '<a href="/story">A story</a>'
    page = shown(visitor)
    assert page.evaluate("document.activeElement === document.body")
    reached: list[str] = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(document.activeElement.shadowRoot?.activeElement ?? document.activeElement)"
                ".textContent.trim()"
            )
        )
    assert reached[-1] == "A story" or "A story" in reached
    assert reached[:2] == ["Make my choices", "Not now"]
    outline = page.get_by_role("button", name="Make my choices").evaluate(
        "e => { e.focus(); return getComputedStyle(e).outlineStyle }"
    )
    assert outline == "solid"


def test_nothing_that_has_the_focus_is_behind_it(visitor: Visitor, sites: Sites) -> None:
    sites.body["news"] = '<p style="height: 90vh"></p><p><a href="/imprint">Imprint</a></p>'
    page = shown(visitor)
    page.get_by_role("link", name="Imprint").focus()
    page.wait_for_function(
        "() => document.querySelector('consent-banner').getBoundingClientRect().top === 0"
    )


def test_putting_it_off_is_no_choice_and_holds_for_the_visit(visitor: Visitor) -> None:
    page = shown(visitor)
    page.get_by_role("button", name="Not now").click()
    expect(page.locator("consent-banner")).to_be_hidden()
    assert holder(page) is None
    assert "POST /v1/decisions" not in visitor.calls()
    page.reload()
    settle(page)
    page.wait_for_load_state("networkidle")
    assert page.locator("consent-banner").count() == 0
    page.evaluate("consentid.ask()")
    page.get_by_role("button", name="Make my choices").wait_for()


def test_going_back_at_the_hub_without_an_answer_is_as_putting_it_off(visitor: Visitor) -> None:
    page = shown(visitor)
    page.get_by_role("button", name="Make my choices").click()
    page.get_by_role("button", name="Go back without answering").click()
    page.wait_for_url(f"{origin_of('news')}/")
    assert settle(page)["status"] == "empty"
    page.wait_for_load_state("networkidle")
    assert page.locator("consent-banner").count() == 0


def test_of_two_banners_one_is_shown(visitor: Visitor, sites: Sites) -> None:
    sites.body["news"] = "<consent-banner hidden></consent-banner>" * 2
    page = shown(visitor)
    page.evaluate("consentid.ask()")
    expect(page.locator("consent-banner")).to_have_count(2)
    expect(page.locator("consent-banner:visible")).to_have_count(1)


def test_a_brand_gives_it_its_own_look_and_words(visitor: Visitor, sites: Sites) -> None:
    sites.head["news"] = (
        "<style>consent-banner { --consent-paper: rgb(1, 2, 3); --consent-ink: white }"
        " consent-banner::part(go) { border-radius: 33px }</style>"
    )
    sites.body["news"] = (
        '<consent-banner hidden><span slot="title">Hello you</span></consent-banner>'
    )
    page = shown(visitor)
    banner = page.get_by_role("region", name="Hello you")
    assert banner.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(1, 2, 3)"
    go = page.get_by_role("button", name="Make my choices")
    assert go.evaluate("e => getComputedStyle(e).borderRadius") == "33px"
    assert go.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(159, 29, 32)"


def test_it_needs_no_more_of_a_policy_than_the_hub(visitor: Visitor, sites: Sites) -> None:
    """No inline style, no inline script, no eval; trusted types hold."""
    sites.headers["news"] = {
        "Content-Security-Policy": "default-src 'none'; img-src data:; "
        f"script-src {sites.hub} 'unsafe-inline'; connect-src {sites.hub}; "
        "require-trusted-types-for 'script'"
    }
    said: list[str] = []
    visitor.context.on("console", lambda message: said.append(message.text))
    page = shown(visitor)
    assert (
        page.locator("consent-banner section").evaluate("e => getComputedStyle(e).borderTopWidth")
        == "3px"
    )
    visitor.answer_at_hub(page)
    assert state(page)["status"] == "known"
    assert said == []


def test_it_stands_still_where_movement_is_not_wanted(visit: Callable[..., Visitor]) -> None:
    page = shown(visit(**_STILL))
    assert (
        page.locator("consent-banner section").evaluate("e => getComputedStyle(e).animationName")
        == "none"
    )


def test_nobody_is_sent_to_a_hub_that_is_away(visitor: Visitor) -> None:
    page = shown(visitor)
    page.route("**/v1/catalogue*", lambda route: route.abort())
    page.get_by_role("button", name="Make my choices").click()
    expect(page.get_by_role("alert")).to_have_text("That did not work. Please try again.")
    assert page.url == f"{origin_of('news')}/"


def test_a_robot_is_asked_nothing(visit: Callable[..., Visitor], sites: Sites) -> None:
    sites.options["news"] = {"silent": "always"}
    visitor = visit(user_agent="Mozilla/5.0 (compatible; Googlebot/2.1)")
    page = visitor.open("news")
    page.wait_for_load_state("networkidle")
    assert page.locator("consent-banner").count() == 0
    assert visitor.calls() == []
