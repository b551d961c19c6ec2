"""``python -m tests.bench.record``: decisions over HTTP, beside pgbench and beside no database.

Each connection is one person, who changes their mind every time; every answer is durable and
carries a signed token.  pgbench sends the very statement that writes a decision, filled with rows
of the same sizes, one row and one commit at a time, over as many connections, to the same server.
A second web process has the database left out: what it does is what all the rest allows.
Rounds are interleaved, and a ratio is the median of the rounds' own.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import uvloop
from tests.bench.client import Load, Measured, measure
from tests.bench.loads import decisions_load
from tests.bench.serving import migrated
from tests.web.hub import REPOSITORY, Hub, running_hub, running_portal

from consentid.embedded.account import server_account
from consentid.embedded.binaries import postgres_binaries
from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.store.acts import TABLES, statement_text

_WARM_UP_S = 0.5
_SETTINGS = {"CONSENTID_LOG_LEVEL": "warning", "CONSENTID_TRUSTED_PROXIES": "127.0.0.1"}
_ROW = """
    SELECT d.subject_id, p.version, d.catalogue, d.client_id, d.assurance, d.channel, d.served,
      length(d.sealed) AS sealed, length(p.sealed) AS projection, length(e.leaf) AS leaf,
      s.audience, s.rev, length(s.sealed) AS saying, s.list_no, s.idx,
      n.notice_id, n.version AS notice_version, n.language, n.catalogue AS served_in,
      length(i.sealed_answer) AS answer, length(o.sealed) AS effects
    FROM decisions d JOIN projections p USING (subject_id) JOIN audience_states s USING (subject_id)
    JOIN staged_entries e ON e.event_id = d.id JOIN served_notices n ON n.id = d.served
    JOIN idempotency_keys i ON i.subject_id = d.subject_id
    JOIN outbox o ON o.event_id = d.id
    ORDER BY d.subject_id, d.recorded_at, i.created_at
