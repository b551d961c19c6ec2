"""Make the README's pictures: ``python -m tests.demo.screenshots``.

The demo runs, a first visitor walks from news to the shop and to play, and what they see is kept.
"""

import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, expect, sync_playwright
from tests.conftest import find_browser
from tests.demo.conftest import BRANDS
from tests.demo.visitors import Visitor, banner, browser, short_visit
from tests.ports import free_port

from consentid.demo.stage import Stage

FOLDER: Final = Path(__file__).parent / "images"
_SIZES: Final = {"phone": (390, 844), "desktop": (1280, 800)}
_TELEVISION: Final = {"width": 1280, "height": 720}
_MOST_BYTES: Final = 150_000


def main() -> None:
    """Make them all."""
    chromium = find_browser()
    if chromium is None:
        sys.exit("There is no Chromium here.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    stage = Stage(
        folder=None, brands=BRANDS, port=free_port(), progress=lambda _label: nullcontext()
    )
    with stage, sync_playwright() as playwright, browser(playwright, chromium) as opened:
        for name, (width, height) in _SIZES.items():
            size = {"width": width, "height": height}
            with short_visit(opened, stage, viewport=size, reduced_motion="reduce") as visitor:
                _walk(visitor, name)
        with short_visit(opened, stage, viewport=_TELEVISION) as visitor:
            _switch_on(visitor)


def _switch_on(visitor: Visitor) -> None:
    page = visitor.context.new_page()
    page.goto(visitor.url("play", "/tv?lang=en"))
    expect(page.locator("#qr")).to_be_visible()
    expect(page.locator("#accept")).to_be_enabled()
    _keep(page, "tv")


def _walk(visitor: Visitor, size: str) -> None:
    page = visitor.open("news")
    expect(banner(page).get_by_role("button", name="Make my choices")).to_be_visible()
    _keep(page, f"news-{size}")
    banner(page).get_by_role("button", name="Make my choices").click()
    page.get_by_role("button", name="Accept all", exact=True).wait_for()
    _keep(page, f"hub-{size}")
    page.get_by_role("button", name="Accept all", exact=True).click()
    visitor.settle(page, "news")
    visitor.follow_link(page, "Halcyon Market", "shop")
    _keep(page, f"shop-{size}")
    page.locator("#happened-button").click()
    page.get_by_role("heading", name="The consent token, decoded").wait_for()
    _keep(page, f"panel-{size}")
    page.locator("#happened-button").click()
    visitor.follow_link(page, "Halcyon Play", "play")
    if size == "phone":  # its gradients make a large picture
        _keep(page, f"play-{size}")


def _keep(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file, animations="disabled")
    size_bytes = file.stat().st_size
    print(f"{file.name}: {size_bytes // 1000} kB")  # noqa: T201 - this speaks to whoever runs it
    if size_bytes > _MOST_BYTES:
        sys.exit(f"{file.name} is larger than {_MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
