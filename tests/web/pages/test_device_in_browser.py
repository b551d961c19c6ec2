"""A phone connects a TV, in Chromium and without a script: by typing, and by the TV's QR code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.chromium import FLAGS, PATIENCE_MS
from tests.web.hub import Hub, forget
from tests.web.pages.test_device_pages import poll, switch_on
from tests.web.pages.visits import origin_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium: Path, hub: Hub) -> Iterator[Browser]:
    """Started after the hub, whose beginning cannot wait in the loop that Playwright runs."""
    assert hub.url
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=[*FLAGS])
        yield opened
        opened.close()


@pytest.fixture
def phone(browser: Browser, valkey_url: str) -> Iterator[Page]:
    forget(valkey_url, "limit:device_*")
    context = browser.new_context(
        viewport={"width": 360, "height": 740},
        locale="fr-FR",
        java_script_enabled=False,
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def does_not_overflow(page: Page) -> bool:
    return page.locator("html").bounding_box() is not None and all(
        box is None or box["x"] + box["width"] <= 360
        for box in (each.bounding_box() for each in page.locator("main *:visible").all())
    )


def test_a_code_is_typed_compared_and_answered_by_keyboard(hub: Hub, phone: Page) -> None:
    codes = switch_on(hub, device_name="Salon")
    phone.goto(f"{origin_of(hub)}/device")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Connecter un appareil")
    assert does_not_overflow(phone)

    phone.get_by_label("Code").fill("bcdf bcdf")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("alert")).to_be_visible()
    phone.get_by_label("Code").fill(codes["user_code"].replace("-", "").lower())
    phone.keyboard.press("Enter")

    expect(phone.get_by_text(codes["user_code"], exact=True)).to_be_visible()
    expect(phone.get_by_text("Salon")).to_be_visible()
    assert does_not_overflow(phone)
    deny, confirm = phone.get_by_role("button").all()
    sizes = [each.bounding_box() for each in (deny, confirm)]
    assert sizes[0] is not None
    assert sizes[1] is not None
    assert sizes[0]["width"] == sizes[1]["width"]
    confirm.press("Enter")

    expect(phone).to_have_url(re.compile("/interaction/"))
    expect(phone.locator("html")).to_have_attribute("lang", "fr")
    phone.locator("button[value=refuse]").first.press("Enter")

    expect(phone).to_have_url(f"{origin_of(hub)}/device/connected")
    body = poll(hub, codes)
    assert "consent_token" in body


def test_a_scanned_code_shows_who_asks_first_and_a_no_reaches_the_tv(hub: Hub, phone: Page) -> None:
    codes = switch_on(hub)
    phone.goto(codes["verification_uri_complete"])
    expect(phone.get_by_text(codes["user_code"], exact=True)).to_be_visible()
    expect(phone.get_by_text("un téléviseur")).to_be_visible()
    assert poll(hub, codes)["error"] == "authorization_pending"
    phone.locator("button[value=deny]").click()
    expect(phone).to_have_url(f"{origin_of(hub)}/device/denied")
    assert poll(hub, codes)["error"] == "access_denied"
