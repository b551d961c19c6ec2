"""``python -m tests.bench.day``: a day in the life of a group, on two web processes and a worker.

``--people`` were there before; then ``--rate`` visits a second come for ``--minutes``, in the
proportions that ``proportions`` states, and televisions and readers of the feed beside them.  Told
is, of every kind of request: how many a second, p50, p95, p99 and the slowest, timed from the
moment at which it was due, and what went wrong; how soon every node said no after a withdrawal;
what each process held and took; what the database takes of a person, a decision and so on, and
writes to its log; and what follows for a larger group.  ``--json`` tells it to programs, ``--out
FILE`` both; ``--of FILE`` measures nothing, and tells what such a file holds.

Clients, nodes, worker, PostgreSQL and Valkey share the machine, and the load average is told before
and after.  Nothing is asserted about time; it ends with 1 where a request failed.
"""

import argparse
import json
import os
import platform
import random
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import uvloop
from tests.bench.day import telling
from tests.bench.day.extrapolating import Assumed, extrapolate
from tests.bench.day.measuring import Given, measure

_GROUPS: Final = (1_000_000, 10_000_000, 50_000_000)


def main() -> int:
    """Run it, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.day", description=__doc__)
    parser.add_argument("--people", type=int, default=3_000)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=50.0, help="visits a second")
    parser.add_argument("--seed", type=int, default=1, help="of all that is left to chance")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--out", type=Path, help="write the JSON there, beside the tables")
    parser.add_argument("--of", type=Path, help="tell what such a file holds, and measure nothing")
    parser.add_argument("--group", type=int, action="append", help="people to reckon for")
    for name, value in asdict(Assumed()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=value)
    given = parser.parse_args()
    told = _measured(given) if given.of is None else json.loads(given.of.read_bytes())
    assumed = Assumed(**{name: getattr(given, name) for name in asdict(Assumed())})
    told["assumed"] = asdict(assumed)
    told["groups"] = [extrapolate(told, each, assumed) for each in given.group or _GROUPS]
    encoded = json.dumps(told, indent=2)
    if given.out is not None:
        given.out.write_text(encoded + "\n")
    print(encoded if given.json else telling.text_of(told))  # noqa: T201 a command speaks
    return 1 if told["failed"] else 0


def _measured(given: argparse.Namespace) -> dict[str, Any]:
    load = os.getloadavg()
    asked = Given(
        people=int(given.people),
        seconds=float(given.minutes) * 60,
        rate=float(given.rate),
        draw=random.Random(given.seed),  # noqa: S311 a bench's dice
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    told = uvloop.run(measure(asked))
    told["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}"
    told["load_average_before_and_after"] = [round(load[0], 1), round(os.getloadavg()[0], 1)]
    return told


if __name__ == "__main__":
    sys.exit(main())
