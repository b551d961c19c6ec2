"""``consentid demo``: the whole thing at work on this machine, with real parts.

With ``--check`` it walks the tour by itself and ends: 0 if every step held, 1 at the first that
did not.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid.cli import terminal
from consentid.cli.terminal import Exit, Style, paint

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.demo.stage import Stage
    from consentid.demo.tour_report import StepReport
    from consentid.demo.tour_scene import Scene

_PORT: Final = 7600
_LOOK_EVERY_S: Final = 0.2
_QUICK_DEATH_S: Final = 5.0
_MAX_QUICK_DEATHS: Final = 3


class _Arguments(Protocol):
    check: bool
    verbose: bool
    json: bool
    port: int
    data: Path | None
    brands: Path | None


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="see the whole thing work, with real parts",
        description=(
            "Start PostgreSQL, Valkey, the hub, its worker, the customer portal and the sites of "
            "the Halcyon group on one port, print the tour, and wait for Ctrl-C."
        ),
        epilog="Exit codes: 0 done, 1 a step of the tour failed, 3 it cannot run here and now.",
    )
    parser.add_argument(
        "--check", action="store_true", help="walk the tour in a fresh folder, then end"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="with --check: show the evidence of each step"
    )
    parser.add_argument(
        "--json", action="store_true", help="with --check: answer as one JSON object a step"
    )
    parser.add_argument("--port", type=int, default=_PORT, help=f"port (default: {_PORT})")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="keep the data here (default: the state folder)"
    )
    parser.add_argument(
        "--brands", type=Path, metavar="DIR", help="Halcyon's files (default: ./brands)"
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Start everything, then walk the tour or wait."""
    given = cast("_Arguments", cast("object", args))
    from consentid.demo.stage import Stage  # noqa: PLC0415  the server extra
    from consentid.embedded.places import state_folder  # noqa: PLC0415  the server extra

    # A terminal that closes and a `kill` end the demo as orderly as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    folder = given.data
    if folder is None and not given.check:
        folder = state_folder("demo", os.environ)
    stage = Stage(
        folder=folder,
        brands=given.brands or _find_brands(),
        port=given.port,
        progress=_silent if given.json else terminal.step,
    )
    started = time.monotonic()
    with stage:
        code = _check(stage.scene(), given) if given.check else _wait(stage)
    if given.check and not given.json:
        terminal.note(f"{time.monotonic() - started:.1f} s in all, everything stopped")
    return code


def _find_brands() -> Path:
    """The folder here, or that of the source tree that we run from."""
    here = Path("brands")
    return here if here.is_dir() else Path(__file__).parents[3] / "brands"


def _silent(_label: str) -> AbstractContextManager[None]:
    return nullcontext()


def _check(scene: "Scene", given: _Arguments) -> Exit:
    from consentid.demo.tour import STEPS, walk  # noqa: PLC0415  the server extra

    code = Exit.OK
    for report in walk(scene):
        if given.json:
            terminal.say(_encode(report))
        else:
            _tell(report, evidence=given.verbose or not report.passed)
        if not report.passed:
            code = Exit.NO
    if not given.json and code is Exit.OK:
        terminal.say(paint(f"all {len(STEPS)} steps hold", Style.GREEN, on=sys.stdout))
    return code


def _tell(report: "StepReport", *, evidence: bool) -> None:
    mark = paint("ok", Style.GREEN, on=sys.stdout)
    if not report.passed:
        mark = paint("FAILED", Style.RED, on=sys.stdout)
    number = paint(f"{report.number:>2}", Style.BOLD, on=sys.stdout)
    terminal.say(f"{number} {mark}  {report.says}")
    if evidence:
        for line in _evidence(report):
            terminal.say(paint(line, Style.DIM, on=sys.stdout))


def _evidence(report: "StepReport") -> Iterator[str]:
    yield f"       {report.title}, {report.took_ms} ms"
    for one in report.evidence:
        shown = _text(one.seen)
        head, *rest = shown.splitlines() or [""]
        yield f"       {one.label}: {head}"
        yield from (f"         {line}" for line in rest)


def _text(seen: object) -> str:
    import msgspec  # noqa: PLC0415  for evidence only

    if isinstance(seen, str):
        return seen
    plain = msgspec.to_builtins(seen)
    short = json.dumps(plain, ensure_ascii=False)
    return short if len(short) <= 100 else json.dumps(plain, ensure_ascii=False, indent=2)  # noqa: PLR2004  a line's width


def _encode(report: "StepReport") -> str:
    import msgspec  # noqa: PLC0415  for evidence only

    return msgspec.json.encode(report.as_json()).decode()


def _wait(stage: "Stage") -> Exit:
    """Print the tour, then mind the processes until somebody has seen enough."""
    from consentid.demo import tour_text  # noqa: PLC0415  the server extra

    scene = stage.scene()
    terminal.say()
    for name, url in tour_text.addresses(scene):
        terminal.say(f"  {name:<16} {paint(url, Style.CYAN, on=sys.stdout)}")
    terminal.say()
    terminal.say("  Sign in as (invented people, and passwords of this demo alone):")
    for login, password, name in tour_text.people(scene):
        terminal.say(f"  {login:<16} {password:<16} {name}")
    terminal.say()
    terminal.say(paint("The tour, to paste into a shell:", Style.BOLD, on=sys.stdout))
    terminal.say()
    terminal.say(tour_text.commands(scene))
    terminal.note(f"other commands: CONSENTID_CONFIG={stage.config} consentid ...")
    terminal.note("running; Ctrl-C stops everything")
    try:
        return _mind(stage)
    except KeyboardInterrupt:
        terminal.note("stopping")
        return Exit.OK


def _mind(stage: "Stage") -> Exit:
    """Start again what dies, unless it keeps dying at once."""
    resting = threading.Event()
    started_at = {child.name: time.monotonic() for child in stage.children}
    quick_deaths = 0
    while not resting.wait(_LOOK_EVERY_S):
        for child in stage.children:
            if child.is_alive:
                continue
            lived_s = time.monotonic() - started_at[child.name]
            quick_deaths = quick_deaths + 1 if lived_s < _QUICK_DEATH_S else 0
            if quick_deaths >= _MAX_QUICK_DEATHS:
                terminal.note(f"the {child.name} process keeps ending:\n{child.last_words()}")
                return Exit.UNAVAILABLE
            child.start()
            started_at[child.name] = time.monotonic()
            terminal.note(f"the {child.name} process ended; started again as {child.pid}")
    return Exit.OK
