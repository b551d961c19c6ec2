"""Who waits is woken by what has committed, however late, and by nothing else."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.flows.test_accounts_handed_on import at_news, at_shop
from tests.flows.town import GROUP, REFUSED, Town, halcyon

from consentid.brandbook.folder import load
from consentid.flows.authenticate import Caller, authenticate, hash_token
from consentid.flows.change_watch import MOST_OF_A_SUBJECT, ChangeWatch, Waiter
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.show_state import StateSeen, look_at_state
from consentid.flows.sign_out import sign_out
from consentid.store.changes import comparing
from consentid.store.engine import Database

LONG_S = 30.0
"""Far longer than it takes; a change that is missed is missed for ever."""
QUIET_S = 1.5
"""Three looks: who has not been woken by then is not woken by this."""
MOST = 40
END_ALL_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def watch(town: Town) -> AsyncIterator[ChangeWatch]:
    watching = ChangeWatch(town.context.database, most=MOST)
    following = asyncio.create_task(watching.follow())
    yield watching
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def seen(town: Town, caller: Caller) -> StateSeen:
    return await look_at_state(town.context, caller, at_least=None)


@contextlib.asynccontextmanager
async def waiting(town: Town, watch: ChangeWatch, caller: Caller) -> AsyncGenerator[Waiter]:
    known = await seen(town, caller)
    with watch.waiting(catalogue=known.catalogue, versions=known.versions) as waiter:
        assert waiter is not None
        yield waiter


async def is_woken(waiter: Waiter, within_s: float = LONG_S) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await waiter.woken.wait()
    return waiter.woken.is_set()


async def test_a_decision_wakes_who_waits_for_its_subject(town: Town, watch: ChangeWatch) -> None:
    caller, other = await town.device(), await town.device()
    async with waiting(town, watch, caller) as waiter, waiting(town, watch, other) as asleep:
        await town.decide(caller, {"ads": REFUSED})

        assert await is_woken(waiter)
        assert not await is_woken(asleep, QUIET_S)


async def test_a_sign_out_wakes_the_pages_that_wait_in_the_session(
    town: Town, watch: ChangeWatch
) -> None:
    visit, news = await at_news(town)
    shop, (_, elsewhere) = await at_shop(town, news), await at_news(town)
    with contextlib.ExitStack() as stack:
        waiters: list[Waiter] = []
        for held in (news, shop, elsewhere):
            known = await seen(town, await authenticate(town.context, held["access_token"]))
            waiter = stack.enter_context(
                watch.waiting(
                    catalogue=known.catalogue,
                    versions=known.versions,
                    token=hash_token(held["access_token"]),
                )
            )
            assert waiter is not None
            waiters.append(waiter)

        await sign_out(town.context, visit.browser)

        *woken, asleep = waiters
        assert [await is_woken(each) for each in woken] == [True, True]
        assert not await is_woken(asleep, QUIET_S)


async def test_what_changed_before_the_wait_began_ends_it(town: Town, watch: ChangeWatch) -> None:
    caller = await town.device()
    known = await seen(town, caller)
    await town.decide(caller, {"ads": REFUSED})

    with watch.waiting(catalogue=known.catalogue, versions=known.versions) as waiter:
        assert waiter is not None
        assert await is_woken(waiter)


async def test_what_commits_late_and_out_of_turn_is_not_missed(
    town: Town, watch: ChangeWatch
) -> None:
    """Written early and committed late: whoever reads on from a number would have passed it by."""
    slow, quick = await town.device(), await town.device()
    async with waiting(town, watch, slow) as late, waiting(town, watch, quick) as early:
        async with town.owner.writing() as connection:
            await connection.execute(
                text("UPDATE projections SET version = version + 1 WHERE subject_id = :id"),
                {"id": slow.subject},
            )
            await town.decide(quick, {"ads": REFUSED}, GROUP)
            assert await is_woken(early)
            assert not await is_woken(late, QUIET_S)

        assert await is_woken(late)


async def test_a_new_catalogue_wakes_everybody(
    town: Town, watch: ChangeWatch, tmp_path: Path
) -> None:
    first, second = await town.device(), await town.device()
    async with waiting(town, watch, first) as one, waiting(town, watch, second) as other:
        brands = halcyon(
            tmp_path / "brands",
            town.portal.issuer,
            news=('title = "Before', 'title = "Well before'),
        )
        await publish_catalogue(town.owner, load(brands), randomness=secrets.token_bytes)

        assert await is_woken(one)
        assert await is_woken(other)


async def test_an_objection_on_the_device_beneath_wakes_the_account(
    town: Town, watch: ChangeWatch
) -> None:
    credential = await town.new_device()
    account, _ = await town.sign_in("somebody", device=credential)
    async with waiting(town, watch, account) as waiter:
        await town.withdraw(await town.on_device(credential), "audience")

        assert await is_woken(waiter)


async def test_an_erased_subject_wakes_who_waits_for_it(town: Town, watch: ChangeWatch) -> None:
    caller = await town.device()
    async with waiting(town, watch, caller) as waiter:
        await town.change("DELETE FROM projections WHERE subject_id = :id", id=caller.subject)

        assert await is_woken(waiter)


async def test_there_is_room_for_so_many_of_one_subject_and_so_many_in_all(
    town: Town, watch: ChangeWatch
) -> None:
    last = await seen(town, await town.device())
    with contextlib.ExitStack() as held:

        def enter(known: StateSeen) -> Waiter | None:
            return held.enter_context(
                watch.waiting(catalogue=known.catalogue, versions=known.versions)
            )

        for _ in range(MOST // MOST_OF_A_SUBJECT):
            known = await seen(town, await town.device())
            for _ in range(MOST_OF_A_SUBJECT):
                assert enter(known) is not None
            assert enter(known) is None
        assert enter(last) is None

    with watch.waiting(catalogue=last.catalogue, versions=last.versions) as again:
        assert again is not None


async def test_who_waits_is_let_go_at_the_end_and_nobody_waits_after_it(
    town: Town, watch: ChangeWatch
) -> None:
    caller = await town.device()
    async with waiting(town, watch, caller) as waiter:
        watch.stop()

        assert waiter.woken.is_set()
    known = await seen(town, caller)
    with watch.waiting(catalogue=known.catalogue, versions=known.versions) as late:
        assert late is None


async def test_waking_goes_on_when_the_database_is_back(town: Town, watch: ChangeWatch) -> None:
    caller = await town.device()
    async with waiting(town, watch, caller) as waiter:
        assert not await is_woken(waiter, QUIET_S)
        async with town.context.database.reading() as connection:
            await connection.execute(text(END_ALL_OTHERS))
        await town.decide(await town.device(), {"ads": REFUSED})  # the pool finds its way again
        await town.decide(caller, {"ads": REFUSED})

        assert await is_woken(waiter)


async def test_a_database_that_is_away_wakes_nobody(town: Town) -> None:
    caller = await town.device()
    known = await seen(town, caller)
    away = ChangeWatch(Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing"), most=MOST)
    following = asyncio.create_task(away.follow())
    with away.waiting(catalogue=known.catalogue, versions=known.versions) as waiter:
        assert waiter is not None
        assert not await is_woken(waiter, QUIET_S)
    assert not following.done()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_look_shows_the_versions_that_a_state_was_made_of(town: Town) -> None:
    credential = await town.new_device()
    caller, _ = await town.sign_in("somebody", device=credential)
    await town.decide(caller, {"ads": REFUSED})
    known = await seen(town, caller)

    async with comparing(town.context.database) as asking:
        found = await asking.versions(set(known.versions))
        nobody = await asking.versions(set())

    assert found.subjects == known.versions
    assert len(known.versions) == 2
    assert found.catalogue == nobody.catalogue == known.catalogue
    assert nobody.subjects == {}
