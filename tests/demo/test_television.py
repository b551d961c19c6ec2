"""Play on a television, in Chromium without what came after 2016, by four arrows, OK and back.

Nobody waits for a clock here: where time has to pass, the page's own is wound.  The hub minds the
hurry for codes that nobody has answered alone.
"""

import json
import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.chromium import FLAGS, PATIENCE_MS

from consentid.demo import halcyon
from consentid.demo.stage import Stage

pytestmark = pytest.mark.browser

SIZES = {"full": (1920, 1080), "half": (1280, 720)}
_AN_OLD_ENGINE = r"""
  // Missing for whatever the app loaded; Playwright's own scripts, in the same page, need some.
  const isTheApp = () => /https?:[/][/][^ )]*[.]js/.test(new Error().stack.split("\n")[3]);
  const forget = (from, names) => names.forEach((name) => {
    const held = Object.getOwnPropertyDescriptor(from, name);
    if (!held) return;
    Object.defineProperty(from, name, {
      configurable: true,
      get() { return isTheApp() ? undefined : held.get ? held.get.call(this) : held.value; },
      set() {},
    });
  });
  forget(window, ["fetch", "Promise", "Map", "Set", "WeakMap", "WeakSet", "Symbol", "Proxy",
    "Reflect", "URL", "URLSearchParams", "AbortController", "TextEncoder", "IntersectionObserver",
    "MutationObserver", "ResizeObserver", "structuredClone", "queueMicrotask", "BigInt", "CSS",
    "crypto", "requestAnimationFrame", "requestIdleCallback", "customElements"]);
  forget(Crypto.prototype, ["subtle", "randomUUID", "getRandomValues"]);
  forget(NodeList.prototype, ["forEach", "entries", "keys", "values"]);
  forget(String.prototype, ["includes", "startsWith", "endsWith", "repeat", "padStart", "padEnd"]);
  forget(Array.prototype, ["includes", "find", "findIndex", "fill", "flat", "at", "entries"]);
  forget(Element.prototype, ["closest", "append", "prepend", "replaceWith", "toggleAttribute",
    "remove", "matches", "classList", "before", "after", "animate"]);
  forget(HTMLElement.prototype, ["dataset"]);
  forget(KeyboardEvent.prototype, ["key", "code"]);
  forget(Object, ["assign", "entries", "values"]);
"""
_PROBE = """
  document.title = [typeof fetch, typeof Promise, typeof "".includes, typeof window.crypto,
    typeof document.body.classList, typeof document.querySelectorAll("*").forEach].join();
"""
_A_LOST_ANSWER = """
  // While `lost` is kept, what /token answers never arrives, although it was done.
  const { open, send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, url) {
    this.address = url;
    open.apply(this, arguments);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (sessionStorage.getItem("lost") !== "next" || !/token$/.test(this.address)) {
      return send.call(this, body);
    }
    sessionStorage.setItem("lost", "asked");
    const done = new XMLHttpRequest();
    open.call(done, "POST", this.address, true);
    done.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    done.onload = () => document.documentElement.setAttribute("data-lost", done.status);
    send.call(done, body);
  };
"""
_HBBTV = """
  window.KeyEvent = {
    VK_LEFT: 137, VK_UP: 138, VK_RIGHT: 139, VK_DOWN: 140, VK_ENTER: 113, VK_BACK: 1461,
  };
  HTMLObjectElement.prototype.getOwnerApplication = () => ({
    show() {}, privateData: { keyset: { setValue(keys) { window.keysAskedFor = keys; } } },
  });
"""


@pytest.fixture(scope="module")
def browser(stage: Stage, chromium: Path) -> Iterator[Browser]:
    """Started after the stage, whose beginning cannot wait in the loop that Playwright runs."""
    assert stage.prepared
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=[*FLAGS])
        yield opened
        opened.close()


