"""Bundles while the power fails: at any statement, and sent again afterwards."""

import secrets
import time
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.capturing import Customer
from tests.flows.faults import CrashError, crash_at
from tests.flows.linking import minter
from tests.flows.town import Town

from consentid.cli import field_device, field_queue
from consentid.cli.field_queue import Queue
from consentid.flows.enrol_field_device import enrol_field_device, invite_device
from consentid.flows.make_field_kit import make_field_kit
from consentid.flows.manage_field_devices import revoke_device
from consentid.flows.open_subject import open_subject
from consentid.flows.own_captures import every_own_capture
from consentid.flows.pace_device import is_ahead, next_turn
from consentid.flows.reap import reap
from consentid.flows.resolve_capture import resolve_capture
from consentid.flows.stage_act import noting_of
from consentid.flows.take_bundles import take_bundles
from consentid.kit.errors import ForbiddenError
from consentid.kit.instants import HOUR, SECOND, Instant
from consentid.store import clock
from consentid.tokens.capture_bundle import EntryClaim, EvidenceClaim

_ENDED = """
    SELECT head_seq, state, count(*), count(sealed) FROM field_devices JOIN field_bundles
    ON device_id = id WHERE id = '{device}' GROUP BY 1, 2
"""


async def new_tablet(town: Town) -> Queue:
    """A device with its kit."""
    issuer = (await town.book()).group.issuer
    async with town.owner.writing() as connection:
        invited = await invite_device(
            connection, noting_of(town.context, "cli"), client_id="news-field", name="Tablet"
        )
    queue = field_queue.new_queue(hub=issuer, issuer=issuer, code=invited.code)
    shown = field_device.show_key(queue)
    enrolled = await enrol_field_device(
        town.context,
        unverified_code=shown["code"],
        unverified_x=shown["key"]["x"],
        unverified_y=shown["key"]["y"],
        unverified_proof=shown["proof"],
    )
    queue = field_queue.enrolled(queue, enrolled.device.id, enrolled.device.name)
    proof = field_device.show_nonce(queue, secrets.token_urlsafe(16))
    kit = await make_field_kit(town.context, proof)
    return msgspec.structs.replace(queue, kit=kit.kit, sync=kit.sync)


def entry_of(queue: Queue, *, at_ms: int | None = None, paper: str | None = None) -> EntryClaim:
    """One capture, just now."""
    return field_device.make_entry(
        queue,
        at_ms=at_ms or time.time_ns() // 1_000_000,
        operator="agent-7",
        granted=["ads"],
        refused=[],
        language="fr",
        channel="shop",
        evidence=EvidenceClaim(kind="form", version="form-3", reference=paper),
    )


def captured(queue: Queue, many: int) -> Queue:
    """The device once it has captured so many."""
    for _ in range(many):
        queue = field_queue.append(queue, entry_of(queue))
    return queue


async def test_whenever_the_power_fails_nothing_is_lost_or_double(town: Town) -> None:
    step, has_crashed = 0, True
    while has_crashed:
        step += 1
        queue = captured(await new_tablet(town), 2)
        texts = [each.text for each in queue.bundles]
        with crash_at(town.context.database, step, after=False):
            try:
                await take_bundles(town.context, texts[::-1], now_s=time.time())
                has_crashed = False
            except CrashError:
                pass
        told = await take_bundles(town.context, texts, now_s=time.time())
        assert [each.state for each in told.bundles] == ["recorded", "recorded"]
        found = await town.rows(_ENDED.format(device=queue.device))
        assert found == [(2, "recorded", 2, 0)], step
    assert step > 10
    ((captures, entries),) = await town.rows(
        "SELECT (SELECT count(*) FROM captures), (SELECT count(*) FROM field_entries)"
    )
    assert captures == entries == 2 * step


async def test_evidence_that_comes_again_as_another_entry_stops_no_chain(town: Town) -> None:
    first, second = await new_tablet(town), await new_tablet(town)
    at_ms = time.time_ns() // 1_000_000
    same = [entry_of(first, at_ms=at_ms, paper="paper-1") for _ in range(3)]
    first = captured(field_queue.append(first, *same[:2]), 1)  # the same paper twice in one bundle
    second = captured(field_queue.append(second, same[0]), 1)
    third = captured(field_queue.append(await new_tablet(town), same[2]), 1)
    told = await take_bundles(
        town.context,
        [each.text for queue in (first, second, third) for each in queue.bundles],
        now_s=time.time(),
    )
    found = [(each.state, each.why) for each in told.bundles]
    assert found[0] == ("refused", "evidence_used")
    assert sorted(found[2::2]) == [("recorded", None), ("refused", "evidence_used")]
    assert found[1::2] == [("recorded", None)] * 3
    assert await town.rows("SELECT count(*) FROM captures") == [(4,)]


_PURPOSES = st.lists(
    st.sampled_from(["ads", "content", "contact.phone", "unheard.of", "..", ":", "*"])
    | st.text("a."),
    max_size=3,
)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """What a device may say of a capture, as strangely as the form lets it."""
    digests = st.none() | st.sampled_from(["0" * 64, "f" * 64])
    return {
        "at_ms": draw(st.integers(0, 253_402_300_799_999)),
        "operator": draw(st.sampled_from(["a", "." * 64])),
        "channel": draw(st.sampled_from(["shop", "paper", "phone"])),
        "granted": [each for each in draw(_PURPOSES) if each and each != "*"],
        "refused": [each for each in draw(_PURPOSES) if each and each != "*"],
        "evidence": EvidenceClaim(
            kind=draw(st.sampled_from(["script", "form", "paper", "recording"])),
            version="f",
            reference=draw(st.none() | st.sampled_from(["p", "~" * 128])),
            digest=draw(digests),
        ),
    }


