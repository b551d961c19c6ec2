"""Workers die by SIGKILL while people decide: every event arrives, in order, doubled by id alone.

What comes of it lies in the database, so that is asked again and again.
"""

import asyncio
import os
import random
import subprocess
import sys
from collections import defaultdict

import msgspec
from tests.flows.conftest import Founded
from tests.flows.endpoints import Endpoints, serving_endpoints
from tests.flows.readers import NEWS, new_consumer
from tests.flows.town import GRANTED, REFUSED, Town, together

from consentid.events.filters import Filters
from consentid.flows.manage_webhooks import Office, add_webhook
from consentid.flows.show_propagation import list_systems

PEOPLE, TURNS = 4, 5


async def test_killed_senders_lose_nothing_and_double_by_id_alone(
    town: Town, founded: Founded
) -> None:
    draw = random.Random(11)  # noqa: S311 - when to kill is no secret
    context = town.context
    office = Office(
        database=town.owner, master=context.keyring.master, randomness=context.randomness
    )
    await new_consumer(town, NEWS)
    people = [await town.device() for _ in range(PEOPLE)]
    async with serving_endpoints() as endpoints:
        for path in ("ok", "other"):
            await add_webhook(
                office,
                client_id="crm",
                url=f"{endpoints.url}/{path}",
                filters=Filters(),
                allows_http=True,
            )
        workers = [start(town, founded)]

        async def live(number: int) -> None:
            for turn in range(TURNS):
                await town.decide(people[number], {"ads": GRANTED if turn % 2 else REFUSED})

        async def kill() -> None:
            await until_called(endpoints, 1)  # by the first: so it is the one that works
            workers.append(start(town, founded))
            await until_called(endpoints, draw.randrange(2, PEOPLE * TURNS))
            workers[0].kill()

        try:
            await together(*(live(number) for number in range(PEOPLE)), kill())
            async with asyncio.timeout(120):  # ends a hang only
                while not await is_all_there(town):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.05)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                await asyncio.to_thread(worker.wait)
        rows = await town.rows("SELECT id FROM events ORDER BY seq")
        for path in ("ok", "other"):
            check(endpoints, path, [str(id_) for (id_,) in rows])


def start(town: Town, founded: Founded) -> "subprocess.Popen[bytes]":
    environ = {
        **os.environ,
        "CONSENTID_DATABASE_URL": town.urls.serving,
        "CONSENTID_KEYS_DIR": str(founded.keys),
        "CONSENTID_LOCALHOST_HOSTS": "true",
        "CONSENTID_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "consentid", "worker"]
    return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)  # noqa: S603 - our own


async def until_called(endpoints: Endpoints, times: int) -> None:
    async with asyncio.timeout(120):  # ends a hang only
        while len(endpoints.calls) < times:
            endpoints.came.clear()
            await endpoints.came.wait()


async def is_all_there(town: Town) -> bool:
    ((waiting, told),) = await town.rows(
        "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM events)"
    )
    systems = await list_systems(town.context.database, town.context.settings)
    return (
        waiting == 0 and told >= PEOPLE * TURNS and [each.lag_events for each in systems] == [0, 0]
    )


def check(endpoints: Endpoints, path: str, ids: list[str]) -> None:
    """Each event came, a repetition with the same id and content, and a person's in their order."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    first: dict[str, list[str]] = defaultdict(list)
    for call in endpoints.at(path):
        id_ = call.headers["webhook-id"]
        event = msgspec.json.decode(call.body)
        if not bodies[id_]:
            first[event.get("subject", "")].append(event["sequence"])
        bodies[id_].add(call.body)
    assert sorted(bodies) == sorted(ids)
    assert {len(each) for each in bodies.values()} == {1}
    for sequences in first.values():
        assert sequences == sorted(sequences)
