"""One kind of fault after another, against clients that never stop."""

import asyncio
import contextlib
import math
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine
from tests.faults import kinds, promises, syncs
from tests.faults.client import PATIENCE_S, Client
from tests.faults.deployment import Deployment
from tests.faults.flushes import PROMISE, Flushes
from tests.faults.history import History, Kind, Said
from tests.faults.promises import Violation

from consentid.embedded.errors import EmbeddedServerError

CLIENTS: Final = 8
_HEARD_WITHIN_S: Final = 120.0
_ANY_MOMENT: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fault, and what it needs to be done."""

    fault: kinds.Fault
    may_fail: bool = True
    """Whether a request may fail, and has to be sent again."""
    needs: str = ""
    """``clock`` (libfaketime) or ``disk`` (a small one of its own)."""
    copied: float = 0.0
    """Of all writes, a copy of so many is under way, too."""
    may_wait: bool = False
    """Whether a yes may be a no until a clock that was ahead is reached."""
    of_releases: bool = False
    """Whether what answers is of more than one release."""


SCENARIOS: Final = {
    "web-killed": Scenario(fault=kinds.web_killed),
    "web-drained": Scenario(fault=kinds.web_drained, may_fail=False),
    "worker-killed": Scenario(fault=kinds.worker_killed, may_fail=False),
    "postgres-killed": Scenario(fault=kinds.postgres_killed),
    "postgres-quit": Scenario(fault=kinds.postgres_quit),
    "valkey-killed": Scenario(fault=kinds.valkey_killed, may_fail=False),
    "valkey-frozen": Scenario(fault=kinds.valkey_frozen, may_fail=False),
    "valkey-flushed": Scenario(fault=kinds.valkey_flushed, may_fail=False),
    "network-cut": Scenario(fault=kinds.network_cut),
    "network-held": Scenario(fault=kinds.network_held),
    "network-silent": Scenario(fault=kinds.network_silent),
    "network-slowed": Scenario(fault=kinds.network_slowed),
    "delivery-disordered": Scenario(fault=kinds.delivery_disordered, may_fail=False, copied=1.0),
    "clock-jumped": Scenario(fault=kinds.clock_jumped, needs="clock"),
    "worker-clock-jumped": Scenario(fault=kinds.worker_clock_jumped, needs="clock"),
    "postgres-clock-jumped": Scenario(
        fault=kinds.postgres_clock_jumped, needs="clock", may_wait=True
    ),
    "disk-filled": Scenario(fault=kinds.disk_filled, needs="disk"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of one scenario."""

    name: str
    rounds: int
    done: Mapping[str, int]
    """How often what was done."""
    acknowledged: int
    retried: int
    """Requests that failed, and were sent again."""
    repeated: int
    """Writes that were sent again although they had been acknowledged, or a copy was under way."""
    resent: int
    """Writes that were sent more than once, for whatever reason."""
    verified: int
    verified_after_no: int
    """Of these, after an acknowledged withdrawal."""
    verified_knowing: int
    """Of those, by somebody who said to know of it."""
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
    seconds: float = math.inf,
    heard: Callable[[int], None] = lambda _: None,
    kept: Path | None = None,
) -> Report:
    """Do one kind of fault ``rounds`` times; each time everybody is heard again before the next.

    After ``seconds`` no other round begins.  ``heard`` is told the number of each that is over, and
    the folder ``kept`` gets the history.
    """
    history, done, until = History(), Counter[str](), time.monotonic() + seconds
    found: list[Violation] = []
    async with opened(deployment) as nodes:
        living = await enter(deployment, history, nodes, draw, clients)
        for client in living:
            client.copied = scenario.copied
            client.may_expire = scenario.needs == "clock"
        try:
            async with asyncio.TaskGroup() as group:
                for client in living:
                    group.create_task(client.live())
                for number in range(rounds):
                    await _all_heard(living)
                    if time.monotonic() > until:
                        break
                    await _moment(living, draw)
                    done[await scenario.fault(deployment, draw)] += 1
                    heard(number + 1)
                await _all_heard(living)
                for client in living:
                    client.is_ending = True
        except* (TimeoutError, EmbeddedServerError) as stuck:
            words = "; ".join(f"{type(each).__name__}: {each}"[:200] for each in stuck.exceptions)
            found.append(Violation(promise="all are heard again", words=words))
        if kept is not None:
            history.keep(kept / f"{name}.ndjson")
        is_whole = not found
        found += promises.judge(
            history,
            may_fail=scenario.may_fail,
            of_releases=scenario.of_releases,
            may_wait=scenario.may_wait,
        )
        found += await promises.compare(living) if is_whole else []
    deployment.acknowledged += sum(len(client.written) for client in living)
    found += await promises.check_ledger(deployment) if is_whole else []
    return report(name, done, history, living, found)


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
    return report("syncs", Counter(turns=rounds), history, [client], found)


async def run_flushed(deployment: Deployment, *, rounds: int, draw: random.Random) -> Report:
    """One client, and what the server says of its log around each of its writes."""
    history = History()
    engine = create_async_engine(deployment.postgres.urls().owner, poolclass=NullPool)
    async with opened(deployment) as nodes, engine.connect() as connection:
        (client,) = await enter(deployment, history, nodes, draw, 1)
        flushes = Flushes(connection=connection)
        client.again, client.around = 0, flushes.around
        for _ in range(rounds):
            await client.turn()
        found = [*promises.judge(history, may_fail=False), *await promises.compare([client])]
    await engine.dispose()
    deployment.acknowledged += len(client.written)
    found += flushes.violations
    if flushes.looked < len(client.written):
        words = f"{flushes.looked} of {len(client.written)} answers were looked at"
        found.append(Violation(promise=PROMISE, words=words))
    return report("flushes", Counter(turns=rounds), history, [client], found)


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


async def _moment(clients: Sequence[Client], draw: random.Random) -> None:
    """Any moment; or, as often, the one at which somebody has just been told that it is done.

    That is when it shows whether it was.
    """
    if draw.random() < _ANY_MOMENT:
        await asyncio.sleep(draw.random() / 5)
        return
    for client in clients:
        client.heard.clear()
    waiting = [asyncio.create_task(client.heard.wait()) for client in clients]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()


async def _all_heard(clients: Sequence[Client]) -> None:
    for client in clients:
        client.heard.clear()
    async with asyncio.timeout(_HEARD_WITHIN_S):  # ends a hang only
        for client in clients:
            await client.heard.wait()


def report(
    name: str,
    done: Mapping[str, int],
    history: History,
    clients: Sequence[Client],
    found: Sequence[Violation],
) -> Report:
    acts = history.acts
    failed = Counter(act.words for act in acts if act.said is Said.FAIL)
    sent = Counter((act.client, act.key) for act in acts if act.kind is not Kind.VERIFY)
    verified = [act for act in acts if act.kind is Kind.VERIFY and act.said is not Said.FAIL]
    after_no = [act for act in verified if act.expects is Said.NO]
    return Report(
        name=name,
        rounds=sum(done.values()),
        done=dict(sorted(done.items())),
        acknowledged=sum(len(client.written) for client in clients),
        retried=sum(failed.values()),
        failed=dict(failed),
        repeated=sum(client.repeated for client in clients),
        resent=sum(times - 1 for times in sent.values()),
        verified=len(verified),
        verified_after_no=len(after_no),
        verified_knowing=sum(act.at_least for act in after_no),
        worst_staleness_ms=round(promises.worst_staleness_s(history) * 1_000),
        seconds=round(history.now_s(), 1),
        violations=found,
    )
