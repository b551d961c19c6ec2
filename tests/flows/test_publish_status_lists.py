import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.flows.faults import CrashError, crash_at, crash_at_commit
from tests.flows.town import GRANTED, Town, together

from consentid.flows.publish_status_lists import (
    RESIGN_S,
    publish_status_list,
    publish_status_lists,
    show_status_list,
)
from consentid.flows.reap import reap
from consentid.store import acts, clock, status_lists, statuses
from consentid.store.acts import Act
from consentid.store.statuses import StatusIndex
from consentid.tokens import status

NEWS = "https://news.halcyon.example"
URI = "http://consent.localhost:7600/statuslists/1"


async def bits(town: Town) -> set[int]:
    """The indices set in the list that everybody can fetch."""
    published = await show_status_list(town.context, 1)
    assert published is not None
    found = status.verify_list(
        published.token,
        keys=town.context.keyring.verifying_keys(),
        uri=URI,
        now_s=published.signed_at / 1_000_000,
    )
    assert isinstance(found, status.VerifiedList)
    assert len(found.bits) == statuses.LIST_BYTES
    return {
        (place << 3) + bit
        for place, byte in enumerate(found.bits)
        if byte
        for bit in range(8)
        if byte >> bit & 1
    }


async def narrowed(town: Town) -> int:
    """The index of a token that a withdrawal has ended."""
    news = await town.device()
    told = await town.decide(news, {"ads": GRANTED})
    await town.withdraw(news)
    return town.claims(told.consent_token, NEWS).status.status_list.idx


async def test_a_list_just_opened_is_served_on_the_spot(town: Town) -> None:
    assert await show_status_list(town.context, 1) is None
    await town.device()
    assert await bits(town) == set()
    assert await show_status_list(town.context, 2) is None


async def test_decoys_call_for_no_publication_of_their_own(town: Town) -> None:
    await narrowed(town)
    assert await publish_status_lists(town.context) == 1
    shown = await bits(town)
    assert await publish_status_lists(town.context) == 0
    assert await bits(town) == shown


async def test_flips_wait_for_the_window_and_come_with_decoys(town: Town) -> None:
    ended = {await narrowed(town) for _ in range(3)}
    assert len(ended) == 3
    assert await publish_status_lists(town.context) == 1
    shown = await bits(town)
    assert ended < shown
    assert 1 <= len(shown - ended) <= 4
    fourth = await narrowed(town)
    assert await bits(town) == shown
    assert await publish_status_lists(town.context) == 1
    assert fourth in await bits(town)
    assert shown < await bits(town)


async def test_a_decoy_is_nobodys_and_is_never_given_out(town: Town) -> None:
    ended = await narrowed(town)
    await publish_status_lists(town.context)
    decoys = await bits(town) - {ended}
    held = await town.rows("SELECT idx FROM status_indices WHERE subject_id IS NOT NULL")
    assert decoys.isdisjoint(idx for (idx,) in held)
    assert {idx for (idx,) in await town.rows("SELECT idx FROM status_indices")} >= decoys
    async with town.context.database.reading() as connection:
        for idx in decoys:
            place = statuses.StatusIndex(list_no=1, idx=idx)
            assert await statuses.find_holder(connection, place) is None


async def test_a_list_without_flips_is_signed_anew_when_it_grows_old(town: Town) -> None:
    await town.device()
    assert await publish_status_lists(town.context) == 1
    first = await show_status_list(town.context, 1)
    assert await publish_status_lists(town.context) == 0
    await town.change(
        "UPDATE status_lists SET signed_at = signed_at - make_interval(secs => :age)", age=RESIGN_S
    )
    assert await publish_status_lists(town.context) == 1
    again = await show_status_list(town.context, 1)
    assert first is not None
    assert again is not None
    assert again.signed_at >= first.signed_at
    await town.change("UPDATE status_lists SET signed_at = signed_at + interval '11 years'")
    assert await publish_status_lists(town.context) == 1  # by a clock that was wrong
    assert await publish_status_lists(town.context) == 0
    assert RESIGN_S * 4 <= status.TTL_S


async def test_two_publishers_at_once_publish_once(town: Town) -> None:
    ended = await narrowed(town)
    done = await together(*(publish_status_list(town.context, 1) for _ in range(4)))
    assert sorted(done) == [False, False, False, True]
    assert ended in await bits(town)


async def test_a_publisher_and_who_takes_an_index_do_not_wait_for_each_other(
    town: Town,
) -> None:
    await narrowed(town)
    subject = (await town.device()).subject
    assert subject is not None

    async def take(connection: AsyncConnection) -> StatusIndex:
        return await statuses.allocate(
            connection,
            subject=subject,
            audience="https://elsewhere.example",
            draw=town.context.draw,
            at=await clock.now(connection),
        )

    async with town.context.database.writing() as connection:
        taken = await take(connection)
    async with town.context.database.writing() as holding:
        ending = Act(subject=subject, at=await clock.now(holding), ended=[taken])
        await acts.write(holding, [ending])
        assert await take(holding) != taken
        assert await publish_status_list(town.context, 1)
    assert taken.idx not in await bits(town)
    async with town.context.database.writing() as publishing:
        await status_lists.lock_bits(publishing, 1)
        async with town.context.database.writing() as connection:
            await take(connection)
    assert await publish_status_list(town.context, 1)
    assert taken.idx in await bits(town)


@pytest.mark.parametrize("persisted", [False, True])
async def test_a_publication_that_was_cut_short_is_made_up_for(
    town: Town, *, persisted: bool
) -> None:
    ended = await narrowed(town)
    with crash_at_commit(town.context.database, persisted=persisted), pytest.raises(CrashError):
        await publish_status_list(town.context, 1)
    step = 0
    while not persisted:
        step += 1
        with crash_at(town.context.database, step, after=True):
            try:
                await publish_status_list(town.context, 1)
            except CrashError:
                continue
        break
    assert ended in await bits(town)


async def test_the_reaper_removes_what_is_past_its_time_and_nothing_else(town: Town) -> None:
    news = await town.device()
    await town.sign_in("ada")
    await town.decide(news, {"ads": GRANTED}, key="kept")
    assert await reap(town.context) == 0
    await town.change("UPDATE access_tokens SET expires_at = now() - interval '1 s'")
    await town.change("UPDATE used_tokens SET expires_at = now() - interval '1 s'")
    before = await town.counts()
    await town.change(
        "UPDATE idempotency_keys SET created_at = now() - interval '25 h' WHERE route = 'devices'"
    )
    gone = await reap(town.context)
    after = await town.counts()
    assert (after["access_tokens"], after["used_tokens"]) == (0, 0)
    assert after["idempotency_keys"] == before["idempotency_keys"] - 1 == 1
    assert gone == before["access_tokens"] + before["used_tokens"] + 1
    assert after["decisions"] == before["decisions"]
