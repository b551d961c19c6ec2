"""``python -m tests.faults``: what is promised, while everything goes wrong that can.

A whole deployment runs as real processes; clients decide, withdraw and verify without a pause, and
keep what they were told.  One kind of fault after another is done to it, ``--rounds`` times each,
or for ``--minutes``; then what clients know is held against the API, the database and the ledger.
Told are a table, each promise with its statistics and, with ``--json``, the same for programs; of a
promise that was broken, the acts that show it.  ``--history FOLDER`` keeps every act.

Some need what a machine may not have: clocks that jump want libfaketime (Debian's package of that
name, or ``CONSENTID_FAULTS_FAKETIME``), ``syncs`` strace, ``disk-filled`` the right to mount.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import platform
import random
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.faults import forked, statistics, syncs
from tests.faults.deployment import Deployment, deployed
from tests.faults.disks import small_disk
from tests.faults.runs import CLIENTS, SCENARIOS, Report, run, run_flushed, run_traced

from consentid.embedded.places import scratch_folder

_FLUSHES: Final = "flushes"
_SYNCS: Final = "syncs"
_OTHERS: Final = {_FLUSHES, _SYNCS}
_DISK_BYTES: Final = 400 * 2**20
_FAKETIME: Final = "usr/lib/*/faketime/libfaketimeMT.so.1"
_TOLD_EACH: Final = 25
_COLUMNS: Final = (
    *("rounds", "acknowledged", "retried", "repeated", "verified"),
    *("worst_staleness_ms", "seconds"),
)


def main() -> int:
    """Break everything, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of each kind of fault")
    parser.add_argument("--minutes", type=float, default=math.inf, help="at most, of each kind")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--history", type=Path, metavar="FOLDER", help="keep every act there")
    parser.add_argument(
        "--only", action="append", choices=[*SCENARIOS, *sorted(_OTHERS)], metavar="NAME"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is left to chance")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    given = parser.parse_args()
    wanted = given.only or [*SCENARIOS, *sorted(_OTHERS)]
    left_out: list[str] = []
    if given.history is not None:
        given.history.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        rounds=int(given.rounds),
        seconds=float(given.minutes) * 60,
        clients=int(given.clients),
        kept=given.history,
        draw=random.Random(given.seed),  # noqa: S311 a test's dice
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    reports = asyncio.run(_run_all(wanted, plan, left_out))
    is_kept = not any(each.violations for each in reports)
    if given.json:
        print(json.dumps(_document(reports, left_out), indent=2))  # noqa: T201 a command speaks
    else:
        _tell(reports, left_out)
    return 0 if is_kept and (reports or left_out) else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of each kind."""

    rounds: int
    seconds: float
    clients: int
    kept: Path | None
    draw: random.Random

    async def carry_out(self, deployment: Deployment, name: str) -> Report:
        _say(f"{name}, {self.rounds} times ...")
        return await run(
            deployment,
            name,
            SCENARIOS[name],
            rounds=self.rounds,
            draw=self.draw,
            clients=self.clients,
            seconds=self.seconds,
            heard=lambda number: _say(f"{name}: {number}") if number % _TOLD_EACH == 0 else None,
            kept=self.kept,
        )


async def _run_all(wanted: Sequence[str], plan: Plan, left_out: list[str]) -> list[Report]:
    done: list[Report] = []
    plain = [name for name in wanted if name not in _OTHERS and not SCENARIOS[name].needs]
    why_not = await syncs.why_not() if _SYNCS in wanted else None
    is_traced = _SYNCS in wanted and why_not is None
    if plain or is_traced or _FLUSHES in wanted:
        async with _deployed() as deployment:
            done += [await plan.carry_out(deployment, name) for name in plain]
            if _FLUSHES in wanted:
                _say("flushes ...")
                done.append(await run_flushed(deployment, rounds=plan.rounds, draw=plan.draw))
            if is_traced:
                _say("syncs ...")
                done.append(await run_traced(deployment, rounds=plan.rounds, draw=plan.draw))
    if _SYNCS in wanted and not is_traced:
        left_out.append(f"syncs: {why_not}")
    for name in wanted:
        needs = "" if name in _OTHERS else SCENARIOS[name].needs
        if not needs:
            continue
        library = next(_faketimes(), None)
        if needs == "clock" and library is None:
            left_out.append(f"{name}: no libfaketime here")
            continue
        with small_disk(_DISK_BYTES) if needs == "disk" else contextlib.nullcontext(None) as disk:
            if needs == "disk" and disk is None:
                left_out.append(f"{name}: nothing can be mounted here")
                continue
            async with _deployed(disk=disk, faketime=library if needs == "clock" else None) as own:
                done.append(await plan.carry_out(own, name))
    return done


@contextlib.asynccontextmanager
async def _deployed(
    *, disk: Path | None = None, faketime: Path | None = None
) -> AsyncGenerator[Deployment]:
    folder = scratch_folder()
    try:
        # libfaketime has to be there when a process is made.
        nursery = forked.nursery() if faketime is None else None
        async with deployed(folder, disk=disk, faketime=faketime, nursery=nursery) as deployment:
            yield deployment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _faketimes() -> Iterator[Path]:
    if named := os.environ.get("CONSENTID_FAULTS_FAKETIME"):
        yield Path(named)
    yield from Path("/").glob(_FAKETIME)


def _document(reports: Sequence[Report], left_out: Sequence[str]) -> dict[str, object]:
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "promises": [asdict(each) for each in statistics.promises_of(reports)],
        "runs": [asdict(each) for each in reports],
        "left_out": list(left_out),
    }


def _tell(reports: Sequence[Report], left_out: Sequence[str]) -> None:
    rows = [["", *(name.replace("_", " ") for name in _COLUMNS), "kept"]]
    for each in reports:
        told = [f"{getattr(each, name):,}" for name in _COLUMNS]
        rows.append([each.name, *told, "NO" if each.violations else "yes"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = (text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join([first, *rest]))  # noqa: T201 a command speaks by printing
    print()  # noqa: T201 as above
    for each in statistics.promises_of(reports):
        print(each)  # noqa: T201 as above
    for line in left_out:
        print(f"left out: {line}")  # noqa: T201 as above
    violations = [found for each in reports for found in each.violations]
    if violations:
        print(f"\n{len(violations)} times a promise was broken. The first:\n{violations[0]}")  # noqa: T201 as above


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 a command speaks by printing


if __name__ == "__main__":
    sys.exit(main())
