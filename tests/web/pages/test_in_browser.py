"""The pages in Chromium: equal buttons, keyboard, small and zoomed screens, axe, no script at all.

What must not depend on scripts is looked at in a browser whose scripts are switched off.
"""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.chromium import FLAGS
from tests.web.hub import Hub
from tests.web.pages.gallery import Gallery, Quiet, opened, serving
from tests.web.pages.views import all_views
from tests.web.pages.visits import authorize_path, origin_of

pytestmark = pytest.mark.browser

_PAGES = [
    (name, language)
    for language in ("en", "fr")
    for name in all_views(language)
    if not name.startswith("message-") or name == "message-stale"  # all of one shape
]
_LONGEST = [each for each in _PAGES if each[1] == "fr"]
"""Of both languages, the one with the longer words."""
_AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_PRESSED = "button, summary, label:has(input), .languages a, a.more, .other a, a.act, input.code"
_STYLE = """e => { const s = getComputedStyle(e), r = e.getBoundingClientRect();
  return [s.color, s.backgroundColor, s.borderColor, s.borderRadius, s.font, s.boxShadow,
    s.opacity, s.textTransform, r.width, r.height, r.y] }"""


class _Site(Quiet):
    """The news site: its callback goes on to its front page, as sites do."""

    def do_GET(self) -> None:  # noqa: N802 - the name that the standard library calls
        if self.path.startswith("/callback"):
            self.send_response(303)
            self.send_header("Location", "http://news.localhost:7600/front")
            self.end_headers()
        else:
            self.answer(b"<title>front</title>", "text/html", {})


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    with serving(Gallery) as address:
        yield address


@pytest.fixture(scope="module")
def browser(chromium: Path, hub: Hub) -> Iterator[Browser]:
    """Started after the hub, whose beginning cannot wait in the loop that Playwright runs."""
    assert hub.url
    with serving(_Site) as site, sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(chromium),
            args=[
                *FLAGS,
                f"--host-resolver-rules=MAP news.localhost:7600 {site.removeprefix('http://')}",
            ],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def looked_through(browser: Browser) -> Iterator[Page]:
    """One window for all pages that are looked through by axe, which our policy keeps out."""
    with opened(browser, 390, 844, scripts=True, bypass_csp=True) as page:
        yield page


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One window for all pages, under our policy, which none of them may offend against."""
    with opened(browser, 390, 844, scripts=True) as page:
        yield page


@pytest.mark.parametrize(("name", "language"), _PAGES)
def test_axe_finds_nothing(looked_through: Page, gallery: str, name: str, language: str) -> None:
    page = looked_through
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    page.goto(f"{gallery}/{language}/{name}")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run({runOnly: tags, resultTypes: ['violations'],"
        " rules: {'target-size': {enabled: true}}})",
        _AXE_TAGS,
    )
    assert not found["violations"], json.dumps(found["violations"], indent=1)[:4000]


@pytest.mark.parametrize(("name", "language"), _LONGEST)
def test_nothing_needs_scrolling_sideways_and_what_is_pressed_is_large_enough_for_a_finger(
    window: Page, gallery: str, name: str, language: str
) -> None:
    """320 pixels are 1280 at 400 % zoom, 640 are 1280 at 200 %.  Spec: WCAG 2.2, 1.4.10."""
    window.goto(f"{gallery}/{language}/{name}")
    window.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    for width in (320, 640, 390):
        window.set_viewport_size({"width": width, "height": 844})
        assert window.evaluate("document.documentElement.scrollWidth") <= width
    heights: list[float] = window.evaluate(
        "pressed => [...document.querySelectorAll(pressed)]"
        ".map(each => each.getBoundingClientRect().height)",
        _PRESSED,
    )
    assert heights
    assert min(heights) >= 44


@pytest.mark.parametrize("brand", ["news", "shop", "play", "sharing"])
def test_accepting_and_refusing_look_alike(window: Page, gallery: str, brand: str) -> None:
    window.goto(f"{gallery}/en/{brand}")
    for width in (320, 390, 1280):
        window.set_viewport_size({"width": width, "height": 800})
        refuse, accept = (
            window.locator(f"button[value={act}]").evaluate(_STYLE) for act in ("refuse", "accept")
        )
        assert refuse[:-1] == accept[:-1]
        assert (refuse[-1] == accept[-1]) == (width != 320)


def test_a_keyboard_reaches_everything_in_the_order_read(browser: Browser, gallery: str) -> None:
    with opened(browser, 1280, 800, scripts=True) as page:
        page.goto(f"{gallery}/en/news")
        reached: list[str] = []
        for _ in range(12):
            page.keyboard.press("Tab")
            told = page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e);
                  return [e.value || e.textContent.trim(), s.outlineStyle, s.outlineWidth] }"""
            )
            assert told[1:] == ["solid", "3px"], told
            reached.append(told[0])
            if told[0] == "Choose one by one":
                break
        assert reached == [
            "Skip to the content",
            "English",
            "Français",
            "Answer for Halcyon News alone",
            "refuse",
            "accept",
            "Choose one by one",
        ]
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.evaluate("document.activeElement.type") == "radio"


