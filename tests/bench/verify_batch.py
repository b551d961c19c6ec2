"""``python -m tests.bench.verify_batch``: 500 tokens a call, beside the raw signature check.

No token was seen before, one call is under way at a time, and one core judges.  The raw check is
``cryptography``'s alone, its inputs taken apart before, of tokens of the same hub, on a core of its
own in the same round.  Then the same again while somebody else asks for the hub's health all the
while, one request after the other: how long they wait, and what their answers take from the tokens.
"""

import argparse
import asyncio
import itertools
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from tests.bench.client import Load, Measured, measure
from tests.bench.loads import request_bytes
from tests.bench.verify_online import Mint, running_for_tokens
from tests.web.hub import Hub

from consentid.flows.verify_batch import MAX_BATCH
from consentid.keyring import loading
from consentid.kit import base64url
from consentid.tokens import jws

_WARM_UP_S = 0.2
_RAW = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    raw_per_second: float
    alone: Measured
    beside: Measured
    """While others ask."""
    others: Measured
    others_quiet: Measured

    def ratio(self, own: Measured) -> float:
        return own.per_second * MAX_BATCH / self.raw_per_second


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.verify_batch", description=__doc__)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    given = parser.parse_args()
    rounds, seconds = int(given.rounds), float(given.seconds)
    calls = int((_WARM_UP_S + seconds) * rounds * 120) + rounds
    measured: list[_Round] = []
    with running_for_tokens() as (hub, mint):
        batches, idle = _batches(hub, mint, calls), _health(hub)
        tokens = list(itertools.islice(mint.tokens(), _RAW))
        ring = loading.load(mint.keys)
        public = ring.verifying_keys()[ring.active("consent").kid]
        for _ in range(rounds):
            raw = _raw_per_second(tokens, public)
            quiet = uvloop.run(_ask([idle], seconds))[0]
            alone = uvloop.run(_ask([batches], seconds))[0]
            beside, others = uvloop.run(_ask([batches, idle], seconds))
            measured.append(
                _Round(
                    raw_per_second=raw,
                    alone=alone,
                    beside=beside,
                    others=others,
                    others_quiet=quiet,
                )
            )
    if not all(each.alone.per_second and each.beside.per_second for each in measured):
        sys.exit("no batch was answered within a turn: give it more --seconds")
    told = _told(measured)
    told["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    lines = [f"{name:28}{value}" for name, value in told.items()]
    print(json.dumps(told, indent=2) if given.json else "\n".join(lines))  # noqa: T201 a command speaks by printing
    return 0


def _told(measured: list[_Round]) -> dict[str, Any]:
    def median(of: Callable[[_Round], float], digits: int) -> float:
        return round(statistics.median(map(of, measured)), digits)

    return {
        "tokens_per_second": median(lambda each: each.alone.per_second * MAX_BATCH, 0),
        "raw_per_second": median(lambda each: each.raw_per_second, 0),
        "ratio": median(lambda each: each.ratio(each.alone), 3),
        "ratio_beside_others": median(lambda each: each.ratio(each.beside), 3),
        "cpu_us_of_a_token": median(lambda each: (each.alone.cpu_ms or 0.0) * 1_000 / MAX_BATCH, 1),
        "raw_us": median(lambda each: 1e6 / each.raw_per_second, 1),
        "others_p99_ms": median(lambda each: each.others.p99_ms, 2),
        "others_p99_ms_quiet": median(lambda each: each.others_quiet.p99_ms, 2),
    }


def _raw_per_second(tokens: list[str], key: EllipticCurvePublicKey) -> float:
    es256 = ECDSA(SHA256())
    parts: list[tuple[bytes, bytes]] = []
    for token in tokens:
        signing_input, _, signature = token.rpartition(".")
        der = jws.to_der(base64url.decode(signature))
        assert der is not None
        parts.append((der, signing_input.encode()))
    begun = time.perf_counter()
    for der, signing_input in parts:
        key.verify(der, signing_input, es256)
    return len(parts) / (time.perf_counter() - begun)


async def _ask(loads: list[Load], seconds: float) -> list[Measured]:
    return list(
        await asyncio.gather(
            *(measure(load, connections=1, seconds=seconds, warm_up=_WARM_UP_S) for load in loads)
        )
    )


def _batches(hub: Hub, mint: Mint, calls: int) -> Load:
    headers = {"Content-Type": "application/json", **hub.client_token()}
    tokens = mint.tokens()

    def requests() -> Iterator[bytes]:
        for _ in range(calls):
            asked = [{"token": token} for token in itertools.islice(tokens, MAX_BATCH)]
            body = msgspec.json.encode(asked)
            yield request_bytes("/v1/verify/batch", body, number=0, **headers)

    begun = time.monotonic()
    ready = iter(list(requests()))
    told = f"{calls * MAX_BATCH} tokens signed in {time.monotonic() - begun:.0f} s"
    print(told, file=sys.stderr)  # noqa: T201 a command speaks by printing
    return Load(
        name="batch of 500",
        port=urlsplit(hub.url).port or 0,
        pid=hub.pid,
        status=200,
        next_request=lambda _: next(ready, None),
    )


def _health(hub: Hub) -> Load:
    asked = request_bytes("/health/live", number=1)
    return Load(
        name="others",
        port=urlsplit(hub.url).port or 0,
        pid=hub.pid,
        status=200,
        next_request=lambda _: asked,
    )


if __name__ == "__main__":
    sys.exit(main())
