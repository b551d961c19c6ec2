"""What a process answers to polls from memory is what the database would have said."""

import itertools
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from tests.flows.conftest import Founded
from tests.flows.oauth.test_device_code import TV, Television, add_client, switch_on
from tests.flows.town import Town, open_node

from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.match_device import deny_match, find_waiting_device
from consentid.flows.polls import ASKED_AGAIN_S, MOST, USABLE_S, Polls, Told
from consentid.flows.request_device_code import INTERVAL_S
from consentid.flows.watch_polls import PollWatch
from consentid.kit.instants import SECOND, Instant
from consentid.store.waiting_codes import WaitingCode

EXPIRED, PENDING, SLOW_DOWN = Told.EXPIRED, Told.PENDING, Told.SLOW_DOWN


@dataclass(slots=True, kw_only=True)
class Node:
    """A process of the hub, which looks when it is told to; its clock stands still until then."""

    town: Town
    context: Context
    watch: PollWatch
    now_s: float = 1_000.0

    @staticmethod
    def around(town: Town, context: Context) -> "Node":
        node = Node(town=town, context=context, watch=PollWatch(context))
        context.monotonic = lambda: node.now_s
        return node

    async def hear(self, tv: Television, client: str = TV) -> Told | None:
        return await self.watch.hear(tv.codes.device_code, client)

    async def look(self) -> None:
        self.now_s += ASKED_AGAIN_S
        async with self.context.database.glancing() as connection:
            await self.watch.look(connection)

    async def wait(self, seconds: int) -> None:
        """Let all polls be so long ago, for this process and for the database."""
        await self.look()
        self.now_s += seconds
        await self.town.change(
            f"UPDATE device_codes SET polled_at = polled_at - interval '{seconds} seconds'"
        )
        await self.look()


@pytest.fixture
def here(town: Town) -> Node:
    """The process in which people answer, and the long way is gone."""
    return Node.around(town, town.context)


@pytest.fixture
async def elsewhere(town: Town, town_urls: DatabaseUrls, founded: Founded) -> AsyncIterator[Node]:
    assert town.urls == town_urls
    opened = open_node(town_urls, founded.keys)
    yield Node.around(town, opened.context)
    await opened.close()


async def test_a_device_that_waits_hears_so_and_hurries_in_vain(town: Town, here: Node) -> None:
    tv = await switch_on(town)
    assert [await here.hear(tv) for _ in range(2)] == [PENDING, SLOW_DOWN]
    await here.wait(6)  # longer than the first interval, shorter than the second
    assert await here.hear(tv) is SLOW_DOWN
    await here.wait(16)
    assert await here.hear(tv) is PENDING
    assert len(here.context.polls) == 1
    # What is not exactly a code that waits, of the client that asks, is judged on the long way.
    await add_client(town, "play-stick")
    for code, client in (
        (tv.codes.device_code, "play-stick"),
        (tv.codes.device_code, "news-web"),
        (tv.codes.device_code, "nobody"),
        (tv.codes.device_code.swapcase(), TV),
        (tv.codes.user_code, TV),
    ):
        assert await here.watch.hear(code, client) is None


async def test_hurry_counts_alike_whichever_way_and_wherever_a_poll_is_heard(
    town: Town, here: Node, elsewhere: Node
) -> None:
    tv = await switch_on(town)
    assert await here.hear(tv) is PENDING
    assert await tv.poll_for_error() == "slow_down"  # the database had not heard of the first
    assert await here.hear(tv) is SLOW_DOWN
    assert await elsewhere.hear(tv) is SLOW_DOWN
    await here.look()
    await elsewhere.look()
    [(interval_s,)] = await town.rows("SELECT interval_s FROM device_codes")
    assert interval_s == 15
    await elsewhere.wait(14)
    assert await elsewhere.hear(tv) is SLOW_DOWN
    await elsewhere.look()
    await here.look()
    assert await tv.poll_for_error() == "slow_down"
    [(interval_s,)] = await town.rows("SELECT interval_s FROM device_codes")
    assert interval_s == 25


