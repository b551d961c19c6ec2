"""``python -m tests.faults``: what is promised, while everything goes wrong that can.

A whole deployment runs as real processes; clients decide, withdraw and verify without a pause, and
keep what they were told.  One kind of fault after another is done to it, ``--rounds`` times each;
then what clients know is held against the API, the database and the ledger.  Told are a table and,
with ``--json``, the same for programs; of a promise that was broken, the acts that show it.

Two need what a machine may not have: ``clock-jumped`` wants libfaketime (Debian's package of that
name, or ``CONSENTID_FAULTS_FAKETIME``), ``syncs`` strace, ``disk-filled`` the right to mount.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.faults import syncs
from tests.faults.deployment import Deployment, deployed
from tests.faults.runs import SCENARIOS, Report, run, run_traced

from consentid.embedded.places import ENTERABLE, scratch_folder

_SYNCS: Final = "syncs"
_DISK_BYTES: Final = 400 * 2**20
_FAKETIME: Final = "usr/lib/*/faketime/libfaketimeMT.so.1"
_COLUMNS: Final = (
    *("rounds", "acknowledged", "retried", "repeated", "verified"),
    *("worst_staleness_ms", "seconds"),
)


def main() -> int:
    """Break everything, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of each kind of fault")
    parser.add_argument("--only", action="append", choices=[*SCENARIOS, _SYNCS], metavar="NAME")
    parser.add_argument("--seed", type=int, default=0, help="of all that is left to chance")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    given = parser.parse_args()
    wanted = given.only or [*SCENARIOS, _SYNCS]
    left_out: list[str] = []
    draw = random.Random(given.seed)  # noqa: S311 a test's dice
    reports = asyncio.run(_run_all(wanted, int(given.rounds), draw, left_out))
    is_kept = not any(each.violations for each in reports)
    if given.json:
        print(json.dumps(_document(reports, left_out), indent=2))  # noqa: T201 a command speaks
    else:
        _tell(reports, left_out)
    return 0 if is_kept and reports else 1


async def _run_all(
    wanted: Sequence[str], rounds: int, draw: random.Random, left_out: list[str]
) -> list[Report]:
    done: list[Report] = []
    plain = [name for name in wanted if name != _SYNCS and not SCENARIOS[name].needs]
    is_traced = _SYNCS in wanted and syncs.STRACE is not None
    if plain or is_traced:
        async with _deployed() as deployment:
            for name in plain:
                _say(f"{name}, {rounds} times ...")
                done.append(await run(deployment, name, SCENARIOS[name], rounds=rounds, draw=draw))
            if is_traced:
                _say("syncs ...")
                done.append(await run_traced(deployment, rounds=rounds, draw=draw))
    if _SYNCS in wanted and not is_traced:
        left_out.append("syncs: no strace here")
    for name in wanted:
        needs = "" if name == _SYNCS else SCENARIOS[name].needs
        if not needs:
            continue
        library = next(_faketimes(), None)
        if needs == "clock" and library is None:
            left_out.append(f"{name}: no libfaketime here")
            continue
        with _small_disk() if needs == "disk" else contextlib.nullcontext(None) as disk:
            if needs == "disk" and disk is None:
                left_out.append(f"{name}: nothing can be mounted here")
                continue
            _say(f"{name}, {rounds} times ...")
            async with _deployed(disk=disk, faketime=library if needs == "clock" else None) as own:
                done.append(await run(own, name, SCENARIOS[name], rounds=rounds, draw=draw))
    return done


@contextlib.asynccontextmanager
async def _deployed(
    *, disk: Path | None = None, faketime: Path | None = None
) -> AsyncGenerator[Deployment]:
    folder = scratch_folder()
    try:
        async with deployed(folder, disk=disk, faketime=faketime) as deployment:
            yield deployment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _small_disk() -> Generator[Path | None]:
    """A disk of its own that is soon full; None where we may not mount one."""
    folder = Path(tempfile.mkdtemp(prefix="consentid-disk-", dir="/var/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)]
    is_mounted = shutil.which("mount") is not None and (
        subprocess.run(mount, check=False, capture_output=True).returncode == 0  # noqa: S603 fixed
    )
    try:
        folder.chmod(ENTERABLE)
        yield folder if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607 the system's
        folder.rmdir()


def _faketimes() -> Iterator[Path]:
    if named := os.environ.get("CONSENTID_FAULTS_FAKETIME"):
        yield Path(named)
    yield from Path("/").glob(_FAKETIME)


def _document(reports: Sequence[Report], left_out: Sequence[str]) -> dict[str, object]:
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "promises": {
            "no acknowledged decision lost": _kept(reports, "lost"),
            "none doubled": _kept(reports, "doubled"),
            "no stale yes": _kept(reports, "stale"),
        },
        "runs": [asdict(each) for each in reports],
        "left_out": list(left_out),
    }


def _kept(reports: Sequence[Report], word: str) -> bool:
    return not any(word in found.promise for each in reports for found in each.violations)


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
    for line in left_out:
        print(f"left out: {line}")  # noqa: T201 as above
    violations = [found for each in reports for found in each.violations]
    if violations:
        print(f"\n{len(violations)} times a promise was broken. The first:\n{violations[0]}")  # noqa: T201 as above


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 a command speaks by printing


if __name__ == "__main__":
    sys.exit(main())
