"""The short form of ``python -m tests.schema``: roles that get far, and nobody."""

from collections.abc import Iterator

import pytest
from tests.conftest import run_apart
from tests.schema.running import Town, hold, town
from tests.web.hub import running_portal

from consentid.embedded.postgres import EmbeddedPostgres

EVERYTHING = ""
ROLES = {
    "nobody": EVERYTHING,
    "a site's secret": EVERYTHING,
    "a site for a person": EVERYTHING,
    "admin:clients alone": "^/v1/admin/clients",
    "admin:catalogue alone": "^/v1/admin/catalogues",
    "admin:evidence alone": "^/v1/admin/evidence",
    "admin:export alone": "^/v1/admin/export",
    "admin:notices alone": "^/v1/admin/notices",
    "admin:erasures alone": "^/v1/admin/erasures/",
    "admin:keys alone": "^/v1/admin/keys/",
    "admin:let-in alone": "^/v1/admin/operations/",
}
"""By the addresses that they are looked at for."""


@pytest.fixture(scope="module")
def running(
    postgres: EmbeddedPostgres,
    template_database: str,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Town]:
    urls = run_apart(postgres.create_database("schema", template=template_database))
    folder = tmp_path_factory.mktemp("schema")
    with running_portal() as portal, town(folder, urls, portal, valkey_url=valkey_url) as begun:
        yield begun


def test_what_is_answered_is_what_the_document_tells_of(running: Town) -> None:
    roles = {each.name: each for each in running.roles}
    for name, path in ROLES.items():
        options = ("--max-examples=1", "--phases=fuzzing", "--seed=1")
        narrowed = (f"--include-path-regex={path}",) if path else ()
        outcome = hold(running.hub, roles[name], *options, *narrowed)
        assert outcome.is_clean, f"{name}: {outcome.told}"
