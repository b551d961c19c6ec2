"""``python -m tests.bench.events``: how fast a feed is read, how soon webhooks are delivered.

A hub and a worker, each a process, on a server that flushes to the disk.  A consumer reads a long
feed by pages, from the beginning; its events are real ones, sealed under the keys of a hundred
people.  Then people decide at a rate while each decision goes to twenty endpoints, one of which
hangs and one of which fails: how long from the request of a decision to its delivery at the others.
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
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from tests.bench.serving import working
from tests.flows.endpoints import Endpoints, serving_endpoints
from tests.flows.readers import NEWS, consumer
from tests.web.hub import Hub, fresh_key, running_hub, running_portal

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.events.contract import sequence_of
from consentid.events.filters import Filters
from consentid.flows.context import Context
from consentid.flows.drain_outbox import drain_outbox
from consentid.flows.event_seal import seal_event
from consentid.flows.manage_webhooks import Office, add_webhook
from consentid.flows.opening import open_context
from consentid.flows.read_events import open_row
from consentid.flows.register_client import add_client
from consentid.keyring import wrapping
from consentid.settings import Settings
from consentid.store import feed
from consentid.store.engine import Database
from consentid.store.feed import NewEvent
from consentid.store.migrating import upgrade

_CLIENT = "news-crm"
_PEOPLE = 100
_ENDPOINTS = 20
_AT_ONCE = 1_000


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.events")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long people decide")
    parser.add_argument("--rate", type=int, default=400, help="deliveries a second, in all")
    given = parser.parse_args()
    folder = scratch_folder()
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            urls = asyncio.run(postgres.create_database("events"))
            asyncio.run(upgrade(urls.owner, serving_role=SERVING))
            with (
                running_portal() as portal,
                running_hub(folder, urls, portal, valkey_url=None) as hub,
            ):
                told = _measure(hub, urls, folder, given)
    finally:
        shutil.rmtree(folder)
    told["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    if given.json:
        print(json.dumps(told))  # noqa: T201 a command speaks by printing
        return 0
    for name, figure in told.items():
        print(f"{name.replace('_', ' '):<28} {figure}")  # noqa: T201 a command speaks by printing
    return 0


def _measure(
    hub: Hub, urls: DatabaseUrls, folder: Path, given: argparse.Namespace
) -> dict[str, Any]:
    settings = Settings(database_url=urls.serving, keys_dir=folder / "keys", localhost_hosts=True)
    secret = asyncio.run(_register(urls))
    hub.secrets = {**hub.secrets, _CLIENT: secret}
    headers = hub.client_token(_CLIENT)
    hub.http.get("/v1/events", headers=headers)
    people = [hub.sign_in() for _ in range(_PEOPLE)]
    for person in people:
        hub.decide(person)
    asyncio.run(_fill(settings, int(given.events)))
    told = _read(hub, headers)
    with working(urls, folder):
        return told | asyncio.run(
            _deliver(hub, settings, urls, people, rate=given.rate, seconds=given.seconds)
        )


async def _register(urls: DatabaseUrls) -> str:
    owner = Database(urls.owner)
    made = await add_client(owner, consumer(_CLIENT, NEWS), randomness=os.urandom)
    await owner.close()
    assert made is not None
    return made.secret


async def _fill(settings: Settings, many: int) -> None:
    """Make a long feed out of the events of some people."""
    opened = open_context(settings)
    context = opened.context
    while await drain_outbox(context):
        pass
    async with context.database.writing() as connection:
        (stream,) = await feed.lock_streams(connection)
        rows = await feed.page(connection, stream.stream_no, after=0, most=_AT_ONCE)
    about = [row for row in rows if row.subject is not None and row.wrapped_key is not None]
    seq = stream.head
    while seq < many:
        new = [
            _again(context, about[number % len(about)], stream.stream_no, number)
            for number in range(seq + 1, seq + 1 + _AT_ONCE)
        ]
        seq = new[-1].seq
        async with context.database.writing() as connection:
            await feed.add(connection, new, {stream.stream_no: seq})
    await opened.close()


def _again(context: Context, row: feed.EventRow, stream_no: int, seq: int) -> NewEvent:
    assert row.subject is not None
    assert row.wrapped_key is not None
    key = wrapping.unwrap(context.keyring.master, row.subject.bytes, row.wrapped_key)
    read = open_row(context, row, stream_no=stream_no, source="", keys={row.subject: key})
    body = read.body.replace(sequence_of(row.seq).encode(), sequence_of(seq).encode())
    return NewEvent(
        stream_no=stream_no,
        seq=seq,
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        lane=0,
        sealed=seal_event(context, key, body, stream_no=stream_no, seq=seq),
        narrows=False,
        at=row.at,
    )


def _read(hub: Hub, headers: dict[str, str]) -> dict[str, Any]:
    with httpx2.Client(base_url=hub.url, headers=headers, timeout=60) as http:
        query: dict[str, Any] = {"limit": _AT_ONCE}
        events, size, more = 0, 0, True
        begun = time.perf_counter()
        while more:
            answer = http.get("/v1/events", params=query)
            page = msgspec.json.decode(answer.content, type=_Page)
            events, size = events + len(page.events), size + len(answer.content)
            query["after"], more = page.next, page.more
        took_s = time.perf_counter() - begun
    return {
        "events_read": events,
        "read_per_second": round(events / took_s),
        "bytes_an_event": round(size / events),
    }


class _Page(msgspec.Struct):
    events: list[msgspec.Raw]
    next: str
    more: bool


async def _deliver(
    hub: Hub,
    settings: Settings,
    urls: DatabaseUrls,
    people: list[dict[str, str]],
    *,
    rate: int,
    seconds: float,
) -> dict[str, Any]:
    asked: dict[str, float] = {}
    async with serving_endpoints() as endpoints, _office(settings, urls) as office:
        for number in range(_ENDPOINTS):
            kind = {0: "hang", 1: "fail"}.get(number, f"ok{number}")
            await add_webhook(
                office,
                client_id=_CLIENT,
                url=f"{endpoints.url}/{kind}",
                filters=Filters(),
                allows_http=True,
            )
        body = await asyncio.to_thread(hub.decision)
        async with httpx2.AsyncClient(base_url=hub.url, timeout=60) as http:
            await _decide(http, people[0], body, asked)
            await _latencies(endpoints, asked, wanted=_ENDPOINTS - 2)  # the worker is there now
            asked.clear()
            endpoints.calls.clear()
            every_s = _ENDPOINTS / rate
            begun = time.perf_counter()
            tasks: list[asyncio.Task[None]] = []
            for number in range(int(seconds / every_s)):
                await asyncio.sleep(begun + number * every_s - time.perf_counter())
                person = people[number % len(people)]
                tasks.append(asyncio.create_task(_decide(http, person, body, asked)))
            await asyncio.gather(*tasks)
        latencies = await _latencies(endpoints, asked, wanted=len(asked) * (_ENDPOINTS - 2))
    quantiles = statistics.quantiles(latencies, n=100)
    return {
        "deliveries_per_second": round(len(latencies) / seconds),
        "delivered": f"{len(latencies)} of {len(asked) * (_ENDPOINTS - 2)}",
        "delivered_ms_median": round(1_000 * quantiles[49]),
        "delivered_ms_p99": round(1_000 * quantiles[98]),
    }


async def _decide(
    http: httpx2.AsyncClient,
    person: dict[str, str],
    body: dict[str, Any],
    asked: dict[str, float],
) -> None:
    begun = time.perf_counter()
    answer = await http.post("/v1/decisions", json=body, headers={**person, **fresh_key()})
    asked[answer.json()["decision"]] = begun


async def _latencies(endpoints: Endpoints, asked: dict[str, float], *, wanted: int) -> list[float]:
    """How long each delivery took, of all that came within half a minute."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            while sum(each.path.startswith("/ok") for each in endpoints.calls) < wanted:
                endpoints.came.clear()
                await endpoints.came.wait()
    found: list[float] = []
    for call in endpoints.calls:
        if call.path.startswith("/ok"):
            decisions = msgspec.json.decode(call.body)["data"].get("decisions", [])
            found += [call.at_s - asked[each["decision"]] for each in decisions]
    return found


@contextlib.asynccontextmanager
async def _office(settings: Settings, urls: DatabaseUrls) -> AsyncGenerator[Office]:
    opened, owner = open_context(settings), Database(urls.owner)
    yield Office(
        database=owner, master=opened.context.keyring.master, randomness=opened.context.randomness
    )
    await owner.close()
    await opened.close()


if __name__ == "__main__":
    sys.exit(main())
