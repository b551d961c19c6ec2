"""Who read what of a person is noted without waiting, and written down for the person to see."""

import asyncio

import pytest
from sqlalchemy import text
from tests.flows.capturing import Centre
from tests.flows.readers import NEWS, new_consumer
from tests.flows.readers import drain as pump
from tests.flows.town import BRAND, GRANTED, Town

from consentid.core.decision import SubjectId
from consentid.flows import read_buffer
from consentid.flows.authenticate import Caller
from consentid.flows.history import show_history
from consentid.flows.note_read import note_read, write_reads
from consentid.flows.read_buffer import ReadKind
from consentid.flows.reap import reap
from consentid.flows.show_captures import show_capture, show_captures
from consentid.flows.show_state import show_state
from consentid.flows.verify_token import verify_token
from consentid.kit.errors import UnavailableError
from consentid.kit.ids import uuid7
from consentid.kit.instants import SECOND, Instant
from consentid.store import reads
from consentid.store.statuses import StatusIndex


async def kept(town: Town, caller: Caller) -> dict[tuple[str, str], int]:
    """What the person can see, written down before."""
    await write_reads(town.context)
    assert caller.subject is not None
    async with town.context.database.reading() as connection:
        rows = await reads.page(connection, [caller.subject], before=None, limit=100)
    return {(row.client_id, row.kind): row.times for row in rows}


async def test_a_client_that_asks_what_holds_is_noted_each_time(town: Town) -> None:
    caller = await town.device()
    for _ in range(3):
        await show_state(town.context, caller, at_least=None)
    await show_history(town.context, caller, cursor=None, limit=10)
    found = await kept(town, caller)
    assert found == {
        ("news-web", ReadKind.TOKEN): 1,
        ("news-web", ReadKind.STATE): 3,
        ("news-web", ReadKind.HISTORY): 1,
    }
    await show_state(town.context, caller, at_least=None)
    assert (await kept(town, caller))["news-web", ReadKind.STATE] == 4


async def test_whoever_records_a_decision_is_told_the_choices_and_that_is_noted(
    town: Town,
) -> None:
    caller = await town.device()
    await town.decide(caller, {"content": GRANTED}, BRAND)
    assert await kept(town, caller) == {("news-web", ReadKind.TOKEN): 2}


async def test_whoever_looks_at_what_it_captured_of_somebody_is_noted(town: Town) -> None:
    calls = Centre(town=town)
    caller = await calls.caller("ada")
    row = (await calls.capture({"content": GRANTED}, sub="ada")).row
    await show_capture(town.context, caller.client, row.id)
    await show_captures(town.context, caller.client, cursor=None)
    unknown = (await calls.capture({"content": GRANTED})).row  # nobody knows whose it is
    await show_capture(town.context, caller.client, unknown.id)
    assert (await kept(town, caller))["news-calls", ReadKind.CAPTURE] == 2


async def test_a_verification_is_noted_for_the_subject_of_the_token(town: Town) -> None:
    caller = await town.device()
    made = await town.decide(caller, {"content": GRANTED}, BRAND)
    checking = await town.client()
    for token in (made.consent_token, "nonsense"):
        await verify_token(
            town.context, checking, str(token), audience=None, purposes=(), at_least=None
        )
    assert (await kept(town, caller))["news-web", ReadKind.VERIFY] == 1


async def test_a_place_in_a_status_list_leads_to_its_subject_when_it_is_written(
    town: Town,
) -> None:
    caller = await town.device()
    await town.decide(caller, {"content": GRANTED}, BRAND)
    async with town.context.database.reading() as connection:
        found = await connection.execute(
            text("SELECT list_no, idx FROM status_indices WHERE subject_id = :subject"),
            {"subject": caller.subject},
        )
        list_no, idx = found.one()
    for place in (StatusIndex(list_no=list_no, idx=idx), StatusIndex(list_no=99, idx=1)):
        note_read(town.context, place, "news-web", ReadKind.VERIFY)
    assert (await kept(town, caller))["news-web", ReadKind.VERIFY] == 1


async def test_what_cannot_be_written_is_kept_for_the_next_time(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = await town.device()
    assert caller.subject is not None

    async def fail(*_: object) -> None:
        raise UnavailableError("database_unavailable", "away", retry_after_s=1)

    with monkeypatch.context() as patched:
        patched.setattr(reads, "add", fail)
        with pytest.raises(UnavailableError):
            await write_reads(town.context)
        note_read(town.context, caller.subject, "news-web", ReadKind.TOKEN)
    assert (await kept(town, caller))["news-web", ReadKind.TOKEN] == 2


async def test_two_nodes_that_write_the_same_rows_lose_nothing(town: Town) -> None:
    callers = [await town.device() for _ in range(4)]
    await write_reads(town.context)

    async def write(turn: int) -> None:
        buffer = read_buffer.ReadBuffer()
        for caller in callers[turn % 4 :] + callers[: turn % 4]:
            assert caller.subject is not None
            buffer.note((caller.subject, "shop-web", ReadKind.STATE))
        town.context.reads.give_back(buffer.take())
        await write_reads(town.context)

    await asyncio.gather(*(write(turn) for turn in range(8)))
    for caller in callers:
        assert (await kept(town, caller))["shop-web", ReadKind.STATE] == 8


async def test_reads_are_forgotten_after_thirteen_months(town: Town) -> None:
    caller = await town.device()
    await kept(town, caller)
    async with town.owner.writing() as connection:
        days = town.context.settings.keep_reads_d
        await connection.execute(
            text(f"UPDATE reads SET hour = hour - interval '{days} days 2 hours'")
        )
    await show_state(town.context, caller, at_least=None)
    assert len(await kept(town, caller)) == 2
    await reap(town.context)
    assert await kept(town, caller) == {("news-web", ReadKind.STATE): 1}


def test_a_full_buffer_says_how_much_it_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_buffer, "MAX_KEYS", 2)
    buffer = read_buffer.ReadBuffer()
    some = [SubjectId(uuid7(Instant(n * SECOND), bytes(10))) for n in range(3)]
    for subject in (*some, some[0]):
        buffer.note((subject, "news-web", ReadKind.STATE))
    assert sum(buffer.take().values()) == 3
    assert buffer.lost == 1


async def test_whoever_is_told_of_a_change_is_seen_longer_than_the_event_is_kept(
    town: Town,
) -> None:
    consumer = await new_consumer(town, NEWS)
    caller = await town.device()
    await town.decide(caller, {"ads": GRANTED})
    before = await kept(town, caller)
    await pump(town)
    await consumer.begin_with_snapshot()
    told = await kept(town, caller)
    assert told.keys() == before.keys() | {("crm", "event"), ("crm", "snapshot")}
    await town.change("UPDATE events SET at = at - interval '31 days'")
    await reap(town.context)
    assert await town.rows("SELECT 1 FROM events") == []
    assert await kept(town, caller) == told
