from collections.abc import Iterator, Mapping

import pytest
from joserfc.jwk import RSAKey
from tests.conftest import run_apart
from tests.web.hub import Hub, forget, in_charge, running_hub, running_portal
from tests.web.programs import add_programs

from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres


@pytest.fixture(scope="session")
def portal() -> Iterator[tuple[str, RSAKey]]:
    """Halcyon ID, for all tests here."""
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
    """One hub for all tests here: each makes subjects of its own."""
    urls: DatabaseUrls = run_apart(postgres.create_database("web", template=template_database))
    folder = tmp_path_factory.mktemp("hub")
    settings = {
        "CONSENTID_METRICS_PORT": "0",  # any that is free; the log says which
        "CONSENTID_LISTENERS": "4",
        "CONSENTID_PORTAL_EVENTS_AUDIENCE": "https://consent.example/ssf",
    }
    with running_hub(folder, urls, portal, valkey_url=valkey_url, settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def programs(hub: Hub) -> Hub:
    """The hub, with a program for each scope of the administration."""
    return add_programs(hub)


@pytest.fixture(scope="module")
def brand_files() -> Mapping[str, str]:
    """What the files of the hub below say otherwise: nothing, unless a module says so."""
    return {}


@pytest.fixture(scope="module")
def inside(
    brand_files: Mapping[str, str],
    module_database_urls: DatabaseUrls,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    """A hub whose one web process has the owner's database, with a program for each scope."""
    with running_hub(
        tmp_path_factory.mktemp("inside"),
        module_database_urls,
        portal,
        valkey_url=valkey_url,
        settings=in_charge(module_database_urls),
        changed=brand_files,
    ) as running:
        yield add_programs(running)


@pytest.fixture(autouse=True)
def unlimited(valkey_url: str) -> None:
    """What other tests did within the same minute limits nobody here."""
    forget(valkey_url, "limit:*")
