"""Decisions that share a commit: what one of them suffers, the others do not."""

import asyncio

import pytest
from tests.flows.faults import crash_at
from tests.flows.town import GRANTED, REFUSED, Town, together

from consentid.core.decision import SignalSource
from consentid.flows.authenticate import Caller
from consentid.keyring import wrapping
from consentid.kit.errors import ConsentidError, UnreadableError

_COMMITS = "SELECT count(DISTINCT xmin::text) FROM decisions"
_WHO_WAITS = "SELECT DISTINCT pid FROM pg_locks WHERE NOT granted"


async def crowd(town: Town, size: int) -> list[Caller]:
    return [await town.device() for _ in range(size)]


async def commits(town: Town) -> int:
    return (await town.rows(_COMMITS))[0][0]


async def test_many_at_once_share_commits_and_one_bad_row_fails_alone(town: Town) -> None:
    people = await crowd(town, 8)
    answers = [
        await town.answer(each, {"ads": GRANTED}, signals={SignalSource.GPC: number % 2 == 0})
        for number, each in enumerate(people)
    ]
    bad = await town.answer(people[4], {"no.such": GRANTED})
    told = await asyncio.gather(
        *(
            town.record(each, bad, key="again") if place == 4 else town.record(each, answers[place])
            for place, each in enumerate(people)
        ),
        return_exceptions=True,
    )
    refused = [each for each in told if isinstance(each, BaseException)]
    assert [getattr(each, "code", each) for each in refused] == ["purpose_unknown"]
    assert await commits(town) < 7
    for place, each in enumerate(people):
        history = await town.history(each.subject)
        assert len(history) == (0 if place == 4 else 2 if place % 2 == 0 else 1)
    assert await town.faults() == []
    await town.record(people[4], answers[4], key="again")  # the refused one left it free


async def _in_a_later_form(town: Town, person: Caller) -> bytes:
    assert person.subject is not None
    ((wrapped,),) = await town.rows(
        f"SELECT wrapped FROM subject_keys WHERE subject_id = '{person.subject}'"
    )
    key = wrapping.unwrap(town.context.keyring.master, person.subject.bytes, wrapped)
    return wrapping.seal(
        key, b'{"form": 99}', nonce=bytes(12), aad=b"projection/1\0" + person.subject.bytes
    )


async def test_whose_facts_cannot_be_read_is_told_so_and_hides_no_other(town: Town) -> None:
    people = await crowd(town, 5)
    for person in people:
        await town.decide(person, {"ads": REFUSED})
    spoil = "UPDATE projections SET sealed = :sealed WHERE subject_id = :id"
    later = await _in_a_later_form(town, people[1])
    await town.change(spoil, sealed=later, id=people[1].subject)
    await town.change(spoil, sealed=bytes(60), id=people[3].subject)
    told = await asyncio.gather(
        *(town.decide(each, {"ads": GRANTED}) for each in people), return_exceptions=True
    )
    assert [each.code if isinstance(each, UnreadableError) else None for each in told] == [
        *(None, "projection_unreadable", None, "bad_sealed", None),
    ]
    decided = dict(await town.rows("SELECT subject_id, count(*) FROM decisions GROUP BY 1"))
    assert [decided[each.subject] for each in people] == [2, 1, 2, 1, 2]


WAITING = "SELECT pid FROM pg_locks WHERE NOT granted"
"""Who waits for what another transaction holds."""


@pytest.mark.parametrize("place", [0, 2], ids=["first, alone", "in the midst"])
async def test_a_subject_that_somebody_writes_is_waited_for_by_its_own_request_only(
    town: Town, place: int
) -> None:
    people = await crowd(town, 5)
    subject = people[place].subject
    answers = [await town.answer(each, {"ads": GRANTED}) for each in people]
    async with town.owner.writing() as connection:
        await connection.exec_driver_sql(
            "SELECT FROM projections WHERE subject_id = $1 FOR UPDATE", (subject,)
        )
        work = [asyncio.create_task(town.record(people[0], answers[0]))]
        while place == 0 and not await town.rows(WAITING):
            pass  # so that it is under way when the others come
        work += [asyncio.create_task(each) for each in map(town.record, people[1:], answers[1:])]
        others = [task for task in work if task is not work[place]]
        await asyncio.gather(*others)
        assert not work[place].done()
    await work[place]
    assert len(await town.history(subject)) == 1
    assert await town.faults() == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_group_that_crashes_is_recorded_one_by_one(town: Town, *, after: bool) -> None:
    people = await crowd(town, 4)
    for step in (1, 3):
        answers = [await town.answer(each, {"ads": REFUSED}) for each in people]
        with crash_at(town.context.database, step, after=after) as counter:
            told = await together(*map(town.record, people, answers))
        assert counter.statements > step + len(people)
        assert len({each.decision for each in told}) == 4
    assert await commits(town) == 8
    assert [len(await town.history(each.subject)) for each in people] == [2] * 4
    assert await town.faults() == []


async def test_one_key_of_two_people_at_once_is_one_persons(town: Town) -> None:
    people = await crowd(town, 6)
    answers = [await town.answer(each, {"ads": GRANTED}) for each in people]
    told = await asyncio.gather(
        *(
            town.record(each, answer, key="same")
            for each, answer in zip(people, answers, strict=True)
        ),
        return_exceptions=True,
    )
    refused = [each for each in told if isinstance(each, ConsentidError)]
    assert {each.code for each in refused} == {"idempotency_key_reused"}
    assert len(refused) == 5
    assert (await town.counts())["decisions"] == 1


async def test_whoever_goes_away_does_not_break_the_group(town: Town) -> None:
    people = await crowd(town, 6)
    work = [asyncio.create_task(town.decide(each, {"ads": GRANTED})) for each in people]
    while not any(task.done() for task in work):
        await asyncio.sleep(0)
        work[3].cancel()
    told = await asyncio.gather(*work, return_exceptions=True)
    assert isinstance(told[3], asyncio.CancelledError)
    assert sum(isinstance(each, BaseException) for each in told) == 1
    assert await town.faults() == []


async def test_the_next_group_is_judged_while_the_former_waits_for_its_commit(town: Town) -> None:
    people = await crowd(town, 48)  # a whole group, and enough for one beside it
    answers = [await town.answer(each, {"ads": GRANTED}) for each in people]
    async with town.owner.writing() as connection:
        await connection.exec_driver_sql("LOCK staged_entries IN SHARE MODE")
        work = asyncio.ensure_future(together(*map(town.record, people, answers)))
        async with asyncio.timeout(5):
            while len(await town.rows(_WHO_WAITS)) < 2:
                assert not work.done()
    told = await work
    assert len({each.decision for each in told}) == len(people)
    assert await commits(town) == 2
    assert await town.faults() == []