async def test_whatever_a_device_says_stops_neither_it_nor_its_chain(town: Town) -> None:
    """What one bundle cannot say, the next may: nothing that is signed jams its device."""

    @settings(max_examples=40, database=None)
    @given(said=st.lists(entries(), min_size=1, max_size=2), version=st.integers(1, 2**31 - 1))
    def say(said: list[dict[str, Any]], version: int) -> None:
        told.extend((said, version))

    told: list[Any] = []
    say()
    queue = await new_tablet(town)
    for said, version in zip(told[::2], told[1::2], strict=True):
        right = entry_of(queue)
        notice = right.notice
        if version % 2:
            notice = msgspec.structs.replace(notice, version=version)
        made = [msgspec.structs.replace(entry_of(queue), notice=notice, **each) for each in said]
        queue = field_queue.append(queue, *made)
    queue = captured(queue, 1)
    texts = [each.text for each in queue.bundles]
    answers = [
        each
        for first in range(0, len(texts), 16)
        for each in (
            await take_bundles(town.context, texts[first : first + 16], now_s=time.time())
        ).bundles
    ]
    assert {each.state for each in answers} == {"recorded", "refused"}
    assert answers[-1].state == "recorded"
    assert all(each.is_kept for each in answers)
    assert await town.faults() == []


async def test_who_makes_numbers_and_forks_up_fills_no_disk_and_a_gap_is_filled_still(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentid.flows.take_bundles.MOST_LOOSE", 4)
    queue = captured(await new_tablet(town), 7)
    texts = [each.text for each in queue.bundles]

    async def bring(*some: str) -> list[tuple[str, bool]]:
        told = await take_bundles(town.context, some, now_s=time.time())
        return [(each.state, each.is_kept) for each in told.bundles]

    assert await bring(*texts[1:5]) == [("waiting", True)] * 4
    for _ in range(3):  # full: the device keeps what comes beyond, and what it forks
        fork = captured(msgspec.structs.replace(queue, bundles=queue.bundles[:5]), 1)
        assert await bring(texts[6], fork.bundles[-1].text) == [("waiting", False)] * 2
    assert await town.rows("SELECT count(*) FROM field_bundles") == [(4,)]
    assert await bring(*texts) == [*[("recorded", True)] * 5, *[("waiting", False)] * 2]
    assert await bring(*texts) == [("recorded", True)] * 7
    assert await town.rows("SELECT count(*) FROM captures") == [(7,)]


async def test_its_person_sees_that_a_device_was_revoked_since(town: Town) -> None:
    mila, queue = await Customer.of(town, "mila"), captured(await new_tablet(town), 1)
    told = await take_bundles(town.context, [queue.bundles[0].text], now_s=time.time())
    client = (await minter(town, "news-field")).client
    capture = UUID(told.bundles[0].captures[0].capture)
    await resolve_capture(town.context, client, mila.subject, capture)

    async def looks_lost() -> bool | None:
        async with town.context.database.reading() as connection:
            person = await open_subject(town.context, connection, mila.subject)
            assert person is not None
            (own,) = await every_own_capture(
                town.context, connection, person, now=await clock.now(connection)
            )
        return None if own.origin is None else own.origin.is_revoked

    assert await looks_lost() is False
    async with town.owner.writing() as connection:
        noted = noting_of(town.context, "cli")
        await revoke_device(connection, noted, queue.device or "", client_id=None)
    assert await looks_lost() is True


async def test_what_has_no_effect_is_kept_for_a_month_and_a_client_without_the_right_has_none(
    town: Town,
) -> None:
    queue = captured(await new_tablet(town), 2)
    first, second = (each.text for each in queue.bundles)
    scopes = "UPDATE clients SET scopes = '{{{0}}}' WHERE client_id = 'news-field'"
    await town.change(scopes.format("verify"))
    told = await take_bundles(town.context, [first], now_s=time.time())
    assert [each.why for each in told.bundles] == ["client_may_not_capture"]
    with pytest.raises(ForbiddenError, match="may not capture"):
        await make_field_kit(town.context, field_device.show_nonce(queue, "n" * 22))
    await town.change(scopes.format("captures:write"))
    told = await take_bundles(town.context, [first, second], now_s=time.time())
    assert [each.state for each in told.bundles] == ["refused", "recorded"]
    await reap(town.context)
    ended = _ENDED.format(device=queue.device)
    assert sorted(await town.rows(ended)) == [(2, "recorded", 1, 0), (2, "refused", 1, 1)]
    await town.change("UPDATE field_bundles SET received_at = received_at - interval '31 days'")
    await reap(town.context)
    assert sorted(await town.rows(ended)) == [(2, "recorded", 1, 0), (2, "refused", 1, 0)]


def test_a_day_away_has_a_days_turns_and_syncing_all_the_time_gains_none() -> None:
    synced_at, turn = Instant(0), None
    for _ in range(30 * 60 * 8):
        turn = next_turn(turn, synced_at=synced_at, most=30)
        assert not is_ahead(turn, received_at=Instant(8 * HOUR))
    turn = None
    held = 0
    for second in range(120):  # a sync and two captures in each
        for _ in range(2):
            following = next_turn(turn, synced_at=Instant(second * SECOND), most=30)
            if is_ahead(following, received_at=Instant(second * SECOND)):
                held += 1
            else:
                turn = following
    assert 240 - held <= 30 * (2 + 1)
