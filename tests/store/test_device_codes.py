import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.test_statuses import AT, make_subject

from consentid.core.party import Party, PartyKind, Slug
from consentid.kit.instants import SECOND, Instant
from consentid.store import clients, dependents, device_codes
from consentid.store.clients import Client, Registration
from consentid.store.device_codes import SLOWEST_S, Approval, DeviceCode, DeviceCodeStatus
from consentid.store.engine import Database

PLAY = Party(kind=PartyKind.BRAND, slug=Slug("play"))
CODE = DeviceCode(
    device_code_hash=b"d",
    user_code_hash=b"u",
    client_id="tv",
    scopes=frozenset({"openid", "decisions:read"}),
    resource=None,
    details=b"[]",
    sealed_name=b"Den",
    interval_s=5,
    created_at=AT,
    expires_at=Instant(AT + 600 * SECOND),
)
LATER = Instant(AT + 1)


def after(seconds: float) -> Instant:
    return Instant(AT + int(seconds * SECOND))


@pytest.fixture
async def kept(database: Database, owner_engine: AsyncEngine) -> Database:
    """A database in which one code waits."""
    client = Client(
        client_id="tv",
        party=PLAY,
        source="files",
        auth_method="none",
        scopes=frozenset(),
        collects_for_group=False,
        surface="tv",
        token_class="tv",
        registration=Registration(),
    )
    async with owner_engine.begin() as connection:
        await clients.save(connection, client, at=AT)
    async with database.writing() as connection:
        assert await device_codes.add(connection, CODE)
    return database


async def test_a_code_is_found_as_it_was_kept(kept: Database) -> None:
    async with kept.reading() as connection:
        assert await device_codes.find(connection, b"d") == CODE
        assert await device_codes.find(connection, b"u") is None
        assert await device_codes.find_waiting(connection, b"u", now=LATER) == CODE
        assert await device_codes.find_waiting(connection, b"d", now=LATER) is None


async def test_no_two_codes_share_a_user_code(kept: Database) -> None:
    async with kept.writing() as connection:
        assert not await device_codes.add(connection, replace(CODE, device_code_hash=b"e"))
        assert await device_codes.find(connection, b"e") is None


async def test_a_code_past_its_time_waits_no_more_and_can_be_forgotten(kept: Database) -> None:
    end = CODE.expires_at
    async with kept.writing() as connection:
        assert await device_codes.find_waiting(connection, b"u", now=end) is None
        assert not await device_codes.deny(connection, b"d", now=end)
        assert await device_codes.delete_expired(connection, before=end) == 0
        assert await device_codes.delete_expired(connection, before=Instant(end + 1)) == 1


async def test_each_poll_that_comes_too_soon_adds_five_seconds_for_good(kept: Database) -> None:
    async with kept.writing() as connection:
        polled = [
            await device_codes.note_poll(connection, b"d", now=after(second))
            for second in (0, 5, 9.9, 15, 35, 50)
        ]
        found = await device_codes.find(connection, b"d")
    #             first, in time, too soon (10 s), too soon (15 s), in time, in time
    assert polled == [False, False, True, True, False, False]
    assert found is not None
    assert (found.interval_s, found.polled_at) == (15, after(50))


async def test_the_wait_does_not_grow_for_ever(kept: Database) -> None:
    async with kept.writing() as connection:
        for _ in range(30):
            await device_codes.note_poll(connection, b"d", now=LATER)
        found = await device_codes.find(connection, b"d")
    assert found is not None
    assert found.interval_s == SLOWEST_S


async def test_of_many_answers_at_once_one_holds(kept: Database) -> None:
    async with kept.writing() as connection:
        subject = await make_subject(connection, "one")
    approval = Approval(subject=subject, auth_time=AT, acr="0")

    async def answer(place: int) -> bool:
        async with kept.writing() as connection:
            if place % 2:
                return await device_codes.deny(connection, b"d", now=LATER)
            return await device_codes.approve(connection, b"d", approval, now=LATER)

    assert sum(await asyncio.gather(*(answer(place) for place in range(10)))) == 1


async def test_of_many_uses_at_once_one_wins(kept: Database) -> None:
    async with kept.writing() as connection:
        subject = await make_subject(connection, "one")
        approval = Approval(subject=subject, auth_time=AT, acr="0")
        assert await device_codes.consume(connection, b"d", now=LATER) is None
        assert await device_codes.approve(connection, b"d", approval, now=LATER)
        assert await device_codes.find_waiting(connection, b"u", now=LATER) is None

    async def use() -> DeviceCode | None:
        async with kept.writing() as connection:
            return await device_codes.consume(connection, b"d", now=LATER)

    won = [code for code in await asyncio.gather(*(use() for _ in range(20))) if code is not None]
    assert len(won) == 1
    assert (won[0].subject, won[0].auth_time, won[0].acr) == (subject, AT, "0")
    assert won[0].status is DeviceCodeStatus.CONSUMED


@pytest.mark.parametrize(
    ("reach", "status"),
    [
        (None, DeviceCodeStatus.DENIED),
        (PLAY, DeviceCodeStatus.DENIED),
        (Party(kind=PartyKind.BRAND, slug=Slug("news")), DeviceCodeStatus.APPROVED),
    ],
)
async def test_a_withdrawal_ends_an_approved_code_where_it_reaches(
    kept: Database, reach: Party | None, status: DeviceCodeStatus
) -> None:
    async with kept.writing() as connection:
        subject = await make_subject(connection, "one")
        approval = Approval(subject=subject, auth_time=None, acr=None)
        assert await device_codes.approve(connection, b"d", approval, now=LATER)
        await dependents.end_of(connection, subject, party=reach, at=LATER)
        found = await device_codes.find(connection, b"d")
    assert found is not None
    assert found.status is status
