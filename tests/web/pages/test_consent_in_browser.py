"""The consent page in Chromium: two answers alike, by keyboard, by ear, on any screen."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.chromium import FLAGS
from tests.web.pages.gallery import Gallery, opened, serving

pytestmark = pytest.mark.browser

_STATES = ["news", "shop", "play", "told", "sharing", "delta", "again"]
_SCHEMES: tuple[Literal["dark", "light"], ...] = ("light", "dark")
_ALIKE = """() => ['refuse', 'accept'].map(act => {
  const e = document.querySelector(`.answer button[value=${act}]`), s = getComputedStyle(e);
  return {tag: e.tagName, class: e.className, color: s.color, ground: s.backgroundColor,
    border: s.border, radius: s.borderRadius, font: s.font, shadow: s.boxShadow,
    opacity: s.opacity, filter: s.filter, order: s.order, tab: e.tabIndex}})"""
_READ = """() => { const [r, g, b] = getComputedStyle(document.body).backgroundColor
  .match(/[\\d.]+/g).map(Number); return 0.3 * r + 0.6 * g + 0.1 * b }"""


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    with serving(Gallery) as address:
        yield address


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=[*FLAGS])
        yield started
        started.close()


def _boxes(page: Page) -> list[dict[str, float]]:
    return page.evaluate(
        "() => ['refuse', 'accept'].map(act => document.querySelector("
        "`.answer button[value=${act}]`).getBoundingClientRect().toJSON())"
    )


@pytest.mark.parametrize("state", _STATES)
@pytest.mark.parametrize("scheme", _SCHEMES)
def test_refusing_and_accepting_are_alike_in_look_size_and_place(
    browser: Browser, gallery: str, state: str, scheme: Literal["dark", "light"]
) -> None:
    with opened(browser, 1280, 900, scripts=True, color_scheme=scheme) as page:
        for language in ("en", "fr"):
            page.goto(f"{gallery}/{language}/{state}")
            for width, height in ((1280, 900), (390, 844), (320, 640)):
                page.set_viewport_size({"width": width, "height": height})
                refuse, accept = page.evaluate(_ALIKE)
                assert refuse == accept
                no, yes = _boxes(page)
                assert (no["width"], no["height"]) == (yes["width"], yes["height"])
                assert no["y"] == yes["y"] or no["x"] == yes["x"]
                for box in (no, yes):
                    assert box["y"] >= 0
                    assert box["y"] + box["height"] <= height, "both are in sight at once"


def test_a_dark_screen_gets_a_dark_page_and_a_light_one_a_light_one(
    browser: Browser, gallery: str
) -> None:
    for state in ("news", "shop", "sharing", "sign-out", "home", "message-expired"):
        lightness: dict[str, float] = {}
        for scheme in _SCHEMES:
            with opened(browser, 390, 844, scripts=True, color_scheme=scheme) as page:
                page.goto(f"{gallery}/en/{state}")
                lightness[scheme] = page.evaluate(_READ)
        assert lightness["dark"] < 64, state
        assert lightness["light"] > 192, state


def test_twice_the_type_size_needs_no_scrolling_sideways(browser: Browser, gallery: str) -> None:
    """Text alone made twice as large, as browsers may be told to.  Spec: WCAG 2.2, 1.4.4."""
    with opened(browser, 640, 800, scripts=True, bypass_csp=True) as page:
        for state in (*_STATES, "new-here", "home", "device-confirm"):
            page.goto(f"{gallery}/fr/{state}")
            page.add_style_tag(content="html { font-size: 200% }")
            page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth") <= 640, state


def test_what_has_the_focus_is_never_under_the_answers(browser: Browser, gallery: str) -> None:
    """Spec: WCAG 2.2, 2.4.11."""
    with opened(browser, 390, 844, scripts=True) as page:
        page.goto(f"{gallery}/en/news")
        page.evaluate("document.querySelector('details').open = true")
        seen: list[str] = []
        for _ in range(80):
            page.keyboard.press("Tab")
            told = page.evaluate(
                """() => { const e = document.activeElement, r = e.getBoundingClientRect(),
                  top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
                  return {name: `${e.name}${e.value}`, body: e === document.body,
                    shown: !!top && (e.contains(top) || top.contains(e))} }"""
            )
            if told["body"]:
                break
            assert told["shown"], told
            seen.append(told["name"])
        assert any("choice." in name for name in seen)
        assert "actlater" in seen


def test_a_keyboard_alone_reads_chooses_and_corrects(browser: Browser, gallery: str) -> None:
    with opened(browser, 1280, 900, scripts=True) as page:
        page.goto(f"{gallery}/en/news")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()
        summary = page.get_by_text("Choose one by one")
        while page.evaluate("document.activeElement.tagName") != "SUMMARY":
            page.keyboard.press("Tab")
        expect(summary).to_be_focused()
        page.keyboard.press("Space")
        expect(page.locator("details.choose")).to_have_attribute("open", "")
        names = page.evaluate(
            "() => [...new Set([...document.querySelectorAll('input[type=radio]')]"
            ".map(each => each.name))]"
        )
        for place, name in enumerate(names):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.name") == name
            assert not page.evaluate(
                "document.querySelector(`[name='${document.activeElement.name}']:checked`)"
            )
            page.keyboard.press("Space" if place % 2 else "ArrowDown")
            assert page.evaluate("document.activeElement.checked")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name").startswith("object.")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Save my choices")).to_be_focused()


def test_a_screen_reader_hears_who_asks_what_and_how_to_answer(
    browser: Browser, gallery: str
) -> None:
    with opened(browser, 1280, 900, scripts=True) as page:
        page.goto(f"{gallery}/en/delta")
        page.evaluate("document.querySelector('details').open = true")
        heard = page.locator("body").aria_snapshot()
        order = [
            'link "Skip to the content"',
            'navigation "Language"',
            "main:",
            'heading "Before you read on" [level=1]',
            "3 brands, 3 legal entities",
            'region "Why you are asked now"',
            "Your yes ended on 3 May 2026",
            'list "What we ask for"',
            'region "Where your answer counts"',
            'region "What happens next"',
            "you are not asked again for 184 days",
            'button "Refuse all"',
            'button "Accept all"',
            'group "Advertising"',
            'radio "No"',
            'radio "Yes"',
            'button "Save my choices"',
            "contentinfo",
        ]
        at = -1
        for words in order:
            found = heard.find(words, at + 1)
            assert found > at, f"{words!r} is not heard after what precedes it:\n{heard}"
            at = found
        described = page.get_by_role("group", name="Personalised ads", exact=True)
        expect(described).to_have_accessible_description(re.compile("^Choose ads .*Part of: Adv"))
        assert not page.locator("input:checked").count()


def test_colours_that_a_person_forces_hide_nothing(browser: Browser, gallery: str) -> None:
    with opened(browser, 390, 844, scripts=True, forced_colors="active") as page:
        page.goto(f"{gallery}/en/told")
        for act in ("refuse", "accept"):
            style = page.locator(f".answer button[value={act}]").evaluate(
                "e => { const s = getComputedStyle(e); return [s.borderStyle, s.borderWidth] }"
            )
            assert style == ["solid", "2px"]


def test_paper_carries_every_purpose_and_no_button(browser: Browser, gallery: str) -> None:
    with opened(browser, 800, 1100, scripts=True, color_scheme="dark") as page:
        page.goto(f"{gallery}/en/play")
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name="Accept all")).to_be_hidden()
        expect(page.get_by_text("Watching together").last).to_be_visible()
        assert page.evaluate(_READ) == pytest.approx(255, abs=1)