"""
"""A decision and what it left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """pgbench, and the database that it is let loose on."""

    command: Sequence[str]

    def per_second(self, *, connections: int, seconds: int) -> float:
        told = subprocess.run(  # noqa: S603 our own program
            [*self.command, "-c", str(connections), "-T", str(seconds)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found = re.search(r"^tps = ([0-9.]+)", told, re.MULTILINE)
        assert found is not None, told
        return float(found[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One round: decisions, and what they are held against."""

    pgbench: float
    own: Measured
    left_out: Measured


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.record")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each turn")
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    rounds, seconds, connections = int(given.rounds), int(given.seconds), int(given.connections)
    turns: list[Turn] = []
    with _running(connections) as (load, left_out, rival):

        def take_turn(load: Load) -> Measured:
            return uvloop.run(
                measure(load, connections=connections, seconds=seconds, warm_up=_WARM_UP_S)
            )

        for _ in range(rounds):
            reached = rival.per_second(connections=connections, seconds=seconds)
            turns.append(Turn(pgbench=reached, own=take_turn(load), left_out=take_turn(left_out)))
    if not all(turn.own.per_second and turn.left_out.per_second for turn in turns):
        sys.exit("nothing was answered within a turn: give it more --seconds")
    told = _told(turns)
    told["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    told["connections"] = connections
    if given.json:
        print(json.dumps(told, indent=2))  # noqa: T201 a command speaks by printing
    else:
        for name, value in told.items():
            print(f"{name:24}{value}")  # noqa: T201 as above
    return 0


def _told(turns: Sequence[Turn]) -> dict[str, Any]:
    median = statistics.median
    return {
        "decisions_per_second": round(median(turn.own.per_second for turn in turns), 1),
        "pgbench_per_second": round(median(turn.pgbench for turn in turns), 1),
        "left_out_per_second": round(median(turn.left_out.per_second for turn in turns), 1),
        "ratio_to_pgbench": round(median(turn.own.per_second / turn.pgbench for turn in turns), 3),
        "ratio_to_left_out": round(
            median(turn.own.per_second / turn.left_out.per_second for turn in turns), 3
        ),
        "cpu_ms_of_an_answer": round(median(turn.own.cpu_ms or 0.0 for turn in turns), 2),
        "left_out_cpu_ms": round(median(turn.left_out.cpu_ms or 0.0 for turn in turns), 2),
        "client_busy": round(median(turn.own.client_busy for turn in turns), 2),
    }


@contextlib.contextmanager
def _running(connections: int) -> Generator[tuple[Load, Load, Rival]]:
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
        ):
            urls = asyncio.run(migrated(postgres))
            with (
                running_hub(folder, urls, portal, valkey_url=valkey.url, settings=_SETTINGS) as hub,
                _without_database(folder, urls.serving, valkey.url) as (port, pid),
            ):
                for _ in range(connections):
                    hub.decide()
                load = decisions_load(hub, connections=connections)
                left_out = decisions_load(hub, connections=connections)
                rival = _rival(hub, urls.serving, folder)
                yield load, replace(left_out, port=port, pid=pid), rival
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _without_database(folder: Path, database: str, valkey_url: str) -> Generator[tuple[int, int]]:
    environ = {name: value for name, value in os.environ.items() if "CONSENTID_" not in name}
    environ |= _SETTINGS | {
        "CONSENTID_DATABASE_URL": database,
        "CONSENTID_VALKEY_URL": valkey_url,
        "CONSENTID_KEYS_DIR": str(folder / "keys"),
        "CONSENTID_LOCALHOST_HOSTS": "true",
    }
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        process = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-m", "tests.bench.without_database", str(listening.fileno())],
            cwd=REPOSITORY,
            env=environ,
            pass_fds=[listening.fileno()],
        )
        try:
            yield listening.getsockname()[1], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _rival(hub: Hub, url: str, folder: Path) -> Rival:
    script = folder / "record.sql"
    script.write_text(_script(hub))
    where = urlsplit(url)
    return Rival(
        command=[
            str(postgres_binaries(server_account()) / "pgbench"),
            *("-n", "-M", "prepared", "-f", str(script)),
            *("-h", parse_qs(where.query)["host"][0], "-U", str(where.username)),
            where.path.lstrip("/"),
        ]
    )


def _script(hub: Hub) -> str:
    """The statement for one decision of the connection's own subject."""
    rows = hub.rows(_ROW)
    subjects = sorted({row.subject_id for row in rows})
    row = rows[0]
    whose = "".join(f"'{subject}'," for subject in subjects).rstrip(",")
    subject = f"(ARRAY[{whose}])[:client_id + 1]"
    fresh = "gen_random_uuid()"
    now = "clock_timestamp()"
    values: list[object] = [
        *(subject, row.version + 1, _bytes(row.projection)),
        *(fresh, subject, now, now, now, "false", row.catalogue, _text(row.client_id)),
        *(_text(row.assurance), _text(row.channel), _text(row.served), "NULL", "NULL"),
        *(_bytes(row.sealed), _bytes(32)),
        *(fresh, "'decision'", _bytes(row.leaf), now),
        *(fresh, "'consent'", subject, row.version + 1, _bytes(row.effects), now),
        *(_text(row.served), _text(row.client_id), _text(row.notice_id), row.notice_version),
        *(_text(row.language), _bytes(32), row.served_in, now),
        *(subject, _text(row.audience), row.rev + 1, _bytes(row.saying), row.list_no, row.idx),
        *(row.catalogue, "NULL", "NULL"),
        *(row.list_no, row.idx, now),
        *(_text(row.client_id), "'decisions'", "sha256(random()::text::bytea)", _bytes(32)),
        *(subject, _bytes(row.answer), now),
    ]
    given = iter(values)
    written = tuple(each for each in TABLES if each != "signals_seen")
    filled = re.sub(r"\$\d+::", lambda _: f"ARRAY[{next(given)}]::", statement_text(written))
    assert next(given, None) is None
    return " ".join(filled.split()) + ";\n"


def _text(value: str | UUID) -> str:
    return f"'{value}'"


def _bytes(size: int) -> str:
    return f"'\\x{secrets.token_hex(size)}'"


if __name__ == "__main__":
    sys.exit(main())