_WAYS = """(id) => {
    const on = document.activeElement.getBoundingClientRect();
    const to = document.getElementById(id).getBoundingClientRect();
    const dx = to.left + to.width / 2 - on.left - on.width / 2;
    const dy = to.top + to.height / 2 - on.top - on.height / 2;
    const across = dx > 0 ? "ArrowRight" : "ArrowLeft", along = dy > 0 ? "ArrowDown" : "ArrowUp";
    return Math.abs(dy) > 20 ? [along, across] : [across, along];
}"""
_A_CODE = re.compile(r"^[A-Z]{4}-[A-Z]{4}$")


class Tv:
    """A television, and who holds its remote control."""

    def __init__(self, page: Page, port: int) -> None:
        self.page: Page = page
        self.port: int = port

    def goes_on(self) -> None:
        """What was done is said for a moment, and then it goes on by itself."""
        self.sees("done")
        self.pass_s(3)

    def pass_s(self, seconds: int) -> None:
        """Let time pass: fewer than 8 seconds, or what it is asking for seems lost to it."""
        self.page.clock.run_for(seconds * 1_000)

    def switch_on(self, language: str = "en") -> None:
        self.page.goto(f"{halcyon.url_of('play', self.port)}/tv?lang={language}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def press_code(self, *codes: int, key: str | None = None) -> None:
        """Keys that an engine tells by their codes alone, or by a name alone."""
        for code in codes or (0,):
            self.page.evaluate(
                """([code, key]) => {
                    const event = new Event("keydown", { bubbles: true, cancelable: true });
                    event.keyCode = code;
                    if (key) Object.defineProperty(event, "key", { value: key });
                    (document.activeElement || document.body).dispatchEvent(event);
                }""",
                [code, key],
            )

    def go_to(self, button: str) -> None:
        """Walk by arrows until a button has the focus; then press OK."""
        for _ in range(12):
            if self.focused == button:
                self.press("Enter")
                return
            before = self.focused
            for way in self.page.evaluate(_WAYS, button):
                self.press(way)
                if self.focused != before:
                    break
        pytest.fail(f"no arrows lead to {button}")

    def sees(self, screen: str) -> None:
        expect(self.page.locator(f"#{screen}")).to_be_visible()

    def asks(self) -> None:
        """Everything that is asked is on the screen."""
        self.sees("ask")
        expect(self.page.locator("#accept")).to_be_enabled()

    def says(self, text: str) -> None:
        self.sees("home")
        expect(self.page.locator("#now")).to_contain_text(text)

    @property
    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.id")

    @property
    def code(self) -> str:
        expect(self.page.locator("#code")).to_have_text(_A_CODE)
        return self.page.locator("#code").inner_text()


@contextmanager
def television(
    browser: Browser, stage: Stage, *, is_old: bool = True, engine: str = ""
) -> Generator[Tv]:
    width, height = SIZES["full"]
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    if is_old:
        context.add_init_script(_AN_OLD_ENGINE)
    if engine:
        context.add_init_script(engine)
    context.clock.install(time=time.time())
    if is_old:  # from here on time passes only where a test lets it; axe wants its own
        context.clock.pause_at(time.time() + 3_600)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield Tv(page, stage.scene().port)
    context.close()
    assert not wrong


@pytest.fixture
def tv(browser: Browser, stage: Stage) -> Iterator[Tv]:
    with television(browser, stage) as one:
        yield one


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def scan(tv: Tv, phone: Page) -> None:
    """Open what the QR code says, and compare."""
    phone.goto(f"{halcyon.url_of(halcyon.HUB, tv.port)}/device?user_code={tv.code}")
    expect(phone.locator(".code.shown")).to_have_text(tv.code)
    expect(phone.locator("main")).to_contain_text("“Television in the living room”")


def connect(tv: Tv, phone: Page, act: str = "Accept all") -> None:
    scan(tv, phone)
    approve(phone, act)
    tv.pass_s(6)


def approve(phone: Page, act: str) -> None:
    phone.get_by_role("button", name="Yes, the codes match").click()
    phone.get_by_role("button", name=act, exact=True).click()
    phone.get_by_text("Your device is connected").wait_for()


def say_no(phone: Page) -> None:
    with phone.expect_navigation():
        phone.get_by_role("button", name="No, it does not match").click()


def test_a_phone_answers_and_the_television_goes_on_by_itself(
    browser: Browser, stage: Stage, phone: Page
) -> None:
    with television(browser, stage, engine=_A_LOST_ANSWER) as tv:
        tv.switch_on()
        tv.asks()
        tv.page.route("**/probe.js", lambda route: route.fulfill(body=_PROBE))
        tv.page.add_script_tag(url=f"{halcyon.url_of('play', tv.port)}/probe.js")
        assert set(tv.page.title().split(",")) == {"undefined"}
        picture = tv.page.locator("#qr")
        expect(picture).to_be_visible()
        assert picture.evaluate("(image) => image.naturalWidth > 0")
        connect(tv, phone)
        tv.goes_on()
        tv.says("Person 1 allows: a TV that knows what you watched")
        expect(tv.page.locator("#row-yours")).to_be_visible()

        # Switched off and on again, the person is still here, and is asked anew.  What the hub
        # answers to that is lost, and asked for once more.
        tv.page.evaluate("sessionStorage.setItem('lost', 'next')")
        tv.page.reload()
        expect(tv.page.locator("html")).to_have_attribute("data-lost", "200")
        tv.pass_s(9)
        tv.pass_s(6)
        tv.says("Person 1 allows: a TV that knows what you watched")


def test_a_no_on_the_phone_is_told_plainly_and_a_new_code_is_shown(tv: Tv, phone: Page) -> None:
    tv.switch_on()
    tv.asks()
    first = tv.code
    scan(tv, phone)
    say_no(phone)
    tv.pass_s(6)
    tv.sees("denied")
    assert "The answer on the phone was no" in tv.page.locator("#denied").inner_text()
    tv.go_to("again")
    tv.asks()
    assert tv.code != first

    scan(tv, phone)
    tv.press("Escape")  # whoever holds the phone goes on all the same
    tv.says("This TV allows nothing")
    approve(phone, "Refuse all")
    tv.pass_s(6)
    tv.says("Person 1 allows nothing")
    expect(tv.page.locator("#told")).to_contain_text("Your phone is connected")
    expect(tv.page.locator("#row-yours")).to_be_hidden()


def test_yes_and_no_by_remote_cost_the_same_and_look_the_same(
    browser: Browser, stage: Stage
) -> None:
    with television(browser, stage) as yes, television(browser, stage) as no:
        for one in (yes, no):
            one.switch_on()
            one.asks()
        accept, refuse = (yes.page.locator(f"#{each}") for each in ("accept", "refuse"))
        boxes = [each.bounding_box() for each in (accept, refuse)]
        assert [(box["y"], box["width"], box["height"]) for box in boxes if box] == (
            [(boxes[0]["y"], boxes[0]["width"], boxes[0]["height"])] * 2 if boxes[0] else []
        )
        styles = [each.evaluate(_STYLE) for each in (accept, refuse)]
        assert styles[0] == styles[1]
        assert (yes.focused, no.focused) == ("each", "each")
        yes.press("ArrowLeft", "Enter")
        no.press("ArrowRight", "Enter")
        for one in (yes, no):
            one.goes_on()
        yes.says("This TV allows: a TV that knows what you watched")
        no.says("This TV allows nothing")
        no.page.reload()
        no.says("This TV allows nothing")  # a no is an answer, and nobody is asked again


def test_back_answers_nothing_wherever_the_key_lies(tv: Tv) -> None:
    written: list[str] = []
    tv.page.on("request", lambda one: written.append(one.url) if _WRITES.search(one.url) else None)
    tv.switch_on()

    def press_back(way: int | str) -> None:
        match way:
            case "history":
                tv.page.evaluate("history.back()")
            case str():
                tv.press_code(key=way)
            case int():
                tv.press_code(way)

    for way in (10009, 461, 8, 27, 166, "GoBack", "history"):
        tv.asks()
        tv.go_to("each")
        tv.sees("ask-each")
        tv.press("Enter")  # a yes that is not handed in
        press_back(way)
        expect(tv.page.locator("#ask-all")).to_be_visible()
        press_back(way)
        tv.says("This TV allows nothing")
        tv.go_to("to-choices")
    assert written == []
    assert tv.page.evaluate("localStorage.length") == 0


def test_one_by_one_each_answer_is_its_own_by_the_keys_of_hbbtv(
    browser: Browser, stage: Stage
) -> None:
    left, up, right, down, ok, back = 137, 138, 139, 140, 113, 1461
    with television(browser, stage, engine=_HBBTV) as tv:
        tv.switch_on("fr")
        tv.asks()
        assert tv.page.evaluate("window.keysAskedFor") == 0x10
        tv.press_code(ok)
        tv.press_code(right, ok, down, ok, down, down, left, ok)
        tv.press_code(back)  # and in again: what was chosen stays
        expect(tv.page.locator("#ask-all")).to_be_visible()
        tv.press_code(ok)
        expect(tv.page.locator("#save")).to_be_enabled()
        tv.press_code(down, down, up, down, down, down, ok)
        tv.goes_on()
        tv.says("Cette télé permet\u00a0: recommandations")


def test_a_household_s_answers_are_told_apart(tv: Tv, phone: Page) -> None:
    tv.switch_on()
    tv.asks()
    tv.press("ArrowLeft", "Enter")
    tv.goes_on()
    tv.says("This TV allows: a TV that knows")

    tv.go_to("to-profiles")
    tv.go_to("is-guest")
    tv.asks()
    tv.press("ArrowRight", "Enter")
    tv.goes_on()
    tv.says("Guest allows nothing")
    kept = json.loads(tv.page.evaluate("localStorage['halcyon-play-tv']"))
    assert (kept["current"], kept["people"]) == ("guest", [])
    assert set(kept) == {"v", "current", "credential", "people"}  # the TV's own, not the guest's

    tv.go_to("to-profiles")
    tv.go_to("add")
    tv.sees("ask")
    connect(tv, phone)
    tv.goes_on()
    tv.says("Person 1 allows: a TV that knows")

    tv.go_to("to-profiles")
    tv.go_to("add")  # whoever joins does not answer for Person 1
    expect(tv.page.locator("#code")).to_be_visible()
    expect(tv.page.locator("#remote")).to_be_hidden()
    tv.go_to("cancel")
    tv.says("Person 1 allows: a TV that knows")

    tv.go_to("to-profiles")
    tv.go_to("is-guest")  # another guest than before, who is asked
    tv.asks()
    tv.press("Escape")
    tv.says("Guest allows nothing")
    tv.go_to("to-profiles")
    tv.go_to("is-person1")
    tv.says("Person 1 allows: a TV that knows")

    tv.go_to("to-profiles")
    tv.go_to("leave")
    tv.says("This TV allows: a TV that knows")
    expect(tv.page.locator("#told")).to_contain_text("Person 1 is signed out")
    assert "person1" not in tv.page.evaluate("JSON.stringify(localStorage)")


def test_a_television_disconnected_elsewhere_notices_within_a_minute(tv: Tv, phone: Page) -> None:
    tv.switch_on()
    tv.asks()
    connect(tv, phone)
    tv.goes_on()
    tv.says("Person 1 allows: a TV that knows")

    phone.goto(f"{halcyon.url_of(halcyon.HUB, tv.port)}/preferences/devices")
    expect(phone.locator("main")).to_contain_text("Play on “Television in the living room”")
    phone.get_by_role("button", name="Disconnect it").click()
    expect(phone.get_by_role("button", name="Disconnect it")).to_have_count(0)
    with tv.page.expect_request("**/v1/verify"):
        tv.page.clock.run_for(50_000)  # and not a moment more
    expect(tv.page.locator("#told")).to_contain_text("The connection with the phone was ended")
    tv.says("This TV allows nothing")


def test_while_the_hub_is_away_nothing_is_allowed_and_it_comes_back(tv: Tv) -> None:
    hub = f"{halcyon.url_of(halcyon.HUB, tv.port)}"
    away = re.compile(re.escape(hub) + "/(v1|token|device)")
    tv.page.route(away, lambda route: route.abort("connectionrefused"))
    tv.switch_on()
    expect(tv.page.locator("#waiting")).to_contain_text("does not answer")
    expect(tv.page.locator("#accept")).to_be_disabled()
    tv.page.unroute(away)
    tv.page.clock.run_for(6_000)
    tv.asks()
    assert tv.code
    tv.press("ArrowLeft", "Enter")
    tv.goes_on()
    tv.says("This TV allows: a TV that knows")

    tv.page.route(away, lambda route: route.abort("connectionrefused"))
    tv.page.clock.run_for(61_000)
    tv.says("does not answer now, so nothing is allowed")
    expect(tv.page.locator("#row-yours")).to_be_hidden()
    tv.page.unroute(away)
    tv.page.clock.run_for(6_000)  # less than it waits for an answer
    tv.says("This TV allows: a TV that knows")

    # Its choices were opened while the hub was away, and left again: that is over with it.
    tv.page.route(away, lambda route: route.abort("connectionrefused"))
    tv.go_to("to-choices")
    expect(tv.page.locator("#wrong")).to_contain_text("does not answer")
    tv.press("Escape")
    tv.page.unroute(away)
    tv.page.clock.run_for(61_000)
    tv.says("This TV allows: a TV that knows")
    expect(tv.page.locator("#row-yours")).to_be_visible()


def test_a_set_that_slept_or_whose_clock_is_wrong_shows_a_code_that_holds(tv: Tv) -> None:
    tv.page.clock.set_system_time("1970-01-02T00:00:00Z")
    tv.switch_on()
    tv.asks()
    first = tv.code
    tv.page.clock.set_system_time("2099-01-01T00:00:00Z")
    tv.pass_s(2)
    assert tv.code == first
    for _ in range(5):  # nobody comes
        shown = tv.code
        tv.page.clock.fast_forward(3_600_000)
        expect(tv.page.locator("#code")).not_to_have_text(shown)
    tv.page.clock.fast_forward(3_600_000)
    expect(tv.page.locator("#waiting")).to_contain_text("Nobody came")
    expect(tv.page.locator("#codes")).to_be_hidden()
    tv.go_to("fresh")
    assert tv.code != first
    assert tv.focused == "each"


def test_axe_finds_nothing_and_every_screen_fits(
    browser: Browser, stage: Stage, phone: Page
) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    for language in ("fr", "en"):
        with television(browser, stage, is_old=False) as tv:
            tv.switch_on(language)
            tv.asks()
            assert tv.code
            _look(tv, axe)
            tv.go_to("each")
            _look(tv, axe)
            tv.press("Escape")
            tv.asks()  # going back is the browser's own, and takes its time
            tv.go_to("accept")
            tv.sees("done")
            tv.press("Enter")
            tv.sees("home")
            expect(tv.page.locator("#row-yours")).to_be_visible()
            _look(tv, axe)
            tv.press("Enter")
            tv.sees("watch")
            _look(tv, axe)
            tv.press("Escape")
            tv.go_to("to-profiles")
            _look(tv, axe)
            if language == "en":
                tv.go_to("add")
                tv.sees("ask")
                scan(tv, phone)
                say_no(phone)
                tv.pass_s(6)
                tv.sees("denied")
                _look(tv, axe)


def _look(tv: Tv, axe: str) -> None:
    """Nothing is cut off, too small for three metres (28 px of 1080), or hard to perceive."""
    page = tv.page
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(_BELOW) <= height, f"{page.evaluate('document.title')}: too long"
        assert page.evaluate(_SMALLEST) >= 27.9 * width / 1920
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.evaluate(axe)
    found = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })")
    assert [each["id"] for each in found["violations"]] == []


_WRITES = re.compile(r"/v1/(decisions|withdrawals|devices)")
_STYLE = """(button) => {
    const is = getComputedStyle(button);
    return [is.color, is.backgroundColor, is.fontSize, is.fontWeight, is.border, is.opacity];
}"""
_BELOW = """Math.max(...[...document.querySelectorAll("main *")].filter((each) => each.offsetHeight)
    .map((each) => each.getBoundingClientRect().bottom))"""
_SMALLEST = """Math.min(...[...document.querySelectorAll("body *")]
    .filter((each) => each.offsetHeight && each.textContent.trim())
    .map((each) => parseFloat(getComputedStyle(each).fontSize)))"""
