import asyncio
from collections.abc import Sequence

import pytest

from consentid.kit.lane import ALONE, Alone, Lane


class Shop:
    """Does what is asked when it is told to, and remembers who came together."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.may_end: asyncio.Semaphore = asyncio.Semaphore(0)
        self.has_begun: asyncio.Event = asyncio.Event()

    async def serve(self, group: Sequence[str]) -> list[str | Exception | Alone]:
        self.groups.append([*group])
        self.has_begun.set()
        await self.may_end.acquire()
        if "fire" in group:
            raise RuntimeError
        return [self._tell(asked, alone=len(group) == 1) for asked in group]

    def _tell(self, asked: str, *, alone: bool) -> str | Exception | Alone:
        if asked == "nothing":
            return LookupError(asked)
        return ALONE if asked == "shy" and not alone else asked.upper()

    def open(self) -> None:
        for _ in range(20):
            self.may_end.release()


async def asking(
    lane: Lane, shop: Shop, *asked: str, first: str = "first"
) -> dict[str, "asyncio.Task[str]"]:
    """The first one is under way when the others come."""
    tasks = {first: asyncio.create_task(lane.join(first, shop.serve, apart=[first]))}
    await shop.has_begun.wait()
    tasks |= {
        each: asyncio.create_task(lane.join(each, shop.serve, apart=[each[0]])) for each in asked
    }
    await asyncio.sleep(0)
    return tasks


async def test_who_comes_alone_is_served_at_once_and_who_comes_meanwhile_together() -> None:
    lane, shop = Lane(most=3), Shop()
    tasks = await asking(lane, shop, "ada", "bea", "cyd", "dot")
    assert shop.groups == [["first"]]
    shop.open()
    assert await asyncio.gather(*tasks.values()) == ["FIRST", "ADA", "BEA", "CYD", "DOT"]
    assert shop.groups == [["first"], ["ada", "bea", "cyd"], ["dot"]]
    assert await lane.join("later", shop.serve) == "LATER"


async def test_those_who_are_apart_take_turns_in_their_order() -> None:
    lane, shop = Lane(most=9), Shop()
    tasks = await asking(lane, shop, "ada1", "bea1", "ada2", "cyd", "ada3", "bea2")
    shop.open()
    await asyncio.gather(*tasks.values())
    assert shop.groups[1:] == [["ada1", "bea1", "cyd"], ["ada2", "bea2"], ["ada3"]]


async def test_one_that_is_refused_is_told_and_one_that_is_shy_goes_alone() -> None:
    lane, shop = Lane(most=9), Shop()
    tasks = await asking(lane, shop, "nothing", "shy", "bea")
    shop.open()
    assert await tasks["bea"] == "BEA"
    assert await tasks["shy"] == "SHY"
    with pytest.raises(LookupError):
        await tasks["nothing"]
    assert shop.groups[1:] == [["nothing", "shy", "bea"], ["shy"]]


async def test_who_was_left_undone_is_done_in_a_way_of_its_own_and_keeps_nobody_waiting() -> None:
    lane, shop, patient = Lane(most=9), Shop(), Shop()
    shy = asyncio.create_task(lane.join("shy", _left_undone, alone=patient.serve))
    await patient.has_begun.wait()
    shop.open()
    assert await lane.join("ada", shop.serve) == "ADA"
    assert not shy.done()
    patient.open()
    assert await shy == "SHY"


async def _left_undone(group: Sequence[str]) -> list[str | Exception | Alone]:
    return [ALONE] * len(group)


async def test_a_group_that_fails_is_done_one_by_one() -> None:
    lane, shop = Lane(most=9), Shop()
    tasks = await asking(lane, shop, "ada", "fire", "bea")
    shop.open()
    assert await tasks["ada"] == "ADA"
    assert await tasks["bea"] == "BEA"
    with pytest.raises(RuntimeError):
        await tasks["fire"]
    assert shop.groups[2:] == [["ada"], ["fire"], ["bea"]]


async def test_whoever_goes_away_takes_nobody_along() -> None:
    lane, shop = Lane(most=2), Shop()
    tasks = await asking(lane, shop, "ada", "bea", "cyd")
    tasks["ada"].cancel()
    tasks["first"].cancel()
    await asyncio.wait([tasks["ada"], tasks["first"]])
    shop.open()
    assert await asyncio.gather(tasks["bea"], tasks["cyd"]) == ["BEA", "CYD"]
    assert shop.groups == [["first"], ["bea", "cyd"]]


class Ferry:
    """Groups that wait for the other side once they have boarded, each for its own signal."""

    def __init__(self, lane: Lane) -> None:
        self.lane: Lane = lane
        self.groups: list[list[str]] = []
        self.has_boarded: dict[str, asyncio.Event] = {}
        self.may_land: dict[str, asyncio.Event] = {}

    async def carry(self, group: Sequence[str]) -> list[str | Exception | Alone]:
        self.groups.append([*group])
        boarded, landing = asyncio.Event(), asyncio.Event()
        self.has_boarded |= dict.fromkeys(group, boarded)
        self.may_land |= dict.fromkeys(group, landing)
        await boarded.wait()
        self.lane.make_way()
        await landing.wait()
        is_alone = len(group) == 1
        return [ALONE if asked == "shy" and not is_alone else asked.upper() for asked in group]

    async def board(self, *asked: str) -> None:
        for each in asked:
            self.has_boarded[each].set()
        await all_there()

    async def land(self, *asked: str) -> None:
        for each in asked:
            self.has_boarded[each].set()
            self.may_land[each].set()
        await all_there()

    async def come(self, *asked: str, apart: str = "") -> list["asyncio.Task[str]"]:
        """Each by itself unless ``apart``."""
        tasks = [
            asyncio.create_task(self.lane.join(each, self.carry, apart=[apart or each]))
            for each in asked
        ]
        await all_there()
        return tasks


async def all_there() -> None:
    """Until nobody has anything left to do but wait for a signal."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_next_begins_beside_a_group_that_made_way_once_enough_wait() -> None:
    ferry = Ferry(Lane(most=3, beside=2))
    tasks = await ferry.come("first")
    tasks += await ferry.come("ada", "bea")
    assert ferry.groups == [["first"]]  # which is not done with its own yet
    await ferry.board("first")
    assert ferry.groups == [["first"], ["ada", "bea"]]
    tasks += await ferry.come("cyd", "dot")
    await ferry.board("ada")
    assert len(ferry.groups) == 2  # abreast, and no more
    await ferry.land("first")
    assert ferry.groups[2:] == [["cyd", "dot"]]
    await ferry.land("ada")
    tasks += await ferry.come("eve")
    await ferry.board("cyd")
    assert len(ferry.groups) == 3  # one is not enough beside another
    tasks += await ferry.come("fay")
    assert ferry.groups[3:] == [["eve", "fay"]]
    await ferry.land("cyd", "eve")
    assert [await each for each in tasks] == [
        *("FIRST", "ADA", "BEA", "CYD", "DOT", "EVE", "FAY"),
    ]


