"""``python -m tests.bench.known_or_not``: whether time tells what an answer does not.

Pairs of requests that are answered alike: one carries something that exists and is not the
caller's, the other something made up; of each kind that ``test_swapped_identifiers`` knows, and
clients with a wrong secret.  They go over one connection in an order of chance.  Told is
how often the first took longer (one half: nobody can tell), how far from that chance alone would
take it in 99 of 100 runs, and the medians.  Nothing is asserted.  What is compared cannot be
guessed, but for client ids, which are no secret.
"""

import argparse
import contextlib
import json
import math
import os
import platform
import random
import secrets
import shutil
import statistics
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Final

import httpx2
from tests.bench.serving import migrated
from tests.conftest import run_apart
from tests.web.hub import Hub, running_hub, running_portal
from tests.web.test_swapped_identifiers import CASES, Case, make_world

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey

_SETTINGS: Final = {"CONSENTID_LOG_LEVEL": "warning", "CONSENTID_TRUSTED_PROXIES": "127.0.0.1"}
_WARM_UP: Final = 20
_99_OF_100: Final = 2.576
Ask = Callable[[dict[str, str]], httpx2.Response]


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.known_or_not")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=500, help="of each of a pair")
    given = parser.parse_args()
    draw = random.Random(7)  # noqa: S311 a bench's dice
    with _running() as hub:
        results = [
            {"pair": name, **_compare(known, made_up, int(given.rounds), draw)}
            for name, (known, made_up) in _pairs(hub).items()
        ]
    if given.json:
        machine = f"{platform.machine()}, {os.cpu_count()} cores"
        load = [round(each, 1) for each in os.getloadavg()]
        told = {"machine": machine, "load_average": load, "results": results}
        print(json.dumps(told, indent=2))  # noqa: T201 a command speaks by printing
    else:
        for each in results:
            print("  ".join(f"{name} {value}" for name, value in each.items()))  # noqa: T201 as above
    return 0


def _pairs(hub: Hub) -> Mapping[str, tuple[Ask, Ask]]:
    wrong = secrets.token_urlsafe(32)
    world = make_world(hub)

    def as_client(path: str, client: str, **fields: str) -> Ask:
        auth = httpx2.BasicAuth(client, wrong)
        return lambda headers: hub.http.post(path, data=fields, auth=auth, headers=headers)

    def use(case: Case, id_: str) -> Ask:
        return lambda headers: case.use(hub, id_, "shop-web", {**world.stranger, **headers})

    clients = {
        path: (as_client(path, "news-web", **fields), as_client(path, "nows-web", **fields))
        for path, fields in (
            ("/token", {"grant_type": "client_credentials"}),
            ("/introspect", {"token": wrong}),
            ("/device_authorization", {"scope": "openid"}),
        )
    }
    held = {
        name: (use(case, world.held[name]), use(case, _made_up(world.held[name])))
        for name, case in CASES.items()
    }
    return {f"client at {path}": pair for path, pair in clients.items()} | held


def _made_up(held: str) -> str:
    """Of the same form and length, so that nothing else differs."""
    return "a.b.c" if "." in held else secrets.token_urlsafe(len(held))[: len(held)]


def _compare(known: Ask, made_up: Ask, rounds: int, draw: random.Random) -> dict[str, object]:
    took: dict[Ask, list[float]] = {known: [], made_up: []}
    order = [known, made_up] * rounds
    draw.shuffle(order)
    alike = {_told(known(_from(draw))), _told(made_up(_from(draw)))}
    for ask in [known, made_up] * _WARM_UP:
        ask(_from(draw))
    for ask in order:
        headers = _from(draw)
        begun = time.perf_counter()
        ask(headers)
        took[ask].append(time.perf_counter() - begun)
    medians = [statistics.median(took[each]) * 1e6 for each in (known, made_up)]
    return {
        "answers_alike": len(alike) == 1,
        "known_slower": round(_share(took[known], took[made_up]), 3),
        "by_chance": round(_99_OF_100 * math.sqrt((2 * rounds + 1) / (12 * rounds * rounds)), 3),
        "median_known_us": round(medians[0]),
        "median_made_up_us": round(medians[1]),
    }


def _told(answer: httpx2.Response) -> tuple[int, bytes]:
    return answer.status_code, answer.content


def _from(draw: random.Random) -> dict[str, str]:
    """One of many callers: failures of one are limited."""
    return {"X-Forwarded-For": f"198.18.{draw.randrange(256)}.{draw.randrange(1, 255)}"}


def _share(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How often one of ours is larger than one of theirs, ties half (Mann and Whitney)."""
    ordered = sorted(theirs)
    won = sum(bisect_left(ordered, each) + bisect_right(ordered, each) for each in ours)
    return won / (2 * len(ours) * len(theirs))


@contextlib.contextmanager
def _running() -> Generator[Hub]:
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
            running_hub(
                folder,
                run_apart(migrated(postgres)),
                portal,
                valkey_url=valkey.url,
                settings=_SETTINGS,
            ) as hub,
        ):
            yield hub
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
