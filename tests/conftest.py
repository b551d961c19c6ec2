"""What every test may ask for: real servers, a database of one's own, a browser if there is one.

One PostgreSQL and one Valkey serve a whole run (each worker's, where the run is spread), in memory
where there is enough: a database is some five hundred files, and on a disk making and removing them
took longer than most tests.  A test's database is a copy of a template that was migrated once.
"""

import asyncio
import contextlib
import functools
import itertools
import os
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpcore2
import hypothesis
import pytest
from httpx2._config import (  # where the default itself lies, not a copy of it
    DEFAULT_TIMEOUT_CONFIG,
)
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from consentid.embedded.liveness import is_alive
from consentid.embedded.places import ENTERABLE, scratch_folder
from consentid.embedded.postgres import ERASING, SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.store.engine import Database
from consentid.store.migrating import upgrade

_TEMPLATE = "template_consentid"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PLAYWRIGHT = (
    ".cache/ms-playwright/chromium-*/chrome-linux*/chrome",
    "Library/Caches/ms-playwright/chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
)
_T = TypeVar("_T")
_MOST_WORKERS = 4
_LONG = {
    f"tests/{name}.py": place
    for place, name in enumerate(
        (
            "demo/test_propagation_in_browser",
            "sdk/test_core",
            "flows/test_a_thousand_operations",
            "sdk/test_hostile",
            "web/pages/test_in_browser",
            "faults/test_faults",
            "sdk/test_links",
            "cli/test_dev_command",
            "sdk/test_travel",
            "core/test_mutants",
            "demo/test_television",
            "demo/test_tour",
            "flows/test_joining",
            "flows/test_sequence_ledger",
            "sdk/test_in_page",
            "verify/test_oracles",
        )
    )
}
"""Files that take long begin first, so that no worker is left with one at the end."""
_MEMORY = Path("/dev/shm")  # noqa: S108  mkdtemp makes a private folder in it
_ENOUGH_BYTES = 3 * 2**30
"""Free for the servers of all workers, whose databases go when their tests are over."""
_names = itertools.count(1)
_browser = pytest.StashKey[Path | None]()
_nats = pytest.StashKey[Path | None]()

_BUSY = [hypothesis.HealthCheck.too_slow]
"""What a machine with other work to do is no sign of."""
hypothesis.settings.register_profile("dev", deadline=None, suppress_health_check=_BUSY)
hypothesis.settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, suppress_health_check=_BUSY
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


_make_ssl_context = httpcore2.default_ssl_context


@functools.cache
def _ssl_context(trust_env: bool, *_of_environment: str | None) -> ssl.SSLContext:
    return _make_ssl_context(_trust_env=trust_env)


def _default_ssl_context(*, _trust_env: bool = True) -> ssl.SSLContext:
    """Made once: reading the system's authorities takes 40 ms, and thousands of clients do."""
    return _ssl_context(_trust_env, *map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))


httpcore2.default_ssl_context = _default_ssl_context
# A client that says nothing of it waits five seconds, which a busy machine may well take.
DEFAULT_TIMEOUT_CONFIG.read = DEFAULT_TIMEOUT_CONFIG.connect = 120.0
DEFAULT_TIMEOUT_CONFIG.write = DEFAULT_TIMEOUT_CONFIG.pool = 120.0


def find_browser() -> Path | None:
    """The Chromium that ``CONSENTID_CHROMIUM`` names, that is on the path, or Playwright's own."""
    if configured := os.environ.get("CONSENTID_CHROMIUM"):
        return Path(configured)
    on_path = (shutil.which(name) for name in _BROWSERS)
    of_playwright = (path for pattern in _PLAYWRIGHT for path in sorted(Path.home().glob(pattern)))
    return next((Path(path) for path in (*on_path, *of_playwright) if path is not None), None)


