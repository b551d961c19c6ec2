"""The preference centre in Chromium: keyboard, axe, small and zoomed screens, no script at all."""

import json
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.chromium import FLAGS, PATIENCE_MS
from tests.web.hub import Hub
from tests.web.pages.visits import origin_of

pytestmark = pytest.mark.browser

PATHS = [
    *("", "/history", "/reads", "/devices"),
    *("/notices/news", "/decision", "/receipt", "/everything"),
]
_AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_OPEN = "document.querySelectorAll('details').forEach(each => each.open = true)"
_PRESSED = "button, summary, a.small, a.more, .tabs a, .back a, .languages a"
_STYLE = """e => { const s = getComputedStyle(e), r = e.getBoundingClientRect();
  return [s.color, s.backgroundColor, s.borderTopColor, s.font, s.opacity, r.width, r.height] }"""


@pytest.fixture(scope="module")
def browser(chromium: Path, hub: Hub) -> Iterator[Browser]:
    """Started after the hub, whose beginning cannot wait in the loop that Playwright runs."""
    assert hub.url
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=[*FLAGS])
        yield opened
        opened.close()


@contextmanager
def visiting(
    browser: Browser, hub: Hub, width: int, *, scripts: bool = False, bypass_csp: bool = False
) -> Generator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        locale="en",
        base_url=origin_of(hub),
        java_script_enabled=scripts,
        bypass_csp=bypass_csp,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto("/preferences")
    yield page
    assert said == []
    context.close()


def faults_of(page: Page) -> str:
    """What axe finds on a page; nothing where it finds none."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run({runOnly: tags, resultTypes: ['violations'],"
        " rules: {'target-size': {enabled: true}}})",
        _AXE_TAGS,
    )
    return json.dumps(found["violations"], indent=1)[:3000] if found["violations"] else ""


def answer_some(page: Page) -> None:
    """Somebody with a yes, a no at one brand, and a history."""
    with page.expect_navigation():
        page.get_by_role("button", name="Accept all").click()
    press(page, "Personalised ads, at Halcyon Market alone", "No", within="p-ads-personalised")


def press(page: Page, group: str, name: str, *, within: str | None = None) -> None:
    if within is not None:
        for folded in (f"details.parts:has(#{within})", f"#{within} details"):
            if not page.locator(f"{folded}[open]").count():
                page.locator(f"{folded} > summary").click()
    with page.expect_navigation():
        page.get_by_role("group", name=group, exact=True).get_by_role("button", name=name).click()


def look(page: Page, path: str, language: str = "en") -> None:
    if path in ("/decision", "/receipt"):
        page.goto(f"/preferences/history?lang={language}")
        with page.expect_navigation():
            page.locator(f'.ways a[href*="{path}s/"]').first.click()
    else:
        page.goto(f"/preferences{path}?lang={language}")


@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_and_nothing_needs_scrolling_sideways(
    browser: Browser, hub: Hub, width: int
) -> None:
    with visiting(browser, hub, width, scripts=True, bypass_csp=True) as page:
        for is_known in (False, True):
            if is_known:
                page.goto("/preferences")
                answer_some(page)
            for path in PATHS if is_known else PATHS[:4]:
                look(page, path, "fr" if width == 320 else "en")
                page.evaluate(_OPEN)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                told = faults_of(page)
                assert not told, (path, told)


def test_at_twice_the_size_nothing_needs_scrolling_sideways(browser: Browser, hub: Hub) -> None:
    """1280 pixels at 200 % are 640.  Spec: WCAG 2.2, 1.4.4 and 1.4.10."""
    with visiting(browser, hub, 640, scripts=True) as page:
        answer_some(page)
        for path in PATHS:
            look(page, path, "fr")
            page.evaluate(_OPEN)
            assert page.evaluate("document.documentElement.scrollWidth") <= 640


def test_what_is_pressed_is_large_enough_for_a_finger(browser: Browser, hub: Hub) -> None:
    with visiting(browser, hub, 390, scripts=True) as page:
        answer_some(page)
        for path in PATHS:
            look(page, path)
            page.evaluate(_OPEN)
            heights: list[float] = page.evaluate(
                "pressed => [...document.querySelectorAll(pressed)]"
                ".map(each => each.getBoundingClientRect().height)",
                _PRESSED,
            )
            assert min(heights) >= 44, path


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_yes_and_no_look_alike_until_one_is_the_answer(
    browser: Browser, hub: Hub, width: int
) -> None:
    with visiting(browser, hub, width, scripts=True) as page:
        for buttons in (page.locator(".all button"), page.locator("#p-content .switch button")):
            first, second = (buttons.nth(each).evaluate(_STYLE) for each in (0, 1))
            assert [round(each, 0) if isinstance(each, float) else each for each in first] == [
                round(each, 0) if isinstance(each, float) else each for each in second
            ]


def test_without_scripts_a_person_answers_takes_back_and_reads_what_was_recorded(
    browser: Browser, hub: Hub
) -> None:
    with visiting(browser, hub, 390) as page:
        answer_some(page)
        assert "saved=1" in page.url
        assert page.url.endswith("#p-ads-personalised")
        assert page.locator("#p-ads-personalised details[open]").count() == 1
        with page.expect_navigation():
            page.get_by_role("button", name="Take back every consent").click()
        expect(page.get_by_role("status")).to_have_text(re.compile(r"^\s*Saved\."))
        page.get_by_role("link", name="History").click()
        expect(page.locator(".timeline > li")).to_have_count(3)
        page.get_by_role("link", name="What you were shown").last.click()
        expect(page.locator("article.notice")).to_have_count(1)


def test_a_keyboard_alone_says_no_for_one_purpose(browser: Browser, hub: Hub) -> None:
    with visiting(browser, hub, 1280, scripts=True) as page:
        reached: list[str] = []
        for _ in range(60):
            page.keyboard.press("Tab")
            told: list[str] = page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e);
                  return [e.value || e.textContent.trim(), s.outlineStyle, s.outlineWidth] }"""
            )
            assert told[1:] == ["solid", "3px"], told
            reached.append(told[0])
            if told[0] == "refused group ads":
                break
        assert reached[0] == "Skip to the content"
        assert reached.index("My choices") < reached.index("refuse") < reached.index("accept")
        page.keyboard.press("Enter")
        page.wait_for_url("**#p-ads")
        pressed = page.locator("#p-ads .switch").first.locator("button[aria-pressed=true]")
        expect(pressed).to_have_text("No")


def test_the_page_is_light_and_quickly_made(browser: Browser, hub: Hub) -> None:
    with visiting(browser, hub, 390, scripts=True) as page:
        answer_some(page)
        weights: list[int] = []
        page.on(
            "response",
            lambda response: weights.append(response.request.sizes()["responseBodySize"]),
        )
        page.goto("/preferences?lang=fr")
        page.wait_for_load_state("networkidle")
        assert sum(weights) < 60_000
