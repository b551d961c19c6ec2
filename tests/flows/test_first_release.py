"""The first release's database, brought up to date: its people, its log, its receipts and tokens.

``first_release/`` is what the code of step 0010 left: devices, people who signed in, a withdrawal,
an erasure under way, a log, tokens and receipts; ``told.json`` has the keys, which serve nothing
else, and what that code told of everybody.  It is never made anew.
"""

import gzip
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from tests.conftest import run_apart
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.town import GRANTED, Town, open_node
from tests.net.portal_server import PortalServer

from consentid.core.decision import SubjectId
from consentid.core.party import Party, PartyKind, Slug
from consentid.embedded.postgres import ERASING, SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.flows.judge_receipt import judge_receipt
from consentid.flows.lines import resolver
from consentid.flows.open_subject import open_subject
from consentid.flows.opening import Opened
from consentid.flows.register_client import rotate_secret
from consentid.kit.instants import from_seconds
from consentid.store.engine import Database
from consentid.store.migrating import current_step, newest_step, upgrade
from consentid.tokens import verifying
from consentid.verify.receipts import Outcome

FOLDER: Final = Path(__file__).parent / "first_release"
STEP: Final = "0010"
MADE_AT: Final = from_seconds(1_795_406_642)
TOLD: Final[dict[str, Any]] = json.loads((FOLDER / "told.json").read_text())
AUDIENCE: Final = "https://news.halcyon.example"


async def restore(urls: DatabaseUrls) -> None:
    """The database as that release left it."""
    script = gzip.decompress((FOLDER / "database.sql.gz").read_bytes())
    await execute(urls, script.decode())


async def execute(urls: DatabaseUrls, script: str) -> None:
    """Any number of statements at once, as the owner."""
    owner = Database(urls.owner)
    async with owner.dedicated() as driver:
        connection: Any = driver
        await connection.execute(script)
    await owner.close()


@pytest.fixture
def first_release(postgres: EmbeddedPostgres) -> Iterator[DatabaseUrls]:
    name = f"first_release_{secrets.token_hex(4)}"
    urls = run_apart(postgres.create_database(name))
    run_apart(restore(urls))
    yield urls
    run_apart(postgres.drop_database(name))


@pytest.fixture
async def old_town(
    first_release: DatabaseUrls, portal: PortalServer, tmp_path: Path
) -> AsyncIterator[Town]:
    """That installation after the upgrade, served by this release."""
    for name, content in TOLD["keys"].items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    done = await upgrade(first_release.owner, serving_role=SERVING, erasing_role=ERASING)
    assert (done.before, done.after) == (STEP, newest_step())
    node: Opened = open_node(first_release, tmp_path)
    town = Town(
        urls=first_release,
        context=node.context,
        owner=Database(first_release.owner),
        secrets={},
        portal=portal,
    )
    yield town
    await node.close()
    await town.owner.close()


async def test_everything_holds_after_the_upgrade_from_the_first_release(old_town: Town) -> None:
    entries, faults = await walk(old_town)
    assert [(each.kind, each.index, each.message) for each in faults] == []
    assert entries > len(TOLD["people"])
    assert await old_town.faults() == []
    assert await current_step(old_town.urls.owner) == newest_step()


async def test_what_everybody_chose_is_what_the_first_release_told(old_town: Town) -> None:
    book = await old_town.book()
    for name, person in TOLD["people"].items():
        async with old_town.context.database.reading() as connection:
            subject = await open_subject(
                old_town.context, connection, SubjectId(UUID(person["subject"]))
            )
        assert subject is not None, name
        slug = Slug(person["client"].partition("-")[0])
        found = resolver(book, subject, at=MADE_AT)(Party(kind=PartyKind.BRAND, slug=slug))
        told = {purpose: each.state for purpose, each in found.items()}
        assert told == person["state"], name


async def test_receipts_and_tokens_of_the_first_release_are_known(old_town: Town) -> None:
    await drain(old_town.context)
    for receipt in TOLD["receipts"].values():
        judged = await judge_receipt(old_town.context, json.dumps(receipt).encode())
        assert judged.findings.verdict is Outcome.HOLDS
        assert judged.findings.proven is not None
    for token in TOLD["tokens"].values():
        found = verifying.verify(
            token,
            keys=old_town.context.keyring.verifying_keys(),
            issuer="http://consent.localhost:7600",
            audience=AUDIENCE,
            now_s=MADE_AT / 1e6,
        )
        assert isinstance(found, verifying.Verified), found


async def test_the_upgraded_hub_goes_on(old_town: Town) -> None:
    made = await rotate_secret(old_town.owner, client_id="news-web", randomness=secrets.token_bytes)
    old_town.secrets = {"news-web": made.secret}
    person = await old_town.device()
    answer = await old_town.decide(person, {"ads": GRANTED}, layout=bytes(32))
    assert answer.consent_token is not None
    # Processes of the release before may run still: what they cannot read is not written.
    assert answer.receipt.record["v"] == 1
    await drain(old_town.context)
    assert (await walk(old_town))[1] == []
    assert await old_town.faults() == []


async def test_a_database_of_a_later_release_is_left_as_it_is(first_release: DatabaseUrls) -> None:
    await execute(first_release, "UPDATE alembic_version SET version_num = '9999'")
    done = await upgrade(first_release.owner, serving_role=SERVING)
    assert done.is_ahead
    assert (done.before, done.after) == ("9999", "9999")
