"""The field app in Chromium: without network, cut off in the middle, closed and opened again."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright
from tests.chromium import PATIENCE_MS
from tests.web.hub import Hub
from tests.web.pages.visits import origin_of
from tests.web.tablets import CLIENT, invite

pytestmark = pytest.mark.browser

_AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_JSON = {"Content-Type": "application/json"}
_SETTLED = "() => window.consentidField?.ready && !window.consentidField.state.isSyncing"
_CONTROLLED = "() => navigator.serviceWorker.controller !== null"


@pytest.fixture(scope="module")
def browser(chromium: Path, hub: Hub) -> Iterator[Browser]:
    """Started after the hub, whose beginning cannot wait in the loop that Playwright runs."""
    assert hub.url
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        yield opened
        opened.close()


def new_tablet(browser: Browser, language: str, *, bypass_csp: bool = False) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        locale=language,
        reduced_motion="reduce",
        bypass_csp=bypass_csp,
    )
    context.set_default_timeout(PATIENCE_MS)
    return context


def open_app(hub: Hub, context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto(f"{origin_of(hub)}/field/")
    page.wait_for_function(_SETTLED)
    return page


def enrol(hub: Hub, page: Page, name: str) -> str:
    """The device's id."""
    invited = invite(hub, name)
    page.locator("#code").fill(invited["code"])
    page.locator("button.act").press("Enter")
    expect(page.locator("form.capture")).to_be_visible()
    page.wait_for_function(_SETTLED)
    return invited["device"]


def capture(page: Page, outcome: str) -> None:
    before = page.locator(".queue li").count()
    page.locator("#operator").fill("agent-7")
    page.locator(f'input[name="choice.ads"][value={outcome}]').check()
    page.locator("form.capture .act").press("Enter")
    expect(page.locator(".queue li")).to_have_count(before + 1)
    expect(page.locator("#told")).to_be_visible()


def captured(hub: Hub, device: str) -> int:
    return hub.rows(f"SELECT count(*) FROM field_entries WHERE device_id = '{device}'")[0][0]


def test_what_is_captured_without_network_arrives_once_however_it_is_cut_off(
    hub: Hub, browser: Browser
) -> None:
    tablet = new_tablet(browser, "fr-FR")
    page = open_app(hub, tablet)
    page.wait_for_function(_CONTROLLED)
    device = enrol(hub, page, "Tablette 7")

    tablet.set_offline(offline=True)
    page.reload()
    page.wait_for_function(_SETTLED)
    capture(page, "granted")
    capture(page, "refused")
    page.close()
    page = open_app(hub, tablet)  # another tab, and no network still
    expect(page.locator('.queue [data-state="queued"]')).to_have_count(2)
    expect(page.locator("#count")).to_have_text("2 attendent une synchronisation")
    assert captured(hub, device) == 0

    def lose_the_answer(route: Route) -> None:
        body = route.request.post_data_buffer
        hub.http.post("/v1/captures/bundles", content=body or b"", headers=_JSON)
        route.abort("connectionreset")

    address = "**/v1/captures/bundles"
    tablet.route(address, lose_the_answer)
    tablet.set_offline(offline=False)
    expect(page.get_by_role("alert")).to_be_visible()  # coming online, it tried
    assert captured(hub, device) == 2
    expect(page.locator('.queue [data-state="queued"]')).to_have_count(2)
    page.close()

    tablet.unroute(address)
    page = open_app(hub, tablet)
    expect(page.locator('.queue [data-state="recorded"]')).to_have_count(2)
    expect(page.locator("#count")).to_have_text("Tout a été transmis.")
    assert captured(hub, device) == 2

    path = f"/v1/field/devices/{device}"
    assert hub.http.delete(path, headers=hub.client_token(CLIENT)).status_code == 204
    page.locator("#sync").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("révoqué")
    expect(page.locator("form.capture")).to_be_hidden()
    tablet.close()


def test_its_key_cannot_be_read_and_it_installs(hub: Hub, browser: Browser) -> None:
    tablet = new_tablet(browser, "en-GB")
    page = open_app(hub, tablet)
    page.wait_for_function(_CONTROLLED)
    enrol(hub, page, "Tablet 8")
    said = page.evaluate(
        "crypto.subtle.exportKey('pkcs8', consentidField.state.device.privateKey)"
        ".then(() => 'read', (error) => error.name)"
    )
    assert said == "InvalidAccessError"
    session = tablet.new_cdp_session(page)
    errors = session.send("Page.getInstallabilityErrors")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] untyped there
    assert errors["installabilityErrors"] in (
        [],
        [{"errorId": "in-incognito", "errorArguments": []}],  # as every context of a test is
    )
    scope = page.evaluate("navigator.serviceWorker.ready.then((found) => found.scope)")
    assert scope == f"{origin_of(hub)}/field/"
    tablet.close()


def test_axe_finds_nothing_in_either_language_nor_when_an_answer_cannot_be(
    hub: Hub, browser: Browser
) -> None:
    tablet = new_tablet(browser, "en-GB", bypass_csp=True)
    page = open_app(hub, tablet)
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    page.evaluate(axe)

    def violations() -> object:
        return page.evaluate(
            "tags => axe.run({runOnly: tags, resultTypes: ['violations'],"
            " preload: false}).then((found) => found.violations.map("
            "({id, nodes}) => [id, nodes.map(({html}) => html)]))",
            _AXE_TAGS,
        )

    assert violations() == [], json.dumps(violations())
    enrol(hub, page, "Tablet 9")
    page.locator("#operator").fill("agent-7")
    page.locator("form.capture .act").press("Enter")
    expect(page.locator("#form-wrong")).to_contain_text("Nothing was chosen")
    page.locator('input[name="choice.ads"][value=refused]').check()
    page.locator('input[name="choice.ads.personalised"][value=granted]').check()
    page.locator("form.capture .act").press("Enter")
    expect(page.locator("#form-wrong")).to_contain_text("cannot be a yes within a no")
    assert violations() == []
    page.locator('input[name="choice.ads.personalised"][value=refused]').check()
    capture(page, "refused")
    expect(page.locator(".queue [data-state=recorded]")).to_have_count(1)
    assert violations() == []
    page.get_by_role("button", name="Français").press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tablet.close()
