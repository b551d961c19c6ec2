"""The pages as they are, each at an address of its own, for looking at in Chromium."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from playwright.sync_api import Browser, Page
from tests.chromium import PATIENCE_MS
from tests.web.pages.views import all_views, halcyon
from typing_extensions import override

from consentid.web.pages.assets import find_asset
from consentid.web.pages.rendering import page_headers, render


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet(BaseHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self, content: bytes, media_type: str, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": media_type, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class Gallery(Quiet):
    """Each page at ``/<language>/<name>``, with the headers it has in earnest."""

    def do_GET(self) -> None:
        folder, _, name = self.path.strip("/").partition("/")
        if folder == "assets":
            found = find_asset(halcyon(), name)
            assert found is not None
            self.answer(found.content, found.media_type, {})
        else:
            page = render(all_views(folder)[name])
            self.answer(page.encode(), "text/html; charset=utf-8", page_headers())


@contextmanager
def opened(
    browser: Browser,
    width: int,
    height: int,
    *,
    scripts: bool = False,
    color_scheme: Literal["dark", "light"] = "light",
    forced_colors: Literal["active", "none"] = "none",
    bypass_csp: bool = False,
) -> Generator[Page]:
    """A page of a window of its own, which says nothing on its console."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        java_script_enabled=scripts,
        locale="en",
        color_scheme=color_scheme,
        forced_colors=forced_colors,
        bypass_csp=bypass_csp,
        reduced_motion="reduce",  # what is still on its way is not yet where it belongs
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    yield page
    # An incomplete form is answered with this status, which is no error of the page.
    assert [each for each in said if "status of 422" not in each] == []
    context.close()
