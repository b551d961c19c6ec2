"""The short form of ``python -m tests.faults``: what breaks most, one after the other."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from tests.faults import kinds, promises
from tests.faults.deployment import Deployment, deployed
from tests.faults.history import Act, History, Kind, Said
from tests.faults.runs import Scenario, run, run_flushed
from tests.faults.statistics import promises_of
from tests.faults.syncs import Trace

FAULTS: Final = (
    kinds.web_killed,
    kinds.postgres_killed,
    kinds.network_held,
    kinds.valkey_killed,
)
LOG: Final = "</data/pg_wal/0001>"
ASKED: Final = '9 read(5<socket:[1]>, "POST /v1/decisions HTTP/1.1"..., 65536) = 300'
STORED: Final = f'7 pwrite64(6{LOG}, "..."..., 8192, 0) = 8192'
SYNCED: Final = (f"7 fdatasync(6{LOG} <unfinished ...>", "7 <... fdatasync resumed>) = 0")
SPOKEN: Final = '7 sendto(8<socket:[2]>, "C\\0\\0"..., 20, 0, NULL, 0) = 20'
TOLD: Final = '9 write(5<socket:[1]>, "HTTP/1.1 201 Created\\r\\n"..., 900) = 900'


async def test_whatever_goes_wrong_what_was_acknowledged_is_there_once_and_no_yes_is_stale(
    server_folder: Path,
) -> None:
    turns = iter(FAULTS)

    async def next_fault(deployment: Deployment, draw: random.Random) -> str:
        return await next(turns)(deployment, draw)

    draw = random.Random(7)  # noqa: S311 a test's dice
    async with deployed(server_folder / "faults") as deployment:
        scenario = Scenario(fault=next_fault, copied=0.3)
        report = await run(deployment, "short", scenario, rounds=len(FAULTS), draw=draw, clients=4)
        flushed = await run_flushed(deployment, rounds=3, draw=draw)
    assert not report.violations, str(report.violations[0])
    assert report.retried > 0
    assert report.acknowledged > 0
    assert report.done["SIGKILL"] > 0
    assert not flushed.violations, str(flushed.violations[0])
    kept, doubled, fresh, synced = promises_of([report, flushed])
    assert (kept.broken, doubled.broken, fresh.broken, synced.broken) == (0, 0, 0, 0)
    assert min(kept.looked_at, doubled.looked_at, fresh.looked_at, synced.looked_at) > 0
    assert "less than 1 in" in str(kept)


def acts(*told: Mapping[str, Any]) -> History:
    history = History()
    for number, each in enumerate(told):
        plain: dict[str, Any] = {"client": 1, "node": 0, "key": "k", "began_s": number}
        history.acts.append(Act(**{**plain, **each}))
    return history


VERIFIED: Final = {"kind": Kind.VERIFY, "expects": Said.NO, "said": Said.YES}
BROKEN: Final[Mapping[str, tuple[History, str]]] = {
    "two answers": (
        acts(
            {"kind": Kind.DECIDE, "said": Said.OK, "answer": {"decision": "a"}},
            {"kind": Kind.DECIDE, "said": Said.OK, "answer": {"decision": "b"}},
        ),
        "none doubled",
    ),
    "a late yes": (acts({**VERIFIED, "began_s": 9.1, "since_s": 7.0}), "no stale yes"),
    "a yes in spite of": (acts({**VERIFIED, "at_least": True}), "no stale yes"),
    "a yes that is not known": (
        acts({**VERIFIED, "expects": Said.YES, "said": Said.NO}),
        "none lost",
    ),
    "a bug": (acts({"kind": Kind.DECIDE, "said": Said.FAIL, "words": "500"}), "no request fails"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_found_and_told_with_its_history(name: str) -> None:
    history, promise = BROKEN[name]
    (found,) = promises.judge(history, may_fail=True)
    assert found.promise == promise
    assert "client 1" in found.history


def test_a_late_yes_within_the_bound_is_counted_and_no_violation() -> None:
    history = acts({**VERIFIED, "began_s": 8.5, "since_s": 7.0})
    assert [*promises.judge(history, may_fail=True)] == []
    assert promises.worst_staleness_s(history) == 1.5


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        ((ASKED, STORED, *SYNCED, SPOKEN, TOLD), []),
        ((ASKED, STORED, SPOKEN, TOLD, *SYNCED), ["what it wrote", "without a sync"]),
        ((*SYNCED, ASKED, TOLD), ["without a sync"]),
        ((ASKED, SYNCED[0], STORED, SYNCED[1], SPOKEN, TOLD), ["what it wrote"]),
        ((ASKED, STORED, SYNCED[0], TOLD, SYNCED[1]), ["without a sync"]),
    ],
    ids=["kept", "later", "before", "not of this", "not yet"],
)
def test_a_trace_shows_what_was_told_before_it_was_synced(
    lines: tuple[str, ...], broken: list[str]
) -> None:
    trace = Trace(lines)
    trace.judge()
    assert trace.acknowledged == 1
    told = [found.words for found in trace.violations]
    assert len(told) == len(broken)
    assert all(words in each for words, each in zip(broken, told, strict=True))