def find_nats_server() -> Path | None:
    """The NATS server that ``CONSENTID_NATS_SERVER`` names, or that is on the path."""
    on_path = (shutil.which("nats-server", path=path) for path in (None, "/usr/sbin"))
    given = os.environ.get("CONSENTID_NATS_SERVER")
    return next((Path(path) for path in (given, *on_path) if path is not None), None)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium; left out where there is none")
    config.addinivalue_line("markers", "nats: needs a NATS server; left out where there is none")
    config.stash[_browser] = find_browser()
    config.stash[_nats] = find_nats_server()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread a whole run over the cores; what is asked for by file runs here."""
    is_whole = all(Path(each).resolve() == config.rootpath / "tests" for each in config.args)
    return min(_MOST_WORKERS, os.cpu_count() or 1) if is_whole else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _LONG.get(item.nodeid.partition("::")[0], len(_LONG)))
    for mark, found in (("browser", config.stash[_browser]), ("nats", config.stash[_nats])):
        if found is None:
            wanting = [item for item in items if item.get_closest_marker(mark)]
            config.hook.pytest_deselected(items=wanting)
            items[:] = [item for item in items if item not in wanting]


def pytest_report_header(config: pytest.Config) -> list[str]:
    lines: list[str] = []
    if config.stash[_browser] is None:
        lines.append("browser tests left out: no Chromium (install one, or set CONSENTID_CHROMIUM)")
    if config.stash[_nats] is None:
        lines.append(
            "nats tests left out: no nats-server (install it, or set CONSENTID_NATS_SERVER)"
        )
    return lines


def run_apart(work: Coroutine[Any, Any, _T]) -> _T:
    """Run to the end on a loop of its own, whatever loop the test has."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> Path:
    """The browser, for tests marked ``browser``."""
    found = request.config.stash[_browser]
    assert found is not None, "mark the test with pytest.mark.browser"
    # Here and not above: only who needs a browser pays for what speaks to it.
    from playwright.sync_api import expect  # noqa: PLC0415
    from tests.chromium import PATIENCE_MS  # noqa: PLC0415

    expect.set_options(timeout=PATIENCE_MS)
    return found


@pytest.fixture(scope="session")
def nats_program(request: pytest.FixtureRequest) -> Path:
    """The NATS server, for tests marked ``nats``."""
    found = request.config.stash[_nats]
    assert found is not None, "mark the test with pytest.mark.nats"
    return found


def _folder_in_memory() -> Path | None:
    try:
        if shutil.disk_usage(_MEMORY).free < _ENOUGH_BYTES or _memory_bytes() < _ENOUGH_BYTES:
            return None
        for left in _MEMORY.glob("consentid-test-*-*"):  # of runs that were ended by force
            if not is_alive(int(left.name.split("-")[2])):
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"consentid-test-{os.getpid()}-", dir=_MEMORY))
    except OSError:
        return None
    folder.chmod(ENTERABLE)
    return folder


def _memory_bytes() -> int:
    """What programs may still take."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(each.split()[1]) * 1024 for each in lines if each.startswith("MemAvailable:"))


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that embedded servers can reach whoever runs the tests."""
    folder = _folder_in_memory() or scratch_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    """The run's PostgreSQL."""
    settings = {"max_wal_size": "256MB"}
    with EmbeddedPostgres(
        server_folder / "postgres", settings=settings, is_thrown_away=True
    ) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_url(server_folder: Path) -> Iterator[str]:
    """The run's Valkey.  Tests share it: keep to keys of your own."""
    with EmbeddedValkey(server_folder / "valkey") as server:
        yield server.url


@pytest.fixture(scope="session")
def template_database(postgres: EmbeddedPostgres) -> str:
    """A migrated database to copy from; nobody connects to it."""

    async def migrate() -> None:
        urls = await postgres.create_database(_TEMPLATE)
        await upgrade(urls.owner, serving_role=SERVING, erasing_role=ERASING)

    run_apart(migrate())
    return _TEMPLATE


@contextlib.contextmanager
def copied(postgres: EmbeddedPostgres, template: str) -> Generator[DatabaseUrls]:
    """A copy of a database, for as long as it is needed."""
    name = f"test_{next(_names)}"
    yield run_apart(postgres.create_database(name, template=template))
    run_apart(postgres.drop_database(name))


@pytest.fixture
def database_urls(postgres: EmbeddedPostgres, template_database: str) -> Iterator[DatabaseUrls]:
    """A migrated, empty database for this test alone."""
    with copied(postgres, template_database) as urls:
        yield urls


@pytest.fixture(scope="module")
def module_database_urls(
    postgres: EmbeddedPostgres, template_database: str
) -> Iterator[DatabaseUrls]:
    """A migrated database that the tests of one module share."""
    with copied(postgres, template_database) as urls:
        yield urls


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """This test's database, as the service sees it."""
    opened = Database(database_urls.serving)
    yield opened
    await opened.close()


@pytest.fixture
async def owner_engine(database_urls: DatabaseUrls) -> AsyncIterator[AsyncEngine]:
    """This test's database, as its owner sees it: for looking and for breaking things."""
    engine = create_async_engine(database_urls.owner, poolclass=NullPool)
    yield engine
    await engine.dispose()
