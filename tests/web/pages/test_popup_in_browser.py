"""A sign-in library opens the hub in a window of its own, and hears from it when that is done."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.chromium import FLAGS, PATIENCE_MS
from tests.web.hub import Hub
from tests.web.pages.gallery import Quiet, serving
from tests.web.pages.visits import authorize_path, origin_of

pytestmark = pytest.mark.browser

_CALLBACK = b"<script>opener && opener.postMessage(location.search, location.origin)</script>"
_OPEN = """address => new Promise(heard => {
  addEventListener("message", ({ data }) => heard(data));
  globalThis.popup = open(address, "hub", "width=480,height=640");
})"""


class _Site(Quiet):
    """The news site, whose callback tells the window that opened it."""

    def do_GET(self) -> None:  # noqa: N802 - the name that the standard library calls
        is_callback = self.path.startswith("/callback")
        self.answer(_CALLBACK if is_callback else b"<title>front</title>", "text/html", {})


@pytest.fixture(scope="module")
def browser(chromium: Path, hub: Hub) -> Iterator[Browser]:
    """Started after the hub, whose beginning cannot wait in the loop that Playwright runs."""
    assert hub.url
    with serving(_Site) as site, sync_playwright() as playwright:
        rule = f"MAP news.localhost:7600 {site.removeprefix('http://')}"
        opened = playwright.chromium.launch(
            executable_path=str(chromium), args=[*FLAGS, f"--host-resolver-rules={rule}"]
        )
        yield opened
        opened.close()


def test_a_window_that_was_opened_for_it_tells_its_opener_of_the_answer(
    browser: Browser, hub: Hub
) -> None:
    context = browser.new_context(locale="en")
    context.set_default_timeout(PATIENCE_MS)
    front = context.new_page()
    front.goto("http://news.localhost:7600/")
    with context.expect_page() as opening:
        front.evaluate(
            f"address => {{ globalThis.heard = ({_OPEN})(address) }}",
            origin_of(hub) + authorize_path(),
        )
    popup = opening.value
    popup.wait_for_selector("button[value=accept]")
    assert popup.evaluate("opener !== null")
    popup.click("button[value=accept]")
    told = front.evaluate("heard")
    assert "code=" in told
    assert "state=the-state" in told
    context.close()


def test_the_opener_reads_nothing_of_the_hub(browser: Browser, hub: Hub) -> None:
    context = browser.new_context(locale="en")
    context.set_default_timeout(PATIENCE_MS)
    front = context.new_page()
    front.goto("http://news.localhost:7600/")
    with context.expect_page() as opening:
        front.evaluate(
            f"address => {{ globalThis.heard = ({_OPEN})(address) }}",
            origin_of(hub) + authorize_path(),
        )
    opening.value.wait_for_selector("button[value=accept]")
    for reading in ("popup.document.title", "popup.location.href", "popup.localStorage"):
        assert (
            front.evaluate(f"(() => {{ try {{ return !{reading} }} catch {{ return 'no' }} }})()")
            == "no"
        )
    context.close()
