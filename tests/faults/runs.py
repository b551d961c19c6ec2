"""One kind of fault after another, against clients that never stop."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx2
from tests.faults import kinds, promises, syncs
from tests.faults.client import PATIENCE_S, Client
from tests.faults.deployment import Deployment
from tests.faults.history import History, Kind, Said
from tests.faults.promises import Violation

CLIENTS: Final = 8
_HEARD_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fault, and what it needs to be done."""

    fault: kinds.Fault
    may_fail: bool = True
    """Whether a request may fail, and has to be sent again."""
    needs: str = ""
    """``clock`` (libfaketime) or ``disk`` (a small one of its own)."""


SCENARIOS: Final = {
    "web-killed": Scenario(fault=kinds.web_killed),
    "web-drained": Scenario(fault=kinds.web_drained, may_fail=False),
    "worker-killed": Scenario(fault=kinds.worker_killed, may_fail=False),
    "postgres-killed": Scenario(fault=kinds.postgres_killed),
    "valkey-killed": Scenario(fault=kinds.valkey_killed, may_fail=False),
    "valkey-frozen": Scenario(fault=kinds.valkey_frozen, may_fail=False),
    "valkey-flushed": Scenario(fault=kinds.valkey_flushed, may_fail=False),
    "network-cut": Scenario(fault=kinds.network_cut),
    "network-held": Scenario(fault=kinds.network_held),
    "network-silent": Scenario(fault=kinds.network_silent),
    "network-slowed": Scenario(fault=kinds.network_slowed),
    "clock-jumped": Scenario(fault=kinds.clock_jumped, needs="clock"),
    "disk-filled": Scenario(fault=kinds.disk_filled, needs="disk"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of one scenario."""

    name: str
    rounds: int
    acknowledged: int
    retried: int
    """Requests that failed, and were sent again."""
    repeated: int
    """Writes that were sent again although they had been acknowledged."""
    verified: int
    worst_staleness_ms: int
    seconds: float
    failed: Mapping[str, int]
    """What those requests were told, or came upon."""
    violations: Sequence[Violation] = field(default_factory=tuple)


async def run(
    deployment: Deployment,
    name: str,
    scenario: Scenario,
    *,
    rounds: int,
    draw: random.Random,
    clients: int = CLIENTS,
) -> Report:
    """Do one kind of fault ``rounds`` times; each time everybody is heard again before the next."""
    history = History()
    async with opened(deployment) as nodes:
        living = await enter(deployment, history, nodes, draw, clients)
        async with asyncio.TaskGroup() as group:
            for client in living:
                group.create_task(client.live())
            for _ in range(rounds):
                await _all_heard(living)
                await asyncio.sleep(draw.random() / 5)
                await scenario.fault(deployment, draw)
            await _all_heard(living)
            for client in living:
                client.is_ending = True
        found = [*promises.judge(history, may_fail=scenario.may_fail)]
        found += await promises.compare(living)
    deployment.acknowledged += sum(len(client.written) for client in living)
    found += await promises.check_ledger(deployment)
    return report(name, rounds, history, living, found)


async def run_traced(deployment: Deployment, *, rounds: int, draw: random.Random) -> Report:
    """One client, looked at call by call."""
    history, trace = History(), deployment.folder / "trace"
    async with opened(deployment) as nodes:
        (client,) = await enter(deployment, history, nodes, draw, 1)
        client.again = 0
        server = deployment.postgres.pid
        watched = [server, *kinds.children_of(server), *(node.pid for node in deployment.nodes)]
        looking = await syncs.attach(watched, trace)
        for _ in range(rounds):
            await client.turn()
        await syncs.detach(looking)
        found = [*promises.judge(history, may_fail=False), *await promises.compare([client])]
    deployment.acknowledged += len(client.written)
    seen = syncs.Trace(trace.read_text().splitlines())
    seen.judge()
    found += seen.violations
    if seen.acknowledged < len(client.written):
        words = f"{seen.acknowledged} of {len(client.written)} answers were seen"
        found.append(Violation(promise=syncs.PROMISE, words=words))
    return report("syncs", rounds, history, [client], found)


@contextlib.asynccontextmanager
async def opened(deployment: Deployment) -> AsyncGenerator[Sequence[httpx2.AsyncClient]]:
    """Connections to each web process, which clients keep open."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                httpx2.AsyncClient(base_url=node.url, timeout=PATIENCE_S, trust_env=False)
            )
            for node in deployment.nodes
        ]


async def enter(
    deployment: Deployment,
    history: History,
    nodes: Sequence[httpx2.AsyncClient],
    draw: random.Random,
    many: int,
) -> list[Client]:
    """New devices, each with what it needs to begin."""
    entered = [
        Client(
            number=number,
            nodes=nodes,
            history=history,
            secret=deployment.secret,
            draw=random.Random(draw.random()),  # noqa: S311 a test's dice
        )
        for number in range(many)
    ]
    await asyncio.gather(*(client.renew() for client in entered))
    return entered


async def _all_heard(clients: Sequence[Client]) -> None:
    for client in clients:
        client.heard.clear()
    async with asyncio.timeout(_HEARD_WITHIN_S):  # ends a hang only
        for client in clients:
            await client.heard.wait()


def report(
    name: str,
    rounds: int,
    history: History,
    clients: Sequence[Client],
    found: Sequence[Violation],
) -> Report:
    acts = history.acts
    failed = Counter(act.words for act in acts if act.said is Said.FAIL)
    return Report(
        name=name,
        rounds=rounds,
        acknowledged=sum(len(client.written) for client in clients),
        retried=sum(failed.values()),
        failed=dict(failed),
        repeated=sum(client.repeated for client in clients),
        verified=sum(act.kind is Kind.VERIFY and act.said is not Said.FAIL for act in acts),
        worst_staleness_ms=round(promises.worst_staleness_s(history) * 1_000),
        seconds=round(history.now_s(), 1),
        violations=found,
    )