async def test_what_a_person_says_in_this_process_is_heard_at_the_next_poll(
    town: Town, here: Node
) -> None:
    approved, refused, returned = [await switch_on(town) for _ in range(3)]
    for tv in (approved, refused, returned):
        assert await here.hear(tv) is PENDING
    await approved.approve()
    assert await deny_match(
        town.context, await find_waiting_device(town.context, refused.codes.user_code)
    )
    await returned.go_back()
    for tv in (approved, refused, returned):
        assert await here.hear(tv) is None
    assert await refused.poll_for_error() == "access_denied"
    assert await returned.poll_for_error() == "access_denied"
    await approved.tokens()


async def test_what_a_person_says_elsewhere_is_heard_one_poll_later_at_most(
    town: Town, here: Node, elsewhere: Node
) -> None:
    assert USABLE_S < INTERVAL_S
    seen, unseen = await switch_on(town), await switch_on(town)
    for tv in (seen, unseen):
        assert await elsewhere.hear(tv) is PENDING
        await tv.approve()
    assert await elsewhere.hear(seen) is SLOW_DOWN  # it looks once a second, not at each poll
    await elsewhere.look()
    assert await elsewhere.hear(seen) is None
    # And where no look comes through, it is believed for no longer all the same.
    third = await switch_on(town)
    assert await elsewhere.hear(third) is PENDING
    await third.approve()
    elsewhere.now_s += USABLE_S + 0.1
    assert await elsewhere.hear(third) is None
    assert await here.hear(third) is None


async def test_a_decision_while_it_is_asked_for_is_not_taken_for_none(
    town: Town, here: Node
) -> None:
    tv = await switch_on(town)
    assert await here.hear(tv) is PENDING
    polls = here.context.polls
    code = hash_token(tv.codes.device_code)
    begun_s = polls.begin_learning()
    polls.forget(code)
    polls.learn({code: waiting()}, begun_s=begun_s)
    assert polls.hear(code, TV) is None


async def test_a_code_ends_when_it_ends(town: Town, here: Node) -> None:
    tv, cut_short = await switch_on(town), await switch_on(town)
    assert await here.hear(cut_short) is PENDING
    await cut_short.set_back("expires_at", 600)
    await here.look()
    assert [await here.hear(cut_short) for _ in range(2)] == [EXPIRED, EXPIRED]
    assert await here.hear(cut_short, "nobody") is None
    await tv.set_back("expires_at", 500)
    assert await here.hear(tv) is PENDING
    here.now_s += 100.0
    assert here.context.polls.hear(hash_token(tv.codes.device_code), TV) is None
    here.now_s += 700.0
    await here.look()
    assert len(here.context.polls) == 0


async def test_a_client_that_may_not_poll_any_more_is_asked_who_it_is(
    town: Town, here: Node
) -> None:
    tv = await switch_on(town)
    assert await here.hear(tv) is PENDING
    await town.change(f"UPDATE clients SET disabled_at = now() WHERE client_id = '{TV}'")
    await here.look()
    assert await here.hear(tv) is None
    await town.change(f"UPDATE clients SET disabled_at = NULL WHERE client_id = '{TV}'")
    await here.look()
    assert await here.hear(tv) is SLOW_DOWN


def test_memory_is_bounded_and_small() -> None:
    clock = itertools.count(1)
    polls = Polls(lambda: next(clock) / 1e6, most=2_000)
    polls.allow([TV], begun_s=0.0)
    tracemalloc.start()
    for number in range(2_100):
        code = number.to_bytes(32)
        polls.learn({code: waiting()}, begun_s=polls.begin_learning())
        assert (polls.hear(code, TV) is PENDING) == (number < 2_000)
    used_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(polls) == 2_000
    assert used_bytes / 2_000 < 512
    assert 512 * MOST < 40_000_000


def waiting() -> WaitingCode:
    return WaitingCode(
        client_id=TV,
        interval_s=5,
        polled_ago_us=None,
        left_us=600 * SECOND,
        now=Instant(1_800_000_000 * SECOND),
    )
