"""Small brand pages in real Chromium: news, shop and play on hosts of their own, and the hub."""

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Request
from tests.chromium import told
from tests.web.hub import Hub
from typing_extensions import override

BRANDS = ("news", "shop", "play")
CALLBACK = "/consent/return"

_PAGE = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{brand}</title><link rel="icon" href="data:,">{head}</head>
<body><h1>{brand}</h1>
{body}
<script type="module">
  window.states = [];
  import * as consentid from "{hub}/sdk/v1/consentid.js";
  window.consentid = consentid;
  consentid.onChange((state) => window.states.push(state));
  window.ready = consentid.init({options});
</script></body></html>"""


def origin_of(brand: str) -> str:
    return f"http://{brand}.localhost:7600"


@dataclass(slots=True, kw_only=True)
class Sites:
    """What the brands' servers answer."""

    hub: str
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of ``init``, by brand, besides client and brand."""
    head: dict[str, str] = field(default_factory=dict)
    body: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    language: str = "en"
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Beside the pages: media type and content by path."""
    asked: list[str] = field(default_factory=list)
    """The paths of the files that were asked for."""

    def page(self, brand: str) -> str:
        # Whoever follows waits at the hub a second later: only where that is what is looked at.
        options = {
            "client": f"{brand}-spa",
            "brand": brand,
            "follow": "never",
            **self.options.get(brand, {}),
        }
        return _PAGE.format(
            brand=brand,
            hub=self.hub,
            language=self.language,
            head=self.head.get(brand, ""),
            body=self.body.get(brand, ""),
            options=json.dumps(options),
        )

    def reset(self) -> None:
        self.language = "en"
        for each in (self.options, self.head, self.body, self.headers, self.files, self.asked):
            each.clear()


@contextmanager
def serving(sites: Sites) -> Generator[int]:
    """Serve all brands at one port; the browser is told that it is theirs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version: str = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            brand = self.headers.get("Host", "").partition(".")[0]
            if path in sites.files:
                sites.asked.append(path)
                media_type, content = sites.files[path]
            else:
                media_type, content = "text/html; charset=utf-8", sites.page(brand)
            body = content.encode()
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in sites.headers.get(brand, {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hub_origin(hub: Hub) -> str:
    return hub.url.replace("127.0.0.1", "consent.localhost")


@dataclass(slots=True, kw_only=True)
class Visitor:
    """One person's browser, and what it was seen to do."""

    context: BrowserContext
    sites: Sites
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> None:
        def noted(request: Request) -> None:  # the library does not take a list's own method
            self.requests.append(request)

        self.context.on("request", noted)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def open(self, brand: str, path: str = "/", *, page: Page | None = None, **goto: Any) -> Page:
        """Open a page by its address, and wait until it knows what it may know."""
        page = page or self.context.new_page()
        page.goto(f"{origin_of(brand)}{path}", **goto)
        settle(page)
        return page

    def calls(self) -> list[str]:
        """What was asked of the hub since, but for the SDK's own files: method and path."""
        found = [
            f"{each.method} {urlsplit(each.url).path}"
            for each in self.requests
            if each.url.startswith(self.sites.hub)
            and "/sdk/" not in each.url
            and "/assets/" not in each.url
            and each.method != "OPTIONS"
        ]
        self.requests.clear()
        return found

    def answer_at_hub(self, page: Page, act: str = "Accept all") -> None:
        """Go by the banner to the hub, answer there, and be back."""
        here = page.url
        page.get_by_role("button", name="Make my choices").click()
        page.get_by_role("button", name=act, exact=True).click()
        page.wait_for_url(here)
        settle(page)


def settle(page: Page) -> Mapping[str, Any]:
    """Wait for ``init``; wherever a trip led in the meantime."""
    page.wait_for_function(
        f"location.pathname !== '{CALLBACK}'"
        " && window.ready?.then(({ status }) => status !== 'starting')"
    )
    return state(page)


def state(page: Page) -> dict[str, Any]:
    return told(page, "window.consentid?.state()")


def holder(page: Page, client: str = "news-spa") -> dict[str, Any] | None:
    return page.evaluate("key => JSON.parse(localStorage.getItem(key))", f"consentid:{client}")


def change_holder(page: Page, change: str, client: str = "news-spa") -> None:
    """Let a statement in JavaScript change what is kept, as ``kept``."""
    page.evaluate(
        "([key, change]) => { const kept = JSON.parse(localStorage.getItem(key));"
        " new Function('kept', change)(kept); localStorage.setItem(key, JSON.stringify(kept)) }",
        [f"consentid:{client}", change],
    )
