from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, sync_playwright
from tests.chromium import FLAGS, PATIENCE_MS
from tests.conftest import run_apart
from tests.sdk.brand_pages import BRANDS, Sites, Visitor, hub_origin, origin_of, serving
from tests.web.hub import Hub, running_hub, running_portal

from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres

_CHANGED = {
    # Play asks for nothing of its own here: who has answered at news has answered there as well.
    "own = true": "validity_days = 300",
    '[purposes."play:together"]': '[purposes."play:together"]\nask = false',
}


@pytest.fixture(scope="session")
def portal() -> Iterator[tuple[str, RSAKey]]:
    with running_portal() as running:
        yield running


@pytest.fixture(scope="session")
def hub(
    postgres: EmbeddedPostgres,
    template_database: str,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    urls: DatabaseUrls = run_apart(postgres.create_database("sdk", template=template_database))
    folder = tmp_path_factory.mktemp("hub")
    with running_hub(folder, urls, portal, valkey_url=valkey_url, changed=_CHANGED) as running:
        yield running


@pytest.fixture(scope="session")
def served_sites(hub: Hub) -> Iterator[tuple[Sites, int]]:
    sites = Sites(hub=hub_origin(hub))
    with serving(sites) as port:
        yield sites, port


@pytest.fixture(scope="module")  # its loop must not outlive the tests that need it
def browser(chromium: Path, served_sites: tuple[Sites, int]) -> Iterator[Browser]:
    """Started after the hub, whose beginning cannot wait in the loop that Playwright runs."""
    _, port = served_sites
    rules = ",".join(f"MAP {origin_of(each)[7:]} 127.0.0.1:{port}" for each in BRANDS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(chromium),
            args=[*FLAGS, f"--host-resolver-rules={rules}"],
        )
        yield opened
        opened.close()


@pytest.fixture
def sites(served_sites: tuple[Sites, int]) -> Iterator[Sites]:
    yield served_sites[0]
    served_sites[0].reset()


@pytest.fixture
def visit(browser: Browser, sites: Sites) -> Iterator[Callable[..., Visitor]]:
    """Somebody new, in a browser of their own; what goes wrong in a page fails the test."""
    visitors: list[Visitor] = []

    def begin(**options: Any) -> Visitor:
        context = browser.new_context(locale="en", **options)
        context.set_default_timeout(PATIENCE_MS)
        visitor = Visitor(context=context, sites=sites)
        visitor.watch()
        visitors.append(visitor)
        return visitor

    yield begin
    for each in visitors:
        each.context.close()
    assert [error for each in visitors for error in each.errors] == []


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    return visit()
