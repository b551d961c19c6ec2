"""``python -m tests.bench.verify_online``: ``/v1/verify`` beside a bare route of the same bodies.

One web process, answered from memory: tokens never seen before, tokens seen before, bad tokens.
Rounds are interleaved, and ratios are medians of the rounds' own.  A client in Python may be what
limits the fast ones; the processor time of an answer in the web process says it then.
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import secrets
import shutil
import statistics
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import msgspec
import uvloop
from tests.bench.client import Load, Measured, measure
from tests.bench.loads import request_bytes
from tests.bench.serving import bare_route, migrated
from tests.web.hub import Hub, running_hub, running_portal

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.keyring import loading
from consentid.tokens import consent, jws
from consentid.tokens.consent import ConsentClaims

_WARM_UP_S = 0.3
_SETTINGS = {"CONSENTID_LOG_LEVEL": "warning", "CONSENTID_TRUSTED_PROXIES": "127.0.0.1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    """Signs tokens that differ from one that the hub issued in their reference alone."""

    claims: dict[str, Any]
    keys: Path

    def tokens(self) -> Iterator[str]:
        key = loading.load(self.keys).active("consent")
        first = msgspec.convert(self.claims, ConsentClaims)
        while True:
            claims = msgspec.structs.replace(first, jti=secrets.token_urlsafe(16))
            signing_input = consent.unsigned(claims, key.kid)
            yield jws.assemble(signing_input, key.sign(signing_input))


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.verify_online")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    rounds, seconds, connections = int(given.rounds), float(given.seconds), int(given.connections)
    fresh = int((_WARM_UP_S + seconds) * rounds * 16_000)
    with _running(fresh) as (bare, loads):
        turns = uvloop.run(
            _measure(bare, loads, rounds=rounds, seconds=seconds, connections=connections)
        )
    results = [_told(name, measured) for name, measured in turns.items()]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if given.json:
        told = {"machine": machine, "connections": connections, "results": results}
        print(json.dumps(told, indent=2))  # noqa: T201 a command speaks by printing
        return 0
    for one in results:
        print(  # noqa: T201 as above
            f"{one['name']:28}{one['per_second']:10,.0f}{one['bare_per_second']:10,.0f}"
            f"  ratio {one['ratio']:.3f}  by CPU {one['cpu_ratio']:.3f}"
            f"  CPU {one['cpu_ms']:.3f} ms, bare {one['bare_cpu_ms']:.3f} ms"
            f"  p99 {one['p99_ms']:.2f} ms, bare {one['bare_p99_ms']:.2f} ms"
            f"  client {one['client_busy']:.0%}"
        )
    print(f"{machine}; {connections} connections; {rounds} rounds of {seconds} s; medians.")  # noqa: T201 as above
    return 0


@contextlib.contextmanager
def _running(fresh: int) -> Generator[tuple[Load, list[Load]]]:
    with running_for_tokens() as (hub, mint), bare_route() as (port, pid):
        yield _loads(hub, mint, port, pid, fresh)


@contextlib.contextmanager
def running_for_tokens() -> Generator[tuple[Hub, Mint]]:
    """A hub, and who signs tokens that it has never seen."""
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres") as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
            running_hub(
                folder,
                uvloop.run(migrated(postgres)),
                portal,
                valkey_url=valkey.url,
                settings=_SETTINGS,
            ) as hub,
        ):
            token = hub.decide(hub.sign_in())["consent_token"]
            claims = jwt.decode(token, options={"verify_signature": False})
            yield hub, Mint(claims=claims, keys=folder / "keys")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _loads(hub: Hub, mint: Mint, port: int, pid: int, fresh: int) -> tuple[Load, list[Load]]:
    hub_port = urlsplit(hub.url).port
    assert hub_port is not None
    headers = {"Content-Type": "application/json", **hub.client_token()}

    def ask(token: str, path: str = "/v1/verify") -> bytes:
        body = msgspec.json.encode({"token": token})
        return request_bytes(path, body, number=0, **headers)

    minted = mint.tokens()
    seen = itertools.cycle([ask(next(minted)) for _ in range(1_000)])
    begun = time.monotonic()
    never = iter([ask(next(minted)) for _ in range(fresh)])
    print(f"{fresh} tokens signed in {time.monotonic() - begun:.0f} s", file=sys.stderr)  # noqa: T201 as above
    forged = itertools.cycle([ask(_forged(next(minted))) for _ in range(5_000)])
    unsigned = itertools.cycle([ask("x.y.z"), ask(next(minted)[:-1])])
    bare = itertools.cycle([ask(next(minted), "/verify") for _ in range(1_000)])

    def load(name: str, requests: Iterator[bytes]) -> Load:
        return Load(
            name=name,
            port=hub_port,
            pid=hub.pid,
            status=200,
            next_request=lambda _: next(requests, None),
        )

    return Load(
        name="bare route", port=port, pid=pid, status=200, next_request=lambda _: next(bare)
    ), [
        load("never seen before", never),
        load("seen before", seen),
        load("bad signature", forged),
        load("bad form", unsigned),
    ]


def _forged(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


async def _measure(
    bare: Load, loads: list[Load], *, rounds: int, seconds: float, connections: int
) -> dict[str, list[tuple[Measured, Measured]]]:
    turns: dict[str, list[tuple[Measured, Measured]]] = {load.name: [] for load in loads}

    async def take_turn(load: Load) -> Measured:
        return await measure(load, connections=connections, seconds=seconds, warm_up=_WARM_UP_S)

    for _ in range(rounds):
        for load in loads:
            turns[load.name].append((await take_turn(bare), await take_turn(load)))
    return turns


def _told(name: str, turns: list[tuple[Measured, Measured]]) -> dict[str, Any]:
    median = statistics.median
    return {
        "name": name,
        "per_second": median(own.per_second for _, own in turns),
        "bare_per_second": median(bare.per_second for bare, _ in turns),
        "ratio": median(own.per_second / bare.per_second for bare, own in turns),
        "cpu_ratio": median(
            bare.cpu_ms / own.cpu_ms for bare, own in turns if bare.cpu_ms and own.cpu_ms
        ),
        "cpu_ms": median(own.cpu_ms or 0 for _, own in turns),
        "bare_cpu_ms": median(bare.cpu_ms or 0 for bare, _ in turns),
        "client_busy": median(own.client_busy for _, own in turns),
        "p99_ms": median(own.p99_ms for _, own in turns),
        "bare_p99_ms": median(bare.p99_ms for bare, _ in turns),
        "p99_ratio": median(own.p99_ms / bare.p99_ms for bare, own in turns),
    }


if __name__ == "__main__":
    sys.exit(main())
