import pytest
from tests.flows.test_erasure import ask
from tests.flows.test_sequence_ledger import drain
from tests.flows.town import GRANTED, REFUSED, Town

from consentid.core.decision import Decision
from consentid.core.record import to_record
from consentid.flows import append_decisions, verify_issued, verify_projection
from consentid.kit.canonical import Json
from consentid.store.engine import Database

_UNLOCK = "ALTER TABLE decisions DISABLE TRIGGER USER"


@pytest.fixture
async def lived_in(town: Town) -> Town:
    for _ in range(2):
        news = await town.device()
        await town.decide(news, {"ads": GRANTED})
        await town.decide(news, {"ads": REFUSED})
    assert await town.faults() == []
    return town


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            "DELETE FROM decisions WHERE id = (SELECT min(id::text)::uuid FROM decisions)",
            "version 2 after 1 decisions",
        ),
        (
            (
                "UPDATE decisions SET commitment = '\\x00'"
                " WHERE id = (SELECT min(id::text)::uuid FROM decisions)"
            ),
            "its body is not what was committed to",
        ),
        (
            (
                "UPDATE decisions SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"
                " WHERE id = (SELECT min(id::text)::uuid FROM decisions)"
            ),
            "its body cannot be opened",
        ),
        (
            (
                "UPDATE decisions a SET sealed = b.sealed FROM decisions b"
                " WHERE a.subject_id = b.subject_id AND a.recorded_at < b.recorded_at"
            ),
            "its body cannot be opened",
        ),
        ("UPDATE projections SET version = version + 1", "version 3 after 2 decisions"),
        ("UPDATE projections SET sealed = '\\x01'", "the stored projection cannot be opened"),
        (
            (
                "UPDATE projections a SET sealed = b.sealed FROM projections b"
                " WHERE a.subject_id <> b.subject_id AND a.version = 2 AND b.version = 2"
            ),
            "the stored projection cannot be opened",
        ),
        (
            (
                "UPDATE decisions SET subject_id = (SELECT max(subject_id::text)::uuid"
                " FROM projections WHERE version = 2)"
            ),
            "its body cannot be opened",
        ),
    ],
    ids=[
        *("lost", "commitment", "bit", "exchanged", "version", "projection"),
        *("projections-exchanged", "given-to-another"),
    ],
)
async def test_whatever_was_changed_behind_our_back_is_found(
    lived_in: Town, change: str, fault: str
) -> None:
    await lived_in.change(_UNLOCK)
    await lived_in.change(change)
    assert any(fault in each for each in await lived_in.faults())


async def test_a_projection_that_was_put_back_is_found(town: Town) -> None:
    news = await town.device()
    await town.decide(news, {"ads": GRANTED})
    ((older,),) = await town.rows("SELECT sealed FROM projections WHERE version = 1")
    await town.decide(news, {"ads": REFUSED})
    await town.change("UPDATE projections SET sealed = :older WHERE version = 2", older=older)
    assert await town.faults() == ["the stored projection is not that of the history"]


async def test_whoever_is_on_another_page_is_checked_too(
    lived_in: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_projection, "PAGE", 1)
    monkeypatch.setattr(verify_issued, "PAGE", 1)
    assert await lived_in.faults() == []
    await lived_in.change("UPDATE projections SET version = version + 1")
    assert await lived_in.faults() == ["version 3 after 2 decisions"] * 2


async def test_a_record_of_a_later_release_is_told_of_and_the_others_are_checked(
    lived_in: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_later(decision: Decision) -> dict[str, Json]:
        return {**to_record(decision), "v": 99}

    later = await lived_in.device()
    with monkeypatch.context() as after:
        after.setattr(append_decisions, "to_record", of_later)
        told = await lived_in.decide(later, {"ads": GRANTED})
    id_ = told.receipt.record["id"]
    assert (await lived_in.faults()) == [
        f"decision {id_}: its body is in a form that this release cannot read",
        "the stored projection is not that of the history",
        (
            f"its history or its rules cannot be read: decision {id_}: its record is in a form "
            "that this release cannot read: use the one that wrote it"
        ),
    ]


_OTHER = "(SELECT subject_id FROM devices WHERE subject_id NOT IN (SELECT device_id FROM {0}))"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM account_devices", "its link is missing"),
        (
            (
                "INSERT INTO account_devices (account_id, device_id, first_seen_at)"
                f" SELECT account_id, {_OTHER.format('account_devices')},"
                " first_seen_at - interval '1 day' FROM account_devices"
            ),
            "it is linked, and the log does not say so",
        ),
        (
            f"UPDATE account_devices SET device_id = {_OTHER.format('account_devices')}",
            "it is linked, and the log does not say so",
        ),
        (
            "UPDATE account_devices SET first_seen_at = first_seen_at - interval '1 s'",
            "it is linked since another time than the log says",
        ),
    ],
    ids=["lost", "made-up", "moved", "of-another-time"],
)
async def test_a_link_of_an_account_and_a_device_that_nobody_made_is_found(
    town: Town, change: str, fault: str
) -> None:
    await town.sign_in("ada", device=await town.new_device())
    await town.new_device()
    await drain(town.context)
    assert await town.faults() == []
    await town.change(change)
    assert any(fault in each for each in await town.faults())


async def test_a_key_that_was_destroyed_before_its_time_is_found(
    town: Town, erasing: Database
) -> None:
    device = await town.device()
    await town.decide(device, {"ads": GRANTED})
    await ask(town, device.subject, at_once=False)
    checked = verify_projection.verify_projections
    assert [each.faults async for each in checked(town.context, apart=erasing)] == [()]
    await town.change("DELETE FROM restricted_subjects")
    (found,) = [each async for each in checked(town.context, apart=erasing)]
    assert found.subject == device.subject
    assert found.faults == ("it is set aside for proof, and its key is gone before the time",)


async def test_a_link_goes_with_its_device(town: Town) -> None:
    credential = await town.new_device()
    await town.sign_in("ada", device=credential)
    await ask(town, (await town.on_device(credential)).subject)
    assert await town.faults() == []
