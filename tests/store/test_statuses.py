import asyncio
import secrets
from collections.abc import Callable, Sequence
from uuid import NAMESPACE_URL, uuid5

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consentid.core.decision import CatalogueVersion, SubjectId
from consentid.kit.instants import Instant
from consentid.store import acts, status_lists, statuses, subjects
from consentid.store.acts import Act
from consentid.store.engine import Database
from consentid.store.statuses import LIST_BITS, AudienceState, StatusIndex
from consentid.store.subjects import NewSubject

AT = Instant(1_800_000_000_000_000)
NEWS = "https://news.example"


async def make_subject(connection: AsyncConnection, name: str) -> SubjectId:
    subject = SubjectId(uuid5(NAMESPACE_URL, name))
    new = NewSubject(id=subject, wrapped_key=b"k", sealed_projection=b"p", created_at=AT)
    await subjects.create_device(
        connection,
        new,
        credential_hash=name.encode(),
        client_id="c",
        origin=None,
        expires_at=AT,
    )
    return subject


def drawing(*numbers: int) -> Callable[[int], int]:
    """The numbers in turn."""
    left = iter(numbers)
    return lambda below: next(left) % below


async def take(
    database: Database, subject: SubjectId, draw: Callable[[int], int] = secrets.randbelow
) -> StatusIndex:
    async with database.writing() as connection:
        return await statuses.allocate(connection, subject=subject, audience=NEWS, draw=draw, at=AT)


async def end(
    connection: AsyncConnection, subject: SubjectId, status: StatusIndex, at: Instant = AT
) -> None:
    await acts.write(connection, [Act(subject=subject, at=at, ended=[status])])


@pytest.fixture
async def subject(database: Database) -> SubjectId:
    async with database.writing() as connection:
        return await make_subject(connection, "one")


async def lists(engine: AsyncEngine) -> Sequence[tuple[int, bool]]:
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT list_no, is_open FROM status_lists ORDER BY list_no")
        )
        return [(row.list_no, row.is_open) for row in found]


async def test_fifty_at_once_never_get_the_same_index_and_open_one_list(
    database: Database, owner_engine: AsyncEngine, subject: SubjectId
) -> None:
    taken = await asyncio.gather(*(take(database, subject) for _ in range(50)))
    assert len({(each.list_no, each.idx) for each in taken}) == 50
    assert await lists(owner_engine) == [(1, True)]


async def test_two_who_draw_the_same_number_get_different_ones(
    database: Database, subject: SubjectId
) -> None:
    taken = await asyncio.gather(
        *(take(database, subject, drawing(7, number)) for number in (8, 9))
    )
    assert sorted(each.idx for each in taken) in ([7, 8], [7, 9])


async def test_an_index_that_was_rolled_back_is_free_again(
    database: Database, subject: SubjectId
) -> None:
    async def fail() -> None:
        async with database.writing() as connection:
            await statuses.allocate(
                connection, subject=subject, audience=NEWS, draw=drawing(7), at=AT
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert (await take(database, subject, drawing(7))).idx == 7


async def test_a_list_that_is_full_is_closed_and_the_next_one_opened(
    database: Database, owner_engine: AsyncEngine, subject: SubjectId
) -> None:
    await take(database, subject)
    async with owner_engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO status_indices (list_no, idx, is_published)"
                " SELECT 1, generate_series(0, :last), true ON CONFLICT DO NOTHING"
            ),
            {"last": LIST_BITS - 1},
        )
    taken = await asyncio.gather(*(take(database, subject) for _ in range(8)))
    assert {each.list_no for each in taken} == {2}
    assert len({each.idx for each in taken}) == 8
    assert await lists(owner_engine) == [(1, False), (2, True)]


async def test_a_revocation_keeps_its_first_moment(
    database: Database, owner_engine: AsyncEngine, subject: SubjectId
) -> None:
    status = await take(database, subject)
    for later in (0, 5):
        async with database.writing() as connection:
            await end(connection, subject, status, at=Instant(AT + later))
    async with owner_engine.connect() as connection:
        (found,) = await connection.execute(text("SELECT revoked_at FROM status_indices"))
        assert int(found.revoked_at.timestamp() * 1_000_000) == AT


async def test_unpublished_flips_are_taken_once(database: Database, subject: SubjectId) -> None:
    status = await take(database, subject)
    async with database.writing() as connection:
        assert await status_lists.take_unpublished(connection, 1) == []
        await end(connection, subject, status)
        assert await status_lists.take_unpublished(connection, 1) == [status.idx]
        assert await status_lists.take_unpublished(connection, 1) == []


async def test_a_decoy_takes_nobodys_index(database: Database, subject: SubjectId) -> None:
    status = await take(database, subject)
    free = StatusIndex(list_no=1, idx=(status.idx + 1) % LIST_BITS)
    async with database.writing() as connection:
        assert not await status_lists.add_decoy(connection, status, at=AT)
        assert await status_lists.add_decoy(connection, free, at=AT)
        assert not await status_lists.add_decoy(connection, free, at=AT)
        assert await status_lists.take_unpublished(connection, 1) == []
        assert await statuses.find_holder(connection, free) is None
        holder = await statuses.find_holder(connection, status)
    assert holder is not None
    assert (holder.subject, holder.audience, holder.is_revoked) == (subject, NEWS, False)


async def test_rows_that_a_version_has_not_reached_come_page_by_page(database: Database) -> None:
    async with database.writing() as connection:
        for number in range(7):
            subject = await make_subject(connection, str(number))
            for audience in ("a", "b"):
                state = AudienceState(
                    audience=audience,
                    rev=1,
                    sealed=b"",
                    status=StatusIndex(list_no=1, idx=number),
                    catalogue=CatalogueVersion(1 + number % 3),
                )
                await acts.write(connection, [Act(subject=subject, at=AT, states=[state])])
        seen: list[tuple[CatalogueVersion, SubjectId]] = []
        while page := await statuses.find_behind(
            connection, CatalogueVersion(3), after=seen[-1] if seen else None, limit=2
        ):
            seen += page
    assert len(set(seen)) == len(seen) == 5
    assert seen == sorted(seen)
