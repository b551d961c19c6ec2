"""A receiver's feed in a real JetStream: whole, in order, whoever is killed."""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.connectors.nats_server import NatsServer, nats_server
from tests.faults.deployment import environ
from tests.flows.conftest import Founded
from tests.flows.readers import NEWS, drain, new_consumer
from tests.flows.town import GRANTED, REFUSED, Town

from consentid.connectors.broker import NOWHERE, Connecting
from consentid.connectors.jetstream import PLACE, JetStream, Target, connecting
from consentid.flows.publish_events import Publisher, open_connector
from consentid.flows.show_propagation import list_systems
from consentid.kit.errors import ConflictError, NotFoundError, UnavailableError
from consentid.store.connectors import Connector
from consentid.store.turns import turn
from consentid.worker.connector import carry_once, run_connector
from consentid.worker.metrics import Rounds

pytestmark = pytest.mark.nats
PEOPLE = 4
ROUNDS = 2


@pytest.fixture(scope="module")
def server(nats_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(nats_program, tmp_path_factory.mktemp("nats")) as running:
        yield running


def target_of(server: NatsServer) -> Target:
    """A stream of one test's own."""
    name = secrets.token_hex(4)
    return Target(servers=(server.url,), stream=f"feed-{name}", subject=f"consentid.{name}")


async def connector_of(town: Town, target: Target) -> Connector:
    return await open_connector(town.context, "crm", kind="nats", target=target.name)


def opening(target: Target) -> Connecting:
    return partial(connecting, target)


def tell_nobody(done: int) -> None:
    del done


async def carry(town: Town, target: Target, **how: bool) -> int:
    connector = await connector_of(town, target)
    return await carry_once(town.context, connector, opening(target), tell_nobody, **how)


async def noted(town: Town) -> list[Any]:
    return await town.rows("SELECT stream_no, seq, failure FROM connectors")


async def choose(town: Town, people: Sequence[Any], turns: int) -> None:
    for number in range(turns):
        for person in people:
            await town.decide(person, {"ads": GRANTED if number % 2 else REFUSED})
    await drain(town)


def expect_the_feed(stored: Sequence[dict[str, Any]], feed: Sequence[dict[str, Any]]) -> None:
    """Each event once, in order."""
    bare = [{key: each[key] for key in each if key not in {"headers", "on"}} for each in stored]
    assert bare == feed


async def test_a_stream_holds_the_feed_and_goes_on_where_it_ends(
    town: Town, server: NatsServer
) -> None:
    crm, target = await new_consumer(town, NEWS), target_of(server)
    people = [await town.device() for _ in range(PEOPLE)]
    await choose(town, people, 2)
    assert await carry(town, target) == len(await crm.read()) == PEOPLE * 3
    assert await carry(town, target) == 0
    await choose(town, people, 1)
    # Killed between the broker's acknowledgement and our note of it: what it has is not repeated.
    connector = await connector_of(town, target)
    async with connecting(target) as broker:
        publisher = Publisher(town.context, connector, broker)
        await publisher.begin()
        assert await publisher.round() == PEOPLE
    await town.change("UPDATE connectors SET seq = seq - 3")
    assert await carry(town, target) == 0
    assert (await noted(town))[0][1] == PEOPLE * 4
    (system,) = await list_systems(town.context.database, town.context.settings)
    assert (system.system, system.lag_events) == ("nats:crm", 0)
    await crm.read()
    stored = await server.stored(target.stream)
    expect_the_feed(stored, crm.seen)
    for each in stored:
        assert each["headers"]["Nats-Msg-Id"] == each["id"]
        assert each["headers"][PLACE].endswith(f"/{int(each['sequence'])}")
        assert each["on"] == f"{target.subject}.consent"


async def test_what_the_broker_cannot_say_our_note_does_and_it_leaves_out_what_it_has(
    town: Town, server: NatsServer
) -> None:
    crm, target = await new_consumer(town, NEWS), target_of(server)
    people = [await town.device() for _ in range(PEOPLE)]
    await choose(town, people, 2)
    await carry(town, target)
    before = await server.stored(target.stream)
    async with server.jetstream() as jetstream:
        await jetstream.delete_msg(target.stream, len(before))  # as of a queue that was worked off
    await town.change("UPDATE connectors SET seq = 5")
    await choose(town, people, 1)
    with pytest.raises(UnavailableError, match="a part"):
        await carry(town, target)
    assert await carry(town, target) == PEOPLE
    async with server.jetstream() as jetstream:
        last = await jetstream.stream_info(target.stream)
    await crm.read()
    assert last.state.last_seq == len(crm.seen)


async def test_a_stream_that_is_not_the_feeds_own_or_has_a_gap_is_not_carried_on(
    town: Town, server: NatsServer
) -> None:
    crm, target = await new_consumer(town, NEWS), target_of(server)
    people = [await town.device() for _ in range(PEOPLE)]
    await choose(town, people, 2)
    await crm.read()
    async with server.jetstream() as jetstream:
        await jetstream.add_stream(name=target.stream, subjects=[f"{target.subject}.*", "x.>"])  # pyright: ignore[reportUnknownMemberType]  untyped options
        with pytest.raises(ConflictError, match="other subjects"):
            await carry(town, target)
        await jetstream.delete_stream(target.stream)
        await jetstream.add_stream(name=target.stream, subjects=[f"{target.subject}.*"])  # pyright: ignore[reportUnknownMemberType]  as above
        await jetstream.publish(f"{target.subject}.consent", b"{}")
        with pytest.raises(ConflictError, match="none of ours"):
            await carry(town, target)
        await jetstream.delete_stream(target.stream)
    async with turn(town.context.database, (await connector_of(town, target)).duty) as ours:
        assert await ours.take()
        with pytest.raises(ConflictError, match="Another process"):
            await carry(town, target)
    await carry(town, target)
    await choose(town, people, 1)
    await town.change("DELETE FROM events WHERE seq <= (SELECT max(seq) - 2 FROM events)")
    with pytest.raises(ConflictError, match="over-the-gap"):
        await carry(town, target)
    with pytest.raises(ConflictError, match="over-the-gap"):  # nor does anybody try for ever
        await run_connector(
            *(town.context, await connector_of(town, target), opening(target)),
            *(asyncio.Event(), Rounds()),
        )
    assert (await noted(town))[0][2] == "broker_gap"
    (system,) = await list_systems(town.context.database, town.context.settings)
    assert (system.system, system.failing_since is None) == ("nats:crm", False)
    assert await carry(town, target, is_gap_taken=True) == 2
    assert (await noted(town))[0][2] is None
    await town.change("UPDATE clients SET disabled_at = now() WHERE client_id = 'crm'")
    connector = Connector(no=1, client_id="crm", kind="nats")
    with pytest.raises(NotFoundError):
        await carry_once(town.context, connector, opening(target), tell_nobody)


async def test_two_that_work_at_once_cannot_mix_their_events(
    town: Town, server: NatsServer
) -> None:
    """One that was thought dead comes back with what it was about to say."""
    await new_consumer(town, NEWS)
    target = target_of(server)
    people = [await town.device() for _ in range(PEOPLE)]
    await choose(town, people, 1)
    connector = await connector_of(town, target)
    async with connecting(target) as first, connecting(target) as second:
        late, other = (Publisher(town.context, connector, each) for each in (first, second))
        assert isinstance(first, JetStream)
        assert await first.find_last() == NOWHERE
        await late.begin()
        await other.begin()
        assert await other.round() == PEOPLE * 2
        assert await late.round() == PEOPLE * 2  # the broker knows their ids
        await choose(town, people, 1)
        with pytest.raises(UnavailableError):
            await late.round()
        assert await other.round() == PEOPLE
    assert len(await server.stored(target.stream)) == PEOPLE * 3


async def test_killed_connectors_and_a_killed_server_lose_and_mix_nothing(
    town: Town, server: NatsServer, founded: Founded
) -> None:
    crm, target = await new_consumer(town, NEWS), target_of(server)
    people = [await town.device() for _ in range(PEOPLE)]
    await choose(town, people, 1)
    async with server.hearing(f"{target.subject}.*") as heard:
        for number in range(ROUNDS):
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own program, begun at once
                [
                    *(sys.executable, "-m", "consentid", "connect", "nats", "--client", "crm"),
                    *("--server", server.url, "--stream", target.stream),
                    *("--subject", target.subject),
                ],
                env=environ(town.urls, founded.keys),
                stderr=subprocess.DEVNULL,
            )
            try:
                await heard.next_msg(timeout=120)
                choosing = asyncio.create_task(choose(town, people, 2))
                for _ in range(number + 1):
                    await heard.next_msg(timeout=120)
            finally:
                process.kill()
                process.wait()
            await choosing
    rounds, stopped = Rounds(), asyncio.Event()
    connector = await connector_of(town, target)
    running = asyncio.create_task(
        run_connector(town.context, connector, opening(target), stopped, rounds)
    )
    await choose(town, people, 1)
    server.kill()
    await choose(town, people, 1)
    server.start()
    await crm.read()
    async with asyncio.timeout(120):
        while (await noted(town))[0][1] < len(crm.seen):  # noqa: ASYNC110 - another connection's note
            await asyncio.sleep(0.05)
    stopped.set()
    await running
    expect_the_feed(await server.stored(target.stream), crm.seen)
    assert len(crm.believes) == PEOPLE
