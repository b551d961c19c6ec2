"""``python -m tests.bench.staleness``: how long after a withdrawal anybody still says yes.

Two web nodes and a worker share one database.  People withdraw at one node; from the moment they
are told so, the other is asked again and again, while it also serves a load, until it says no.  The
same with ``at_least``, where no stale yes may ever come; and with an offline verifier in strict
mode, which has to see it within 5 s of publication and 60 s of fetching.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import multiprocessing
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast, final
from urllib.parse import urlsplit

import httpx2
import msgspec
import uvloop
from tests.bench.client import Load, measure
from tests.bench.loads import request_bytes
from tests.bench.serving import migrated
from tests.web.hub import Hub, fresh_key, running_hub, running_portal

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.verify import Active, LocalhostTransport, Verifier

_NEWS = "https://news.halcyon.example"
_ALL = {"reach": "group", "all": True}
_LOAD_CONNECTIONS = 4
_PATIENCE_S = 120.0


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.staleness")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--offline", type=int, default=4, help="rounds of the offline verifier")
    given = parser.parse_args()
    rounds, offline = int(given.rounds), int(given.offline)
    with _running() as (hub, other):
        loaded = _Loaded(hub, other)
        with loaded:
            online = [_withdraw_and_ask(hub, other) for _ in range(rounds)]
            stale = sum(_is_stale_at_least(hub, other) for _ in range(rounds // 3))
        strict = [_withdraw_and_verify(hub) for _ in range(offline)]
    told = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "online_ms": _percentiles([each * 1_000 for each in online]),
        "stale_with_at_least": stale,
        "offline_strict_s": _percentiles(strict) if strict else None,
    }
    if given.json:
        print(json.dumps(told, indent=2))  # noqa: T201 a command speaks by printing
    else:
        for name, value in told.items():
            print(f"{name:22}{value}")  # noqa: T201 as above
    return 1 if stale else 0


def _withdraw_and_ask(hub: Hub, other: httpx2.Client) -> float:
    """Seconds from the acknowledged withdrawal to the other node's first no."""
    subject = hub.sign_in()
    token = hub.decide(subject)["consent_token"]
    client = hub.client_token()
    deadline = time.monotonic() + 10
    while not _is_active(other, token, client):
        assert time.monotonic() < deadline, "never active"
    _withdraw(hub, subject)
    begun = time.monotonic()
    while _is_active(other, token, client):
        assert time.monotonic() < begun + _PATIENCE_S, "never inactive"
    return time.monotonic() - begun


def _is_stale_at_least(hub: Hub, other: httpx2.Client) -> bool:
    subject = hub.sign_in()
    token = hub.decide(subject)["consent_token"]
    client = hub.client_token()
    _is_active(other, token, client)
    consistency = _withdraw(hub, subject)["consistency"]
    return _is_active(other, token, client, at_least=consistency)


def _withdraw_and_verify(hub: Hub) -> float:
    """Seconds from the acknowledged withdrawal to a strict offline verifier's first no."""
    subject = hub.sign_in()
    token = hub.decide(subject)["consent_token"]
    issuer = json.loads(hub.http.get("/.well-known/openid-configuration").text)["issuer"]
    with Verifier(
        issuer=issuer, audience=_NEWS, strict=True, transport=LocalhostTransport()
    ) as verifier:
        assert isinstance(verifier.verify(token), Active), verifier.verify(token)
        _withdraw(hub, subject)
        begun = time.monotonic()
        while isinstance(verifier.verify(token), Active):
            assert time.monotonic() < begun + _PATIENCE_S, "never inactive"
            time.sleep(0.02)
        return time.monotonic() - begun


def _withdraw(hub: Hub, subject: dict[str, str]) -> dict[str, Any]:
    answer = hub.http.post("/v1/withdrawals", json=_ALL, headers={**subject, **fresh_key()})
    assert answer.status_code == 201, answer.text
    return cast("dict[str, Any]", answer.json())


def _is_active(http: httpx2.Client, token: str, client: dict[str, str], **more: str) -> bool:
    answer = http.post("/v1/verify", json={"token": token, **more}, headers=client)
    assert answer.status_code in {200, 503}, answer.text
    return answer.is_success and answer.json()["active"] is True


@final
class _Loaded:
    """A block during which another process keeps asking the second node."""

    def __init__(self, hub: Hub, other: httpx2.Client) -> None:
        token = hub.decide(hub.sign_in())["consent_token"]
        body = msgspec.json.encode({"token": token})
        headers = {"Content-Type": "application/json", **hub.client_token()}
        port = urlsplit(str(other.base_url)).port
        assert port is not None
        asked = request_bytes("/v1/verify", body, number=0, **headers)
        self._process = multiprocessing.get_context("spawn").Process(
            target=_load, args=(port, asked), daemon=True
        )

    def __enter__(self) -> None:
        self._process.start()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def _load(port: int, asked: bytes) -> None:
    requests = itertools.repeat(asked)
    load = Load(name="load", port=port, pid=0, status=200, next_request=lambda _: next(requests))
    with contextlib.suppress(ConnectionError, AssertionError):
        uvloop.run(measure(load, connections=_LOAD_CONNECTIONS, seconds=10_000, warm_up=0.1))


@contextlib.contextmanager
def _running() -> Generator[tuple[Hub, httpx2.Client]]:
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres") as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
        ):
            urls = asyncio.run(migrated(postgres))
            settings = {"CONSENTID_LOG_LEVEL": "warning"}
            with (
                running_hub(folder, urls, portal, valkey_url=valkey.url, settings=settings) as hub,
                _process(folder, urls, valkey.url, "worker"),
                _second_node(folder, urls, valkey.url) as other,
            ):
                yield hub, other
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _second_node(folder: Path, urls: DatabaseUrls, valkey_url: str) -> Generator[httpx2.Client]:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fd = listening.fileno()
        with (
            _process(folder, urls, valkey_url, "serve", "--fd", str(fd), fd=fd),
            httpx2.Client(
                base_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
                timeout=30,
                trust_env=False,
            ) as http,
        ):
            while not http.get("/health/ready").is_success:
                continue
            yield http


@contextlib.contextmanager
def _process(
    folder: Path, urls: DatabaseUrls, valkey_url: str, *command: str, fd: int | None = None
) -> Generator[None]:
    environ = {name: value for name, value in os.environ.items() if "CONSENTID_" not in name}
    environ |= {
        "CONSENTID_DATABASE_URL": urls.serving,
        "CONSENTID_VALKEY_URL": valkey_url,
        "CONSENTID_KEYS_DIR": str(folder / "keys"),
        "CONSENTID_LOCALHOST_HOSTS": "true",
        "CONSENTID_LOG_LEVEL": "warning",
    }
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "consentid", *command],
        env=environ,
        pass_fds=[] if fd is None else [fd],
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    return {
        "rounds": len(ordered),
        "median": round(statistics.median(ordered), 2),
        "p90": at(0.9),
        "p99": at(0.99),
        "most": round(ordered[-1], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
