import secrets
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from tests.flows.faults import CrashError, crash_at_commit
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.town import BRAND, GRANTED, Town, edit, together

from consentid.brandbook.folder import load
from consentid.flows.note_keys import note_keys
from consentid.flows.publish_catalogue import find_applied, publish_catalogue
from consentid.flows.publish_status_lists import publish_status_lists, show_status_list
from consentid.flows.register_client import rotate_secret
from consentid.flows.restate_after_catalogue import restate_after_catalogue
from consentid.flows.verify_token import verify_token
from consentid.kit.errors import UnreadableError
from consentid.tokens import status

SHOP = "https://market.halcyon.example"
_OFF = (
    "[overrides.tv]\noff = true",
    "[overrides.content]\noff = true\n\n[overrides.tv]\noff = true",
)
_OWN = (
    "[overrides.tv]\noff = true",
    "[overrides.content]\nown = true\n\n[overrides.tv]\noff = true",
)


async def apply(town: Town, folder: Path) -> bool:
    published = await publish_catalogue(town.owner, load(folder), randomness=secrets.token_bytes)
    return published.is_new


async def is_active(town: Town, token: str | None) -> bool:
    assert token is not None
    found = await verify_token(
        town.context,
        await town.client("shop-web"),
        token,
        audience=None,
        purposes=(),
        at_least=None,
    )
    return found.active


async def bit_of(town: Town, token: str | None) -> bool:
    """The token's bit, as a verifier without us sees it."""
    ref = town.claims(token, SHOP).status.status_list
    published = await show_status_list(town.context, int(ref.uri.rpartition("/")[2]))
    assert published is not None
    found = status.verify_list(
        published.token,
        keys=town.context.keyring.verifying_keys(),
        uri=ref.uri,
        now_s=published.signed_at / 1_000_000,
    )
    assert isinstance(found, status.VerifiedList)
    return found.is_set(ref.idx)


async def test_the_same_files_again_change_nothing(town: Town, halcyon_folder: Path) -> None:
    before = await town.counts()
    assert not await apply(town, halcyon_folder)
    assert await town.counts() == before


async def test_two_who_apply_at_once_make_one_version(town: Town, halcyon_folder: Path) -> None:
    edit(halcyon_folder / "shop.toml", *_OFF)
    done = await together(*(apply(town, halcyon_folder) for _ in range(6)))
    assert sorted(done) == [False] * 5 + [True]
    applied = await find_applied(town.owner)
    assert applied is not None
    assert applied.catalogue.version == 2


async def test_a_version_whose_commit_failed_was_not_applied(
    town: Town, halcyon_folder: Path
) -> None:
    edit(halcyon_folder / "shop.toml", *_OFF)
    before = await town.counts()
    with crash_at_commit(town.owner, persisted=False), pytest.raises(CrashError):
        await apply(town, halcyon_folder)
    assert await town.counts() == before
    assert await apply(town, halcyon_folder)


@pytest.mark.parametrize("narrowed", [_OFF, _OWN], ids=["off", "own"])
async def test_a_narrowed_override_ends_older_tokens_at_once_online_and_then_offline(
    town: Town, halcyon_folder: Path, narrowed: tuple[str, str]
) -> None:
    tokens: list[str | None] = []
    untouched: list[str | None] = []
    for number in range(7):
        credential = await town.new_device()
        purpose = "content" if number < 5 else "ads"
        await town.decide(await town.on_device(credential), {purpose: GRANTED})
        shop = await town.on_device(credential, "shop-web")
        told = await town.withdraw(shop, "contact", reach=BRAND)
        (tokens if number < 5 else untouched).append(told.consent_token)
    assert all([await is_active(town, token) for token in (*tokens, *untouched)])

    edit(halcyon_folder / "shop.toml", *narrowed)
    assert await apply(town, halcyon_folder)
    assert not any([await is_active(town, token) for token in tokens])
    assert all([await is_active(town, token) for token in untouched])

    assert not any([await bit_of(town, token) for token in tokens])
    assert await restate_after_catalogue(town.context, page=2) == 7
    assert await restate_after_catalogue(town.context) == 0
    assert await publish_status_lists(town.context) == 1
    assert all([await bit_of(town, token) for token in tokens])
    assert not any([await bit_of(town, token) for token in untouched])
    assert await town.faults() == []


