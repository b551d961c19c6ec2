"""``python -m tests.bench.deciders``: one of the writers of ``tests.bench.deciding``.

Tells that it is ready; then each line of its input is a turn to take, and is answered with how long
after each decision was due it was durable, in seconds.
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, final
from uuid import UUID

import uvloop

from consentid.brandbook.book import Book
from consentid.core.decision import Choice, DecisionId, Outcome, ServedId
from consentid.core.party import ReachKind
from consentid.core.purpose import PurposeId
from consentid.flows.append_decisions import encode_entry
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.idempotency import repeatable
from consentid.flows.judge_answer import Answer
from consentid.flows.open_subject import new_subject
from consentid.flows.opening import open_context
from consentid.flows.record_together import Recording, record_together
from consentid.flows.show_catalogue import show_catalogue
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import DAY, Instant
from consentid.kit.lane import Lane
from consentid.settings import Settings
from consentid.store import acts, clients, clock, grounds, subjects
from consentid.store.acts import Act
from consentid.store.grounds import Asked

_CLIENT: Final = "news-web"
_TOGETHER: Final = 32
"""As many as the service records in one transaction."""


@final
class _Person:
    """Somebody who decides again and again; what their first decision left."""

    def __init__(self, act: Act) -> None:
        self.act: Final = act
        self.version: int = 1

    def again(self, context: Context, book: Book, at: Instant) -> Act:
        """The same decision once more, as another one."""
        self.version += 1
        (before,), event, kept = self.act.decisions, self.act.event, self.act.answer
        assert event is not None
        assert kept is not None
        assert self.act.projection is not None
        assert self.act.served is not None
        id_ = DecisionId(uuid7(at, context.randomness(RANDOM_BYTES)))
        decision = replace(before.decision, id=id_, recorded_at=at)
        return replace(
            self.act,
            at=at,
            decisions=[
                replace(
                    before,
                    decision=decision,
                    leaf=encode_entry(context, book, decision, before.commitment),
                    subject_version=self.version,
                )
            ],
            event=replace(event, id=id_, subject_version=self.version),
            projection=replace(self.act.projection, version=self.version),
            states=[replace(each, rev=each.rev + self.version) for each in self.act.states],
            served=replace(self.act.served, id=ServedId(UUID(bytes=context.randomness(16)))),
            answer=replace(kept, key=replace(kept.key, key_hash=context.randomness(32))),
        )


async def _people(context: Context, many: int) -> list[_Person]:
    """People, each with one decision that the service recorded."""
    written, write = list[Act](), acts.write

    async def remembered(connection: Any, given: Sequence[Act]) -> bool:
        written.extend(given)
        return await write(connection, given)

    acts.write = remembered
    try:
        for first in range(0, many, _TOGETHER):
            group = [await _arrive(context) for _ in range(min(_TOGETHER, many - first))]
            outcomes = await record_together(context, group)
            assert not [each for each in outcomes if isinstance(each, Exception)]
    finally:
        acts.write = write
    return [_Person(each) for each in written]


async def _arrive(context: Context) -> Recording:
    """A new device, about to give its first answer."""
    async with context.database.writing() as connection:
        at = await clock.now(connection)
        new = new_subject(context, at=at)
        await subjects.create_device(
            connection,
            new,
            credential_hash=context.randomness(32),
            client_id=_CLIENT,
            origin=None,
            expires_at=Instant(at + 30 * DAY),
        )
        client = await clients.find(connection, _CLIENT)
    assert client is not None
    shown = await show_catalogue(context, brand=client.party.slug, languages=("en",))
    answer = Answer(
        served=shown.served,
        notice=shown.notice,
        reach=ReachKind.GROUP,
        choices=(Choice(purpose=PurposeId("ads"), outcome=Outcome.GRANTED),),
        signals={},
        told_of_signal=False,
        prompted_by=None,
    )
    return Recording(
        caller=Caller(client=client, scopes=frozenset(), subject=new.id, device=None),
        subject=new.id,
        asked=answer,
        request=repeatable(
            context,
            client_id=_CLIENT,
            route="decisions",
            key=str(new.id),
            subject=new.id,
            body=b"",
        ),
    )


async def _write(context: Context, group: Sequence[_Person]) -> Sequence[None]:
    """One transaction, as ``record_together`` has it."""
    async with context.database.writing() as connection:
        await grounds.lock(connection, [each.act.subject for each in group], is_patient=True)
        found = await grounds.look(connection, [_asked(each.act) for each in group])
        book = await context.book_of(connection, found[0].catalogue)
        again = [each.again(context, book, its.at) for each, its in zip(group, found, strict=True)]
        assert await acts.write(connection, again)
    return [None] * len(group)


def _asked(act: Act) -> Asked:
    assert act.answer is not None
    assert act.served is not None
    return Asked(subject=act.subject, device=None, key=act.answer.key, served=act.served.id)


async def _turn(context: Context, people: "itertools.cycle[_Person]", given: Any) -> list[float]:
    """Decisions at a rate; how long after each was due it was durable, in seconds."""
    lane, took = Lane(most=_TOGETHER), list[float]()

    async def decide(person: _Person, due: float) -> None:
        await lane.join(person, lambda group: _write(context, group), apart=[person])
        took.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as tasks:
        began = time.perf_counter()
        for number in range(round(given["rate"] * given["seconds"])):
            due = began + number / given["rate"]
            if (wait_s := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            tasks.create_task(decide(next(people), due))
    return took


async def _be_writer(settings: Settings, many: int) -> None:
    """Wait for turns to take on standard input, and tell of each."""
    opened = open_context(settings)
    people = itertools.cycle(await _people(opened.context, many))
    print("ready", flush=True)  # noqa: T201 it is how a writer speaks
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await _turn(opened.context, people, json.loads(line))), flush=True)  # noqa: T201 as above
    await opened.close()


def main() -> int:
    """Write until there are no more turns."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.deciders")
    parser.add_argument("--people", type=int, default=500)
    settings = Settings(
        database_url=os.environ["CONSENTID_DATABASE_URL"],
        keys_dir=Path(os.environ["CONSENTID_KEYS_DIR"]),
    )
    uvloop.run(_be_writer(settings, int(parser.parse_args().people)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
