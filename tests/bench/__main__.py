"""``python -m tests.bench``: every bench, one after the other, each beside what it is held against.

Told are a table and, with ``--json`` or ``--out FILE``, everything that each bench said.  ``--only
NAME`` (again for more) runs some, ``--quick`` runs each for a few seconds: good for finding out
whether something broke, too short for figures to quote.  Nothing is asserted about time; a bench
that cannot run here (no browser) says so and is left out.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the table."""

    bench: str
    what: str
    measured: str
    beside: str = ""
    """What it is held against, in the same run."""
    ratio: float | None = None
    goal: str = ""


Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A module of this package, how it is run for a moment only, and what to show of it."""

    lines: Callable[[Told], Iterable[tuple[str, str, str, float | None, str]]]
    """What, measured, beside, ratio, goal."""
    given: Sequence[str] = ()
    quick: Sequence[str] = ()


def _offline(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    by = {each["name"]: each for each in told["results"]}
    ours = by["consentid"]
    yield (
        "above the raw check",
        f"{ours['above_raw_us']:.1f} us",
        f"{by['raw ES256 check']['least_us']:.1f} us raw",
        None,
        "8 us (raw 50)",
    )
    for name, goal in (("PyJWT", "1.45"), ("joserfc", "1.2")):
        yield (
            f"times as fast as {name}",
            f"{ours['least_us']:.1f} us",
            f"{by[name]['least_us']:.1f} us",
            by[name]["ratio_to_ours"],
            goal,
        )


def _online(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    goals = {"never seen before": "0.85", "seen before": "1.5"}
    for each in told["results"]:
        what, goal = each["name"], goals.get(each["name"], "")
        rate, bare = f"{each['per_second']:,.0f}/s", f"{each['bare_per_second']:,.0f}/s bare"
        yield what, rate, bare, each["ratio"], goal
        yield (
            f"{what}, by CPU",
            f"{each['cpu_ms'] * 1_000:.0f} us",
            f"{each['bare_cpu_ms'] * 1_000:.0f} us bare",
            each["cpu_ratio"],
            goal,
        )
        yield (
            f"{what}, p99",
            f"{each['p99_ms']:.1f} ms",
            f"{each['bare_p99_ms']:.1f} ms bare",
            each["p99_ratio"],
            "at most 2" if goal else "",
        )


def _batch(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    rate, raw = f"{told['tokens_per_second']:,.0f}/s", f"{told['raw_per_second']:,.0f}/s raw"
    yield "500 tokens a call", rate, raw, told["ratio"], "0.8"
    yield "the same while others ask", "", raw, told["ratio_beside_others"], ""
    quiet = f"{told['others_p99_ms_quiet']} ms without"
    yield "others meanwhile, p99", f"{told['others_p99_ms']} ms", quiet, None, ""


def _endpoints(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    for each in told["results"]:
        rate, bare = f"{each['per_second']:,.0f}/s", f"{each['bare_per_second']:,.0f}/s bare"
        yield each["name"], rate, bare, each["ratio"], ""


def _record(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    rate = f"{told['decisions_per_second']:,}/s"
    pgbench = f"{told['pgbench_per_second']:,}/s pgbench"
    yield "decisions, durable", rate, pgbench, told["ratio_to_pgbench"], "0.6"
    left_out = f"{told['left_out_per_second']:,}/s no database"
    yield "decisions, durable", rate, left_out, told["ratio_to_left_out"], "0.8"
    cpu, without = told["cpu_ms_of_an_answer"], told["left_out_cpu_ms"]
    yield "CPU of a decision", f"{cpu} ms", f"{without} ms no database", None, ""


def _staleness(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    for name, text in told["online_ms"].items():
        goal = {"p99": "250 ms", "most": "2000 ms", "max": "2000 ms"}.get(name, "")
        yield f"withdrawal seen elsewhere, {name}", f"{text} ms", "", None, goal
    yield "stale with at_least", str(told["stale_with_at_least"]), "", None, "0"


def _sizing(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    for each in told["encoded"]:
        what = f"a list, {each['revoked']:.1%} revoked"
        yield what, f"{each['bytes_served']:,} bytes", "", None, ""


def _sequencing(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    yield "a backlog drains", f"{told['drained_per_second']:,}/s", "", None, "2,000/s"
    yield "a proof, p99", f"{told['proof_ms_p99']} ms", "", None, "5 ms"
    yield "a walk over the log", f"{told['verified_per_second']:,}/s", "", None, ""
    yield "in the log, p99", f"{told['included_ms_p99']} ms", "", None, "1,000 ms"


def _deciding(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    measured, beside = told["ms_p99_sequencing"], told["ms_p99_not_sequencing"]
    raised = 1 + told["p99_raised_percent"] / 100
    what = f"a decision durable at {told['decisions_per_second']:,.0f}/s, p99"
    yield what, f"{measured} ms", f"{beside} ms not sequencing", raised, "at most 1.2"


def _pages(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    by = {each["name"]: each for each in told["results"]}
    for name, each in by.items():
        bare = f"{by['bare route']['median_ms']} ms bare"
        yield name, f"{each['median_ms']} ms", bare, each["ratio"], "100 ms"
        yield f"{name}, weight", f"{each['bytes']:,} bytes", "", None, "60,000"


def _plain(told: Told) -> Iterable[tuple[str, str, str, float | None, str]]:
    for name, text in told.items():
        if name != "machine":
            yield name.replace("_", " "), str(text), "", None, ""


BENCHES: Final[Mapping[str, Bench]] = {
    "verify_offline": Bench(lines=_offline, quick=["--rounds", "20"]),
    "verify_online": Bench(lines=_online, quick=["--rounds", "2", "--seconds", "0.3"]),
    "verify_batch": Bench(lines=_batch, quick=["--rounds", "2"]),
    "record": Bench(lines=_record, quick=["--rounds", "1"]),
    "sequencing": Bench(
        lines=_sequencing, quick=["--entries", "5000", "--proofs", "100", "--seconds", "2"]
    ),
    "deciding": Bench(lines=_deciding, quick=["--rounds", "1", "--seconds", "2", "--people", "64"]),
    "endpoints": Bench(lines=_endpoints, quick=["--rounds", "1", "--seconds", "0.3"]),
    "staleness": Bench(lines=_staleness, quick=["--rounds", "10", "--offline", "0"]),
    "sizing": Bench(lines=_sizing, quick=["--rounds", "3"]),
    "arrival": Bench(lines=_plain, quick=["--rounds", "2"]),
    "pages": Bench(lines=_pages, quick=["--rounds", "2"]),
}


def main() -> int:
    """Run them, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=[*BENCHES], metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="each for a few seconds")
    parser.add_argument("--json", action="store_true", help="tell all of it as JSON")
    parser.add_argument("--out", type=Path, help="write the JSON there, beside the table")
    given = parser.parse_args()
    told: dict[str, Told] = {}
    lines: list[Line] = []
    failed: list[str] = []
    for name in given.only or BENCHES:
        _say(f"{name} ...")
        found = _run(name, BENCHES[name], quick=given.quick)
        if found is None:
            failed.append(name)
            continue
        told[name] = found
        for what, measured, beside, ratio, goal in BENCHES[name].lines(found):
            lines.append(
                Line(
                    bench=name, what=what, measured=measured, beside=beside, ratio=ratio, goal=goal
                )
            )
    document = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "quick": bool(given.quick),
        "failed": failed,
        "table": [asdict(line) for line in lines],
        "told": told,
    }
    encoded = json.dumps(document, indent=2)
    if given.out is not None:
        given.out.write_text(encoded + "\n")
    print(encoded if given.json else _table(lines))  # noqa: T201 a command speaks by printing
    _say(f"{document['machine']}; load average now {document['load_average']}")
    if failed:
        _say(f"could not run: {', '.join(failed)}")
    return int(bool(failed))


def _run(name: str, bench: Bench, *, quick: bool) -> Told | None:
    """What a bench says as JSON; None where it fails, which it says by itself."""
    extra = bench.quick if quick else bench.given
    ran = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-m", f"tests.bench.{name}", "--json", *extra],
        cwd=_REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        return json.loads(ran.stdout)
    except ValueError:
        return None


def _table(lines: Sequence[Line]) -> str:
    rows = [("", "", "measured", "beside", "ratio", "goal")]
    before = ""
    for line in lines:
        ratio = "" if line.ratio is None else f"{line.ratio:.3f}"
        bench = "" if line.bench == before else line.bench
        rows.append((bench, line.what, line.measured, line.beside, ratio, line.goal))
        before = line.bench
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place < 2 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 a command speaks by printing


if __name__ == "__main__":
    sys.exit(main())
