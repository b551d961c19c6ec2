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