async def test_two_walks_after_a_version_do_the_work_once(town: Town, halcyon_folder: Path) -> None:
    for _ in range(6):
        credential = await town.new_device()
        await town.decide(await town.on_device(credential), {"content": GRANTED})
        await town.withdraw(await town.on_device(credential, "shop-web"), "ads", reach=BRAND)
    edit(halcyon_folder / "shop.toml", *_OFF)
    await apply(town, halcyon_folder)
    await together(*(restate_after_catalogue(town.context, page=3) for _ in range(3)))
    narrowed = await town.rows(
        "SELECT count(*) FROM status_indices"
        " WHERE revoked_at IS NOT NULL AND subject_id IS NOT NULL"
    )
    assert narrowed == [(6,)]
    assert await town.rows("SELECT DISTINCT catalogue FROM audience_states") == [(2,)]


async def test_a_subject_that_cannot_be_opened_holds_nobody_else_up(
    town: Town, halcyon_folder: Path
) -> None:
    for _ in range(4):
        credential = await town.new_device()
        await town.decide(await town.on_device(credential), {"content": GRANTED})
    await town.change(
        "UPDATE projections SET sealed = '\\x01'"
        " WHERE subject_id = (SELECT min(subject_id::text)::uuid FROM projections)"
    )
    edit(halcyon_folder / "shop.toml", *_OFF)
    await apply(town, halcyon_folder)
    with pytest.raises(UnreadableError):
        await restate_after_catalogue(town.context, page=2)
    behind = await town.rows(
        "SELECT count(DISTINCT subject_id) FROM audience_states WHERE catalogue < 2"
    )
    assert behind == [(1,)]


async def test_clients_that_the_files_no_longer_declare_are_let_in_no_more(
    town: Town, halcyon_folder: Path
) -> None:
    await town.client("reach-forms")
    file = halcyon_folder / "partners" / "reach.toml"
    file.write_text(file.read_text().partition("[clients.reach-forms]")[0])
    await apply(town, halcyon_folder)
    answer = await town.ask_token("reach-forms", grant_type="client_credentials")
    assert answer.body["error"] == "invalid_client"


async def test_the_log_names_what_a_version_changes(town: Town, halcyon_folder: Path) -> None:
    before = await town.rows("SELECT kind FROM staged_entries")
    assert before == [("catalogue",)]
    edit(halcyon_folder / "group.toml", '"account_prevails"', '"newest_prevails"')
    edit(halcyon_folder / "partners" / "reach.toml", 'scopes = ["verify"]', "scopes = []")
    assert await apply(town, halcyon_folder)
    assert await note_keys(town.context) == 1
    assert await note_keys(town.context) == 0
    after = await town.rows("SELECT kind FROM staged_entries ORDER BY seq")
    assert [kind for (kind,) in after] == [
        *("catalogue", "catalogue", "client", "policy", "admin", "key")
    ]
    await rotate_secret(town.owner, client_id="news-web", randomness=secrets.token_bytes)
    ((body,),) = await town.rows(
        "SELECT body FROM entry_bodies JOIN staged_entries USING (event_id)"
        " ORDER BY seq DESC LIMIT 1"
    )
    rotated = {"v": 1, "act": "rotate", "client": "news-web", "overlap_s": 86_400}
    assert msgspec.json.decode(body) == rotated
    assert (await walk(town))[1] == []
    async with town.owner.writing() as connection:
        await connection.execute(text("ALTER TABLE entry_bodies DISABLE TRIGGER USER"))
        await connection.execute(text("UPDATE entry_bodies SET body = '{}' WHERE kind = 'policy'"))
    (fault,) = (await walk(town))[1]
    assert (fault.kind, fault.message.partition(" ")[0]) == ("staged", "body")


async def test_an_address_that_was_corrected_before_the_first_worker_is_no_fault_of_the_log(
    town: Town, halcyon_folder: Path
) -> None:
    await town.decide(await town.device(), {"ads": GRANTED})
    edit(halcyon_folder / "group.toml", 'issuer = "http://consent', 'issuer = "http://corrected')
    assert await apply(town, halcyon_folder)
    await drain(town.context)
    count, faults = await walk(town)
    assert count > 1
    assert faults == []
