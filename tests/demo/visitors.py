"""Visitors of the running demo in real Chromium, and what they do there."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, Request, expect
from tests.chromium import FLAGS, PATIENCE_MS, press, told

from consentid.demo import halcyon
from consentid.demo.stage import Stage

HUB_FETCHES = ("/v1/", "/token", "/authorize")
_SETTLED = "() => window.consentid && window.consentid.state().status !== 'starting'"
_STATE = f"() => ({_SETTLED})() && window.consentid.state()"


@dataclass(kw_only=True)  # no slots: Playwright hangs its own attributes on handlers
class Visitor:
    """One person with one browser profile."""

    context: BrowserContext
    port: int
    asked: list[str] = field(default_factory=list)
    """What was asked of the hub, beside the SDK's files."""

    def __post_init__(self) -> None:
        self.context.on("request", self._note)

    def _note(self, request: Request) -> None:
        hub = halcyon.url_of(halcyon.HUB, self.port)
        path = request.url.removeprefix(hub)
        if path != request.url and path.startswith(HUB_FETCHES):
            self.asked.append(path)

    def url(self, host: str, path: str = "/") -> str:
        return halcyon.url_of(host, self.port) + path

    def open(self, brand: str, path: str = "/", *, page: Page | None = None) -> Page:
        """Type an address, in a new tab unless one is given; wait until the state is known."""
        page = page or self.context.new_page()
        page.goto(self.url(brand, path), wait_until="commit")  # it may leave before it is loaded
        return self.settle(page, brand)

    def settle(self, page: Page, brand: str) -> Page:
        """Wait until a brand's page knows its state, whatever trips that takes."""
        page.wait_for_url(lambda url: url.startswith(self.url(brand)) and "/consent/" not in url)
        page.wait_for_function(_SETTLED)
        return page

    def follow_link(self, page: Page, name: str, brand: str) -> Page:
        """Go to another brand by the link at the foot."""
        foot = page.get_by_role("navigation", name="Also from")
        press(page, foot.get_by_role("link", name=name))
        return self.settle(page, brand)

    def answer_at_hub(self, page: Page, brand: str, act: str = "Accept all") -> Page:
        """From the banner to the hub's page, answer there, and be back."""
        banner(page).get_by_role("button", name="Make my choices").click()
        page.get_by_role("button", name=act, exact=True).click()
        return self.settle(page, brand)

    def sign_in(
        self, page: Page, brand: str, login: str, password: str, *, differs: bool = False
    ) -> Page:
        """Sign in at the portal, from a brand's page.

        Where the device ``differs`` from the account, the hub says so, and one goes on.
        """
        page.locator("#sign").click()
        page.get_by_label("Name").fill(login)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        if differs:
            page.get_by_role("button", name="Go on with my answers as they are").click()
        return self.settle(page, brand)

    @contextmanager
    def without_hub(self) -> Generator[None]:
        """Nothing of the hub can be reached."""
        pattern = self.url(halcyon.HUB, "/**")
        self.context.route(pattern, lambda route: route.abort("connectionrefused"))
        yield
        self.context.unroute(pattern)


def banner(page: Page) -> Locator:
    return page.locator("consent-banner").first


def state(page: Page) -> dict[str, Any]:
    """What the SDK says, once it knows."""
    return told(page, _STATE)


def granted(page: Page) -> frozenset[str]:
    return frozenset(state(page)["granted"])


def keep_nothing(page: Page) -> None:
    """Clear this site's storage, as a person does in the browser's settings."""
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")


def expect_no_banner(page: Page) -> None:
    """Neither now nor a moment later."""
    if state(page)["status"] != "known":
        page.wait_for_load_state("networkidle")
    expect(banner(page)).to_be_hidden()


@contextmanager
def profile(
    playwright: Playwright, chromium: Path, folder: Path, stage: Stage, *, blocks: bool
) -> Generator[Visitor]:
    """A browser profile that lasts; with third-party cookies blocked or allowed."""
    preferences = folder / "Default" / "Preferences"
    if not preferences.exists():
        preferences.parent.mkdir(parents=True, exist_ok=True)
        chosen = {"cookie_controls_mode": 1 if blocks else 0, "block_third_party_cookies": blocks}
        preferences.write_text(json.dumps({"profile": chosen}))
    context = playwright.chromium.launch_persistent_context(
        folder, executable_path=chromium, args=[*FLAGS], locale="en"
    )
    context.set_default_timeout(PATIENCE_MS)
    yield Visitor(context=context, port=stage.scene().port)
    context.close()


@contextmanager
def browser(playwright: Playwright, chromium: Path) -> Generator[Browser]:
    """A browser for short-lived profiles, which block third-party cookies."""
    flags = [*FLAGS, "--test-third-party-cookie-phaseout"]
    opened = playwright.chromium.launch(executable_path=chromium, args=flags)
    yield opened
    opened.close()


@contextmanager
def short_visit(opened: Browser, stage: Stage, **more: Any) -> Generator[Visitor]:
    """Somebody whose profile goes with them."""
    context = opened.new_context(locale="en", **more)
    context.set_default_timeout(PATIENCE_MS)
    yield Visitor(context=context, port=stage.scene().port)
    context.close()
