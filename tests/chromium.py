"""Chromium in tests: as long as a busy machine takes, and whatever a page does in the meantime.

A limit here ends a test that hangs; none is what a test shows.
"""

from typing import Any

from playwright.sync_api import Error, Locator, Page
from playwright.sync_api import TimeoutError as OutOfTime

PATIENCE_MS = 120_000
_LEFT_OUT = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
    *("HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "PaintHolding", "OptimizationHints"),
)
"""Each window loads pages for its address bar, which takes a second of a processor.  The rest is
what Playwright leaves out by itself: of several such flags the last counts."""
FLAGS = (
    *("--no-sandbox", "--disable-dev-shm-usage"),
    *("--disable-gpu", "--disable-gpu-rasterization"),  # there is none: it would be simulated
    f"--disable-features={','.join(_LEFT_OUT)}",
)
"""What every browser of the suite is started with."""
_A_MOMENT_MS = 3_000
_MARK = """() => {
  if ("hasCode" in window) return;
  window.hasCode = false;
  const read = Response.prototype.json;
  Response.prototype.json = function () {
    const isIt = this.url.endsWith("/v1/handoffs");
    return read.call(this).finally(() => isIt && setTimeout(() => (window.hasCode = true)));
  };
}"""
_LEFT = ("Execution context was destroyed", "Cannot find context")


def told(page: Page, function: str) -> Any:
    """What a page says once there is something true to say.

    A page may be left or loaded anew between any two questions, as a withdrawal does: then it is
    asked again where it has arrived.
    """
    while True:
        try:
            return page.wait_for_function(function).json_value()
        except Error as error:
            if not any(each in error.message for each in _LEFT):
                raise


def press(page: Page, link: Locator) -> None:
    """Use a link slowly: it is let go of once the hub has answered for it and the page has heard.

    A quick hand goes without where the hub takes longer than a visitor is held, or where the page
    has not come to its links yet: then the hand moves away, and tries once more.
    """
    page.evaluate(_MARK)
    for _ in range(PATIENCE_MS // _A_MOMENT_MS):
        link.hover()
        page.mouse.down()
        try:
            page.wait_for_function("() => window.hasCode", timeout=_A_MOMENT_MS)
        except OutOfTime:
            page.mouse.move(0, 0)
            page.mouse.up()
        else:
            page.mouse.up()
            return
    raise AssertionError("no link of this page takes anything along")
