"""The short form of ``python -m tests.attacks``: each attack, at some of all addresses."""

from collections.abc import Iterator

import pytest
from joserfc.jwk import RSAKey
from tests.attacks.judging import all_addresses, attack, some
from tests.conftest import run_apart
from tests.web.hub import Hub, in_charge, running_hub, running_portal

from consentid.embedded.postgres import EmbeddedPostgres

EVERY = 41


@pytest.fixture(scope="module")
def portal() -> Iterator[tuple[str, RSAKey]]:
    with running_portal() as running:
        yield running


@pytest.fixture(scope="module")
def hub(
    postgres: EmbeddedPostgres,
    template_database: str,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    urls = run_apart(postgres.create_database("attacked", template=template_database))
    folder = tmp_path_factory.mktemp("attacked")
    with running_hub(
        folder, urls, portal, valkey_url=valkey_url, settings=in_charge(urls)
    ) as running:
        yield running


async def test_nothing_that_an_attacker_sends_is_answered_by_more_than_a_refusal(hub: Hub) -> None:
    cookies = {"Cookie": "consentid-browser=" + "a" * 43}
    targets = some(all_addresses(hub, hub.sign_in(), cookies), EVERY)
    assert len({attack.name for _, attack in targets}) > 80
    wrong = await attack(hub, targets)
    assert wrong == [], "\n".join(wrong)
