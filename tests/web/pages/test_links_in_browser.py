"""A consent link in Chromium: its script takes it out of the address, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.chromium import PATIENCE_MS
from tests.web.hub import Hub, forget
from tests.web.pages.linking import Sender
from tests.web.pages.test_preferences_in_browser import faults_of
from tests.web.pages.visits import origin_of

from consentid.brandbook.client import Scope

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    forget(valkey_url, "limit:*")


@pytest.fixture(scope="module")
def sender(hub: Hub) -> Sender:
    """Registered before Playwright's loop runs."""
    return Sender(hub=hub).register(Scope.LINKS_WRITE)


@pytest.fixture(scope="module")
def links(sender: Sender) -> list[str]:
    return [sender.mint() for _ in range(2)]


@pytest.fixture(scope="module")
def browser(chromium: Path, links: list[str]) -> Iterator[Browser]:
    assert links
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        yield opened
        opened.close()


def window(browser: Browser, hub: Hub, *, scripts: bool = True, bypass_csp: bool = False) -> Page:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        locale="en",
        base_url=origin_of(hub),
        java_script_enabled=scripts,
        bypass_csp=bypass_csp,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def test_a_link_leaves_the_address_and_is_answered_by_a_press_alone(
    browser: Browser, hub: Hub, links: list[str]
) -> None:
    asked: list[str] = []
    scanner = window(browser, hub)
    scanner.goto(links[0])
    expect(scanner.get_by_role("heading", level=1)).to_have_text("A question for you")
    scanner.context.close()  # whatever looked at it on its way did nothing

    page = window(browser, hub)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(links[0])
    expect(page.get_by_text("m•••@example.org")).to_be_visible()
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you: you said yes")
    sealed = links[0].partition("#")[2]
    assert not any(sealed in address for address in asked if "#" not in address)
    page.goto("about:blank")
    page.goto(links[0])
    expect(page.get_by_role("heading", level=1)).to_have_text("This link was answered already")
    assert "#" not in page.url
    page.context.close()


def test_axe_finds_nothing_where_a_link_is_pasted(browser: Browser, hub: Hub) -> None:
    page = window(browser, hub, bypass_csp=True)
    page.goto("/link")
    assert not faults_of(page)
    page.context.close()


def test_without_scripts_the_link_is_pasted(browser: Browser, hub: Hub, links: list[str]) -> None:
    page = window(browser, hub, scripts=False)
    page.goto(links[1])
    page.get_by_label("Link").fill(links[1])
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You said no")
    page.context.close()