async def test_one_is_enough_where_nobody_is_under_way_any_more() -> None:
    ferry = Ferry(Lane(most=3, beside=2))
    tasks = await ferry.come("first")
    await ferry.board("first")
    tasks += await ferry.come("ada")
    assert ferry.groups == [["first"]]
    await ferry.land("first")
    assert ferry.groups == [["first"], ["ada"]]
    await ferry.land("ada")
    assert [await each for each in tasks] == ["FIRST", "ADA"]


async def test_who_ends_before_the_group_that_made_way_leaves_it_alone() -> None:
    ferry = Ferry(Lane(most=3, beside=1))
    tasks = await ferry.come("first")
    await ferry.board("first")
    tasks += await ferry.come("ada")
    await ferry.land("ada")
    tasks += await ferry.come("bea")
    await ferry.land("first")  # whoever left has nothing to say of the way
    tasks += await ferry.come("cyd")
    assert ferry.groups == [["first"], ["ada"], ["bea"]]
    await ferry.land("bea")
    await ferry.land("cyd")
    assert [await each for each in tasks] == ["FIRST", "ADA", "BEA", "CYD"]


async def test_no_two_of_a_kind_are_under_way_in_groups_abreast() -> None:
    ferry = Ferry(Lane(most=3, beside=1))
    tasks = await ferry.come("ada1", apart="ada")
    await ferry.board("ada1")
    tasks += await ferry.come("ada2", "ada3", apart="ada")
    assert ferry.groups == [["ada1"]]
    tasks += await ferry.come("bea")
    assert ferry.groups == [["ada1"], ["bea"]]  # who waits for somebody else waits alone
    await ferry.land("ada1")
    await ferry.land("bea")
    assert ferry.groups[2:] == [["ada2"]]
    await ferry.land("ada2")
    await ferry.land("ada3")
    assert [await each for each in tasks] == ["ADA1", "ADA2", "ADA3", "BEA"]


async def test_no_two_of_a_kind_are_under_way_while_one_of_them_goes_alone() -> None:
    ferry = Ferry(Lane(most=3))
    tasks = await ferry.come("shy", "ada")
    tasks += await ferry.come("again", apart="shy")
    await ferry.land("ada")
    tasks += await ferry.come("bea")
    assert ferry.groups == [["shy", "ada"], ["shy"], ["bea"]]
    await ferry.land("bea")
    assert len(ferry.groups) == 3
    await ferry.land("shy")
    assert ferry.groups[3:] == [["again"]]
    await ferry.land("again")
    assert [await each for each in tasks] == ["SHY", "ADA", "AGAIN", "BEA"]


async def test_a_lane_of_single_groups_has_one_though_it_made_way() -> None:
    ferry = Ferry(Lane(most=3))
    tasks = await ferry.come("first")
    await ferry.board("first")
    tasks += await ferry.come("ada", "bea")
    assert ferry.groups == [["first"]]
    await ferry.land("first")
    await ferry.land("ada")
    assert [await each for each in tasks] == ["FIRST", "ADA", "BEA"]