def test_moving_is_left_out_where_it_is_not_wanted(browser: Browser, gallery: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{gallery}/en/news")
    durations = page.evaluate(
        """() => [...document.querySelectorAll('*')]
          .map(each => getComputedStyle(each).transitionDuration)"""
    )
    context.close()
    assert set(durations) == {"0s"}


@pytest.mark.parametrize("act", ["Accept all", "Refuse all"])
def test_without_scripts_a_person_answers_and_is_back_at_the_site(
    browser: Browser, hub: Hub, act: str
) -> None:
    """The callback's own redirect is followed too: ``form-action`` names the brand's hosts."""
    with opened(browser, 390, 844) as page:
        page.goto(origin_of(hub) + authorize_path())
        page.get_by_role("button", name=act, exact=True).click()
        page.wait_for_url("http://news.localhost:7600/front")
        expect(page).to_have_title("front")


def test_without_scripts_a_person_chooses_one_by_one(browser: Browser, hub: Hub) -> None:
    with opened(browser, 1280, 800) as page:
        page.goto(origin_of(hub) + authorize_path(ui_locales="fr"))
        page.get_by_text("Choisir une par une").click()
        for no in page.get_by_role("radio", name="Non", exact=True).all():
            no.check()
        page.get_by_role("button", name="Enregistrer mes choix").click()
        page.wait_for_url("http://news.localhost:7600/front")


def test_a_yes_under_a_no_comes_back_with_what_is_wrong(browser: Browser, hub: Hub) -> None:
    with opened(browser, 1280, 800) as page:
        page.goto(origin_of(hub) + authorize_path())
        personalised = page.get_by_role("group", name="Personalised ads", exact=True)
        page.get_by_text("Choose one by one").click()
        for no in page.get_by_role("radio", name="No", exact=True).all():
            no.check()
        personalised.get_by_role("radio", name="Yes", exact=True).check()
        page.get_by_role("button", name="Save my choices").click()
        expect(page.get_by_role("alert")).to_contain_text("Personalised ads")
        expect(page.locator(":focus")).to_contain_text("One answer needs another look")
        expect(page).to_have_title(re.compile("^Correction needed"))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(personalised).to_be_focused()
        personalised.get_by_role("radio", name="No", exact=True).check()
        page.get_by_role("button", name="Save my choices").click()
        page.wait_for_url("http://news.localhost:7600/front")


def test_the_consent_page_is_never_framed(browser: Browser, hub: Hub, gallery: str) -> None:
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(f"{gallery}/en/news")
    with page.expect_event("requestfailed"):
        page.evaluate(
            "address => { const f = document.createElement('iframe'); f.src = address;"
            " document.body.append(f) }",
            origin_of(hub) + authorize_path(),
        )
    page.wait_for_function("frames.length === 1 && document.readyState === 'complete'")
    page.frames[1].wait_for_load_state()
    frames = [frame.url for frame in page.frames[1:]]
    context.close()
    assert frames == ["chrome-error://chromewebdata/"]
