"""The stream tells exactly what the published lists come to show, when they do, and no sooner."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

import pytest
from tests.flows.conftest import Founded
from tests.flows.town import GRANTED, Town, open_node

from consentid.embedded.postgres import DatabaseUrls
from consentid.flows import revocation_stream
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.revocation_stream import OVERLAP_S, Complete, RevocationStream, Told
from consentid.flows.watch_revocations import RevocationWatch
from consentid.store.revocations import looking

START_S = 1_000.0


def fed(*steps: tuple[float, Mapping[int, Sequence[int]]]) -> RevocationStream:
    """A process whose first look was at START_S, and what later ones showed."""
    stream = RevocationStream(most=2)
    stream.note(START_S, {})
    for at_s, indices in steps:
        stream.note(at_s, indices)
    return stream


async def told(stream: RevocationStream, after_s: int | None, count: int) -> list[Complete | Told]:
    async with aclosing(stream.walk(after_s)) as walk:
        return [await anext(walk) for _ in range(count)]


async def published(town: Town) -> set[tuple[int, int]]:
    """Every index that the lists show, by list."""
    rows = await town.rows("SELECT list_no, bits FROM status_lists")
    return {
        (number, place * 8 + bit)
        for number, bits in rows
        for place, byte in enumerate(bits)
        for bit in range(8)
        if byte >> bit & 1
    }


async def test_flips_are_told_with_their_window_decoys_and_all(
    town: Town, town_urls: DatabaseUrls, founded: Founded
) -> None:
    node = open_node(town_urls, founded.keys)
    stream = RevocationStream(most=2)
    watch = RevocationWatch(node.context, stream)
    assert not stream.is_ready
    visitors = [await town.device() for _ in range(3)]
    for visitor in visitors:
        await town.decide(visitor, {"ads": GRANTED})
    await town.withdraw(visitors[0])
    await publish_status_lists(town.context)
    async with looking(node.context.database) as through, aclosing(stream.walk(None)) as walk:
        await watch.look(through)
        assert stream.is_ready
        assert isinstance(await anext(walk), Complete)
        before = await published(town)
        await town.withdraw(visitors[1])
        await watch.look(through)  # this node says no already, and tells nobody
        await watch.look(through)
        await town.withdraw(visitors[2])
        await publish_status_lists(town.context)
        await watch.look(through)
        await watch.look(through)
        found = await anext(walk)
        assert isinstance(found, Told)
        flips = {(number, idx) for number, places in found.indices.items() for idx in places}
        assert flips == await published(town) - before
        assert len(flips) > 2  # two ends, and decoys
        assert all(list(each) == sorted(each) for each in found.indices.values())
        # Nothing was told twice, nor anything that only the tables knew.
        stream.stop()
        assert [each async for each in walk] == []
    await node.close()


async def test_whoever_was_told_until_then_gets_the_rest_from_any_process() -> None:
    stream = fed((START_S + 100, {1: [5]}), (START_S + 200, {1: [6], 2: [7]}))
    found = await told(stream, int(START_S) + 150, 2)
    assert found == [
        Complete(since_s=int(START_S) + 150),
        Told(until_s=int(START_S) + 200, indices={1: [6], 2: [7]}),
    ]
    # Two processes may see one publication some seconds apart.
    again = await told(stream, int(START_S) + 200 + OVERLAP_S, 2)
    assert again[1] == found[1]


@pytest.mark.parametrize("after_s", [None, 12, 10**11])
async def test_whoever_names_no_instant_that_is_remembered_is_told_of_the_last_minute(
    after_s: int | None,
) -> None:
    stream = fed((START_S + 100, {1: [5]}), (START_S + 200, {1: [6]}))
    assert await told(stream, after_s, 2) == [
        Complete(since_s=int(START_S) + 140),
        Told(until_s=int(START_S) + 200, indices={1: [6]}),
    ]


async def test_what_is_no_longer_remembered_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation_stream, "MOST_KEPT", 3)
    stream = fed((START_S + 100, {1: [1]}))
    async with aclosing(stream.walk(None)) as walk:
        assert isinstance(await anext(walk), Complete)
        for second in (101, 102, 103, 104):
            stream.note(START_S + second, {1: [second]})
        gap = await anext(walk)
        assert isinstance(gap, Complete)
        assert gap.since_s > START_S + 101
        rest = [await anext(walk) for _ in range(3)]
        assert [each.indices for each in rest if isinstance(each, Told)] == [
            {1: [102]},
            {1: [103]},
            {1: [104]},
        ]


async def test_silence_is_broken_by_how_far_the_account_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(revocation_stream, "HEARTBEAT_S", 0.01)
    stream = fed()
    stream.note(START_S + 3.5, {})
    assert await told(stream, None, 2) == [
        Complete(since_s=int(START_S) + 3),
        Told(until_s=int(START_S) + 3, indices={}),
    ]


async def test_there_is_room_for_so_many() -> None:
    stream = fed()

    async def listens() -> AsyncGenerator[None]:
        with stream.listening():
            yield

    both = [listens(), listens()]
    for each in both:
        await anext(each)
    assert len(stream) == 2
    assert not stream.is_ready
    await both[0].aclose()
    assert stream.is_ready
    await both[1].aclose()
    stream.stop()
    assert not stream.is_ready
