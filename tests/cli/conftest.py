import logging
from collections.abc import Generator

import pytest
from tests.cli.running import BRANDS, Command

from consentid.embedded.postgres import DatabaseUrls


@pytest.fixture
def consentid(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Generator[Command]:
    """The command line; what it sets up for logging writes to a stream that ends with the test."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield Command(capsys, monkeypatch)
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def installed(consentid: Command, database_urls: DatabaseUrls) -> Command:
    """The command line of an installation with a migrated database and nothing in force."""
    consentid.set("DATABASE_URL", database_urls.serving)
    consentid.set("MIGRATION_DATABASE_URL", database_urls.owner)
    consentid.set("BRANDS_DIR", BRANDS)
    return consentid
