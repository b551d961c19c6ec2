"""What must be true whatever went wrong, held against history, API, database and ledger."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.faults.client import Client
from tests.faults.deployment import Deployment
from tests.faults.history import Act, History, Kind, Said
from tests.web.hub import REPOSITORY
from typing_extensions import override

STALE_S: Final = 2.0
"""The contract's bound, for whoever does not say what it knows."""
_DECISIONS: Final = "SELECT count(*) FROM decisions"
_UNLOGGED: Final = "SELECT count(*) FROM staged_entries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that was broken, and the history that shows it."""

    promise: str
    words: str
    history: str = ""

    @override
    def __str__(self) -> str:
        return f"{self.promise}: {self.words}\n{self.history}".rstrip()


def judge(
    history: History, *, may_fail: bool, of_releases: bool = False, may_wait: bool = False
) -> Iterator[Violation]:
    """What a history alone shows.

    ``of_releases``: whoever repeats may be answered by another release, which may tell the same
    decision in other words.  ``may_wait``: a yes of whom the clock was ahead is a no until then.
    """
    first: dict[tuple[int, str], dict[str, Any]] = {}
    for act in history.acts:
        if act.said is Said.FAIL and (not may_fail or act.words == "500"):
            yield _seen(history, act, "no request fails", f"told {act.words}")
        if act.kind is Kind.VERIFY:
            yield from _judge_verification(history, act, may_wait=may_wait)
        elif act.answer is not None:
            told = first.setdefault((act.client, act.key), act.answer)
            same = ("decision",) if of_releases else told
            if other := [name for name in same if told[name] != act.answer.get(name)]:
                words = f"one key, two answers ({', '.join(other)})"
                yield _seen(history, act, "none doubled", words)


def _judge_verification(history: History, act: Act, *, may_wait: bool) -> Iterator[Violation]:
    if act.expects is Said.YES and act.said is Said.NO and not may_wait:
        yield _seen(history, act, "none lost", "an acknowledged yes is not known")
    if act.expects is Said.NO and act.said is Said.YES:
        if act.at_least:
            yield _seen(history, act, "no stale yes", "although told of the withdrawal")
        elif act.staleness_s > STALE_S:
            words = f"{act.staleness_s:.2f} s after the withdrawal"
            yield _seen(history, act, "no stale yes", words)


def worst_staleness_s(history: History) -> float:
    """The longest after an acknowledged withdrawal that anybody was still told yes."""
    return max((act.staleness_s for act in history.acts if _is_stale(act)), default=0.0)


def _is_stale(act: Act) -> bool:
    return act.expects is Said.NO and act.said is Said.YES


async def compare(clients: Sequence[Client]) -> list[Violation]:
    """What the API says, beside what was acknowledged."""
    found: list[Violation] = []
    for client in clients:
        acknowledged = [write.answer["decision"] for write in client.written]
        recorded = await client.all_decisions()
        found += _compare_lists(client, acknowledged, recorded)
        if (state := await client.state()) != "withdrawn":
            words = f"client {client.number} withdrew last, and is {state}"
            found.append(Violation(promise="none lost", words=words))
    return found


def _compare_lists(
    client: Client, acknowledged: Sequence[str], recorded: Sequence[str]
) -> Iterator[Violation]:
    counted = Counter(recorded)
    who = f"client {client.number}"
    for each in acknowledged:
        if not counted[each]:
            yield Violation(promise="none lost", words=f"{who}: {each} is not in the history")
    for each, times in counted.items():
        if times > 1:
            yield Violation(promise="none doubled", words=f"{who}: {each} is there {times} times")
    # Each write was sent until it was acknowledged: what is there beside them was never asked for.
    for each in set(recorded) - set(acknowledged):
        yield Violation(promise="none doubled", words=f"{who}: nobody was told of {each}")
    if not counted - Counter(acknowledged) and list(recorded) != list(acknowledged):
        yield Violation(promise="in order", words=f"{who}: not in the order of its acts")


async def check_ledger(deployment: Deployment) -> list[Violation]:
    """Whether the log has every decision ever acknowledged, and nothing in it is wrong."""
    await _integrated(deployment)
    acknowledged, recorded = deployment.acknowledged, await _count(deployment, _DECISIONS)
    found: list[Violation] = []
    if recorded != acknowledged:
        words = f"{acknowledged} acknowledged, {recorded} in the database"
        found.append(Violation(promise="none lost, none doubled", words=words))
    ran = await asyncio.to_thread(
        subprocess.run,
        deployment.command("ledger", "verify", "--json"),
        env=deployment.environ,
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
    )
    told: dict[str, Any] = json.loads(ran.stdout) if ran.stdout else {}
    if ran.returncode or told.get("decisions") != recorded:
        words = (ran.stdout + ran.stderr).decode()[-2_000:]
        found.append(Violation(promise="the ledger holds", words=words))
    return found


async def _integrated(deployment: Deployment) -> None:
    async with asyncio.timeout(120):  # ends a hang only
        while await _count(deployment, _UNLOGGED):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)


async def _count(deployment: Deployment, statement: str) -> int:
    engine = create_async_engine(deployment.postgres.urls().owner, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(statement))).scalar_one()
    finally:
        await engine.dispose()


def _seen(history: History, act: Act, promise: str, words: str) -> Violation:
    return Violation(promise=promise, words=f"{words}\n{act}", history=history.around(act))
