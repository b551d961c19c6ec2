"""Whatever tokens say that the history does not is found, and the audience named."""

import secrets
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.cli.running import Command
from tests.flows.conftest import Founded
from tests.flows.town import BRAND, GRANTED, REFUSED, Town

from consentid.brandbook.folder import load
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.restate_after_catalogue import restate_after_catalogue
from consentid.flows.verify_issued import verify_issued

NEWS = "https://news.halcyon.example"


async def faults(town: Town) -> Sequence[str]:
    return [fault async for each in verify_issued(town.context) for fault in each.faults]


@pytest.fixture
async def issued(town: Town) -> Town:
    """Somebody with tokens that were widened, narrowed and ended, and a list that says so."""
    person, _ = await town.sign_in("ada")
    shop, _ = await town.sign_in("ada", "shop-web")
    await town.decide(person, {"ads": GRANTED, "content": GRANTED})
    await town.decide(shop, {"ads": REFUSED}, BRAND)
    await town.withdraw(person, "ads")
    await town.decide(person, {"ads": GRANTED})
    await town.decide(await town.device(), {"content": GRANTED})
    await publish_status_lists(town.context)
    return town


async def tampered(town: Town, *statements: str) -> Sequence[str]:
    async with town.owner.writing() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    return await faults(town)


async def test_what_was_issued_rests_on_the_history(issued: Town, halcyon_folder: Path) -> None:
    assert await faults(issued) == []
    news = halcyon_folder / "news.toml"
    news.write_text(f"{news.read_text()}\n[overrides.content]\noff = true\n")
    await publish_catalogue(issued.owner, load(halcyon_folder), randomness=secrets.token_bytes)
    assert await faults(issued) == []
    assert await restate_after_catalogue(issued.context) == 2
    await publish_status_lists(issued.context)
    assert await faults(issued) == []


NARROWED = (
    "audience_states AS now SET sealed = before.sealed FROM before"
    " WHERE now.subject_id = before.subject_id AND now.audience = before.audience"
)


async def test_a_yes_that_nobody_gave_is_found(town: Town) -> None:
    person = await town.device()
    await town.decide(person, {"ads": GRANTED})
    assert await tampered(town, "CREATE TABLE before AS SELECT * FROM audience_states") == []
    await town.withdraw(person, "ads")
    (told,) = await tampered(town, f"UPDATE {NARROWED}")
    assert told.startswith(f"tokens for {NEWS} say yes to ads, ads.measurement, ")


async def test_a_no_that_nobody_said_is_found(town: Town) -> None:
    person = await town.device()
    await town.decide(person, {"ads": REFUSED})
    assert await tampered(town, "CREATE TABLE before AS SELECT * FROM audience_states") == []
    await town.decide(person, {"ads": GRANTED})
    told = await tampered(town, f"UPDATE {NARROWED}")
    assert any("say no to ads" in each for each in told)


async def test_a_token_that_was_not_ended_is_found(issued: Town) -> None:
    told = await tampered(
        issued,
        "UPDATE status_indices SET revoked_at = NULL, is_published = false"
        " WHERE subject_id IS NOT NULL AND revoked_at IS NOT NULL",
    )
    assert any("and were not ended" in each for each in told)
    assert any("is set, and nobody ended it" in each for each in told)


async def test_a_bit_that_was_turned_back_and_a_row_exchanged_are_found(issued: Town) -> None:
    told = await tampered(issued, "UPDATE status_lists SET bits = sha256(bits)")
    assert any("its bit is not set" in each for each in told)
    told = await tampered(issued, "UPDATE audience_states SET idx = idx + 1")
    assert sum("point to a place that is not theirs" in each for each in told) > 1
    told = await tampered(issued, "UPDATE audience_states SET sealed = sha256(sealed)")
    assert any("say cannot be opened" in each for each in told)


def test_the_command_tells_it(
    issued: Town,
    founded: Founded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = Command(capsys, monkeypatch)
    command.set("DATABASE_URL", issued.urls.serving)
    command.set("KEYS_DIR", founded.keys)
    ended = command("ledger", "verify", "--tokens")
    assert (ended.code, ended.out) == (0, "3 audiences that tokens speak to, 0 with a fault\n")
    told = command("ledger", "verify", "--json").json
    assert (told["audiences"], told["token_faults"]) == (3, {})
