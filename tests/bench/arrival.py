"""``python -m tests.bench.arrival``: how soon a page knows what its visitor chose.

Small brand pages in real Chromium on a whole hub, all on loopback.  From the navigation to the
first state that is known: of a visitor who comes back, and of one whom a link brings to a second
brand.  Beside each, the same navigation to a page that loads no SDK: a link to another site costs
the browser a process of its own.  The page says by itself when it knows: asking it would put a
program of 330 kB into it just then.  Nothing is asserted about time.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright
from tests.bench.serving import migrated
from tests.chromium import FLAGS
from tests.conftest import find_browser
from tests.sdk.brand_pages import BRANDS, Sites, Visitor, hub_origin, origin_of, serving
from tests.web.hub import running_hub, running_portal

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey

_KNOWN = "known after "
_NAMES = ("comes back", "comes back, no SDK", "second brand, by link", "by link, no SDK")
_HEAD = """<link rel="modulepreload" href="{hub}/sdk/v1/consentid.js">
<script>
const states = {{ push(state) {{
  if (state.status === "known") console.debug("known after " + performance.now());
}} }};
Object.defineProperty(window, "states", {{ get: () => states, set() {{}} }});
</script>"""
_LOADED = """() => new Promise((told) => {
  const at = () => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd;
  const timer = setInterval(() => at() && (clearInterval(timer), told(at())), 1);
})"""


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.arrival", description=__doc__)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in _NAMES}
    with _running() as (browser, sites):
        for number in range(int(given.rounds) + 1):
            _visit(browser, sites, found if number else {name: [] for name in found})
    told = {
        name: {
            "median_ms": round(statistics.median(times), 1),
            "least_ms": round(min(times), 1),
            "most_ms": round(max(times), 1),
        }
        for name, times in found.items()
    }
    lines = [f"{'':24}{'median ms':>11}{'least':>9}{'most':>9}"]
    for name, one in told.items():
        lines.append(f"{name:24}{one['median_ms']:11}{one['least_ms']:9}{one['most_ms']:9}")
    print(json.dumps(told) if given.json else "\n".join(lines))  # noqa: T201 a command speaks by printing
    return 0


def _visit(browser: Browser, sites: Sites, found: dict[str, list[float]]) -> None:
    """One person from nothing to a second brand, with a profile of their own."""
    context = browser.new_context(locale="en")
    visitor = Visitor(context=context, sites=sites)
    page = visitor.open("news")
    visitor.answer_at_hub(page)
    page.wait_for_load_state("networkidle")
    found["comes back"].append(_known(page, page.reload))
    page.wait_for_load_state("networkidle")
    found["second brand, by link"].append(_known(page, page.get_by_role("link", name="Play").click))
    page.wait_for_load_state("networkidle")
    page.goto(f"{origin_of('play')}/plain")
    found["comes back, no SDK"].append(page.evaluate(_LOADED))
    page.goto(f"{origin_of('news')}/plain")
    page.get_by_role("link", name="Shop").click()
    page.wait_for_url(f"{origin_of('shop')}/**")
    found["by link, no SDK"].append(page.evaluate(_LOADED))
    context.close()


def _known(page: Page, go: Callable[[], object]) -> float:
    with page.expect_console_message(lambda told: told.text.startswith(_KNOWN)) as said:
        go()
    return float(said.value.text.removeprefix(_KNOWN))


@contextmanager
def _running() -> Generator[tuple[Browser, Sites]]:
    chromium = find_browser()
    if chromium is None:
        sys.exit("no Chromium: install one, or set CONSENTID_CHROMIUM")
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
            running_hub(
                folder, asyncio.run(migrated(postgres)), portal, valkey_url=valkey.url
            ) as hub,
        ):
            sites = Sites(hub=hub_origin(hub))
            for brand in BRANDS:
                sites.head[brand] = _HEAD.format(hub=sites.hub)
                sites.options[brand] = {"silent": "never"}
            sites.body["news"] = f'<p><a href="{origin_of("play")}/">Play</a></p>'
            plain = (
                f'<!doctype html><title>plain</title><a href="{origin_of("shop")}/plain">Shop</a>'
            )
            sites.files["/plain"] = ("text/html; charset=utf-8", plain)
            with serving(sites) as port, _opened(str(chromium), port) as browser:
                yield browser, sites
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(chromium: str, port: int) -> Generator[Browser]:
    rules = ",".join(f"MAP {origin_of(each)[7:]} 127.0.0.1:{port}" for each in BRANDS)
    args = [*FLAGS, f"--host-resolver-rules={rules}"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=args)
        yield opened
        opened.close()


if __name__ == "__main__":
    sys.exit(main())
