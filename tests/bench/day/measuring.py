"""One run, from an empty database to what is told of it."""

import asyncio
import contextlib
import random
import sys
import time
from array import array
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.bench.day import arriving, calls, town, wire
from tests.bench.day.asking import Asking, Seen
from tests.bench.day.extrapolating import bytes_of_things
from tests.bench.day.people import People
from tests.bench.day.proportions import PER_THOUSAND, TELEVISIONS, Visit
from tests.bench.day.watching import Watch
from tests.bench.day.weighing import Table, Written, bytes_a_row, pack, weigh, written

_TOLD_EACH: Final = 500
_DECIDE_ONE_IN: Final = 10
_POSTGRES: Final = {"max_wal_size": "1GB", "shared_buffers": "256MB"}
_SETTLED_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What one asks for."""

    people: int
    seconds: float
    rate: float
    draw: random.Random


async def measure(given: Given) -> dict[str, Any]:
    """Run a day; what was seen, as plain values."""
    async with town.running(_POSTGRES) as running:
        asking = Asking(
            wires=wire.Wires(running.ports),
            nodes=len(running.ports),
            origin=running.origin,
            secrets=running.secrets,
            people=People(given.draw),
            draw=given.draw,
            portal=running.portal,
        )
        watch = Watch(
            pids={
                **{name: _alone(each.pid) for name, each in running.processes.items()},
                "PostgreSQL": running.postgres_pids,
                "Valkey": running.valkey_pids,
            }
        )
        readers = [calls.read_the_feed(asking, client) for client in town.READERS.values()]
        async with _beside(*readers):
            empty, begun = await weigh(running.owner), await written(running.owner)
            came_s = await _fill(asking, given.people)
            before, filled = await weigh(running.owner), await written(running.owner)
            await arriving.everybody_once(asking)
            decided, wrote = await _decisions(asking, running.owner, given.people // _DECIDE_ONE_IN)
            began_day = await written(running.owner)
            asking.seen.is_measuring = True
            many = _televisions(given.rate)
            waiting = [calls.wait_for_a_phone(asking) for _ in range(many)]
            async with _beside(watch.keep_looking(), *waiting):
                begun_s = time.monotonic()
                await arriving.day(asking, rate=given.rate, seconds=given.seconds)
                took_s = time.monotonic() - begun_s
            asking.seen.is_measuring = False
        ended = running.has_ended()
        after, last = await weigh(running.owner), await written(running.owner)
        await pack(running.owner)
        packed = await weigh(running.owner)
        asking.wires.close()
    if ended:
        asking.fail("any", f"{', '.join(ended)} ended by itself")
    return {
        "asked_for": {
            "people": given.people,
            "minutes": given.seconds / 60,
            "visits_a_second": given.rate,
            "televisions": _televisions(given.rate),
        },
        "per_thousand_visits": {str(kind): share for kind, share in PER_THOUSAND.items()},
        "seconds": round(took_s, 1),
        "requests": _requests(asking.seen, took_s),
        "failed": {f"{label}: {words}": n for (label, words), n in asking.seen.failed.items()},
        "visits": dict(sorted(asking.seen.visits.items())),
        "left_out": dict(asking.seen.left_out),
        "events_read": asking.seen.events,
        "our_own_lateness_ms": percentiles_ms(asking.seen.late_s),
        "withdrawal_visible_ms": percentiles_ms(asking.seen.visible_s),
        "withdrawal_stale_ms": percentiles_ms(asking.seen.stale_s),
        "processes": watch.told(),
        "connections_opened": asking.wires.opened,
        "filling": {
            "seconds": round(came_s, 1),
            **_written(filled.since(begun), _more(empty, before, "decisions")),
        },
        "decisions_alone": _written(wrote, decided),
        "the_day": _written(last.since(began_day), _more(before, after, "decisions") - decided),
        "bytes_of_things": bytes_of_things(_plain(empty), _plain(packed)),
        "tables": {name: told for name, told in _plain(after).items() if told["rows"]},
        "bytes_a_row": {
            name: round(size) for name, size in sorted(bytes_a_row(empty, after).items())
        },
        "bytes_a_row_packed": {
            name: round(size) for name, size in sorted(bytes_a_row(empty, packed).items())
        },
        "database_bytes": sum(each.bytes for each in after.values()),
    }


async def _fill(asking: Asking, many: int) -> float:
    def heard(number: int) -> None:
        if number % _TOLD_EACH == 0:
            print(f"{number} people", file=sys.stderr, flush=True)  # noqa: T201 a command speaks

    begun_s = time.monotonic()
    await arriving.people_came(asking, many, heard)
    took_s = time.monotonic() - begun_s
    await asyncio.sleep(_SETTLED_S)  # the worker is behind by its own window
    return took_s


async def _decisions(asking: Asking, owner: AsyncEngine, many: int) -> tuple[int, Written]:
    """Nothing but changes of mind, and what was written meanwhile."""
    before, begun = await weigh(owner), await written(owner)
    await arriving.only(asking, Visit.CHANGE, many)
    await asyncio.sleep(_SETTLED_S)
    return _more(before, await weigh(owner), "decisions"), (await written(owner)).since(begun)


def _more(before: Mapping[str, Table], after: Mapping[str, Table], name: str) -> int:
    return after[name].rows - before[name].rows


@contextlib.asynccontextmanager
async def _beside(*works: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Work that goes on for as long as the block does; what ends it early ends the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in works]
        yield
        for each in tasks:
            each.cancel()


def _televisions(rate: float) -> int:
    return round(rate * TELEVISIONS.per_arrival)


def _requests(seen: Seen, took_s: float) -> list[dict[str, Any]]:
    failed = Counter[str]()
    for (label, _), times in seen.failed.items():
        failed[label] += times
    return [
        {
            "request": label,
            "answers": len(took),
            "a_second": round(len(took) / took_s, 2),
            **percentiles_ms(took),
            "failed": failed[label],
        }
        for label, took in sorted(seen.took_s.items(), key=lambda each: -len(each[1]))
    ]


def percentiles_ms(took_s: "array[float]") -> dict[str, float]:
    """Of nothing: nothing."""
    if not took_s:
        return {}
    ordered = sorted(took_s)
    places = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "most_ms": 1.0}
    return {
        name: round(1_000 * ordered[min(len(ordered) - 1, int(len(ordered) * place))], 1)
        for name, place in places.items()
    }


def _written(log: Written, decisions: int) -> dict[str, Any]:
    """What was written to the log, by decision; all that went on beside is in it."""
    return {
        **asdict(log),
        "decisions": decisions,
        "wal_bytes_a_decision": round(log.wal_bytes / decisions) if decisions else None,
        "syncs_a_decision": round(log.syncs / decisions, 2) if decisions else None,
    }


def _plain(tables: Mapping[str, Table]) -> dict[str, dict[str, int]]:
    return {name: asdict(each) for name, each in tables.items()}


def _alone(pid: int) -> Callable[[], list[int]]:
    return lambda: [pid]
