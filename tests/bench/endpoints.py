"""``python -m tests.bench.endpoints``: how much a hub does per second, beside a bare route.

A whole hub is started on loopback, with PostgreSQL and Valkey, and a bare Litestar route beside it,
served alike.  Rounds are interleaved: each load has the bare route's turn right before its own, so
that whatever else the machine does falls on both.  Told are medians over the rounds; a ratio is the
median of the rounds' own ratios.  Nothing is asserted about time.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import shutil
import statistics
import sys
from collections.abc import Generator, Iterable
from dataclasses import asdict, dataclass

import uvloop
from tests.bench.client import Load, Measured, measure
from tests.bench.loads import bare_load, hub_loads
from tests.bench.serving import bare_route, migrated
from tests.web.hub import running_hub, running_portal

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey

_WARM_UP_S = 0.2
_CLIENT_TOO_BUSY = 0.9
_SETTINGS = {
    "CONSENTID_LOG_LEVEL": "warning",
    "CONSENTID_TRUSTED_PROXIES": "127.0.0.1",  # else all connections are one caller, and limited
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One load's medians."""

    name: str
    per_second: float
    bare_per_second: float
    ratio: float
    cpu_ms: float | None
    """Processor time of an answer in the web process: it says something on a busy machine, too."""
    bare_cpu_ms: float | None
    client_busy: float
    is_client_bound: bool
    rounds: list[float]


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.endpoints", description=__doc__)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.8, help="of each turn")
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    rounds, seconds, connections = int(given.rounds), float(given.seconds), int(given.connections)
    with _running(connections) as (bare, loads):
        turns = uvloop.run(
            _measure(bare, loads, rounds=rounds, seconds=seconds, connections=connections)
        )
    results = [_result(name, measured) for name, measured in turns.items()]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if given.json:
        told = {
            "machine": machine,
            "connections": connections,
            "rounds": rounds,
            "seconds": seconds,
            "results": [asdict(result) for result in results],
        }
        print(json.dumps(told, indent=2))  # noqa: T201 a command speaks by printing
    else:
        print(_table(results))  # noqa: T201 as above
        print(f"\n{machine}; {connections} connections; {rounds} rounds of {seconds} s; medians.")  # noqa: T201 as above
        print("Hub, bare route, PostgreSQL, Valkey and client share the machine; 1 web process.")  # noqa: T201 as above
    return 0


@contextlib.contextmanager
def _running(connections: int) -> Generator[tuple[Load, list[Load]]]:
    """A hub and a bare route, each a process of its own."""
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
            running_hub(
                folder,
                asyncio.run(migrated(postgres)),
                portal,
                valkey_url=valkey.url,
                settings=_SETTINGS,
            ) as hub,
            bare_route() as (port, pid),
        ):
            yield bare_load(port, pid), hub_loads(hub, connections=connections)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(
    bare: Load, loads: list[Load], *, rounds: int, seconds: float, connections: int
) -> dict[str, list[tuple[Measured, Measured]]]:
    """Of each load, by round: the bare route's turn and its own."""
    turns: dict[str, list[tuple[Measured, Measured]]] = {load.name: [] for load in loads}

    async def take_turn(load: Load) -> Measured:
        return await measure(load, connections=connections, seconds=seconds, warm_up=_WARM_UP_S)

    for _ in range(rounds):
        for load in loads:
            turns[load.name].append((await take_turn(bare), await take_turn(load)))
    return turns


def _result(name: str, turns: list[tuple[Measured, Measured]]) -> Result:
    busy = statistics.median(own.client_busy for _, own in turns)
    return Result(
        name=name,
        per_second=round(statistics.median(own.per_second for _, own in turns), 1),
        bare_per_second=round(statistics.median(bare.per_second for bare, _ in turns), 1),
        ratio=round(statistics.median(own.per_second / bare.per_second for bare, own in turns), 4),
        cpu_ms=_cpu_ms(own for _, own in turns),
        bare_cpu_ms=_cpu_ms(bare for bare, _ in turns),
        client_busy=round(busy, 2),
        is_client_bound=busy > _CLIENT_TOO_BUSY,
        rounds=[round(own.per_second, 1) for _, own in turns],
    )


def _cpu_ms(measured: Iterable[Measured]) -> float | None:
    told = [one.cpu_ms for one in measured if one.cpu_ms is not None]
    return round(statistics.median(told), 3) if told else None


def _table(results: list[Result]) -> str:
    names = f"{'per second':>12}{'bare route':>12}{'ratio':>9}{'CPU ms':>9}{'bare':>8}{'client':>9}"
    lines = [f"{'':34}{names}"]
    for one in results:
        bound = "  the client was the limit" if one.is_client_bound else ""
        lines.append(
            f"{one.name:34}{one.per_second:12,.0f}{one.bare_per_second:12,.0f}"
            f"{one.ratio:9.3f}{_shown(one.cpu_ms):>9}{_shown(one.bare_cpu_ms):>8}"
            f"{one.client_busy:9.0%}{bound}"
        )
    return "\n".join(lines)


def _shown(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.2f}"


if __name__ == "__main__":
    sys.exit(main())
