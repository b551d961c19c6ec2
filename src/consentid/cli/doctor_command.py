"""``consentid doctor``: is anything unsafe here?"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit, Style

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.doctor.finding import Finding

_STYLES: Final = {"unsafe": Style.RED, "warning": Style.YELLOW, "unknown": Style.CYAN}


class _Arguments(Protocol):
    date_from: str | None
    strict: bool
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="tell what is unsafe here, and how to mend it",
        description=(
            "Look at settings, secrets, keys, the configuration, the database with its roles and "
            "followers, Valkey, clocks and workers, and tell what must not be so in production. "
            "Nothing is changed. Run it with the settings of the process in question."
        ),
        epilog=(
            "Exit codes: 0 nothing is unsafe, 1 something is, 4 the settings cannot be read. "
            "unsafe: not in production; warning: will hurt on a bad day; unknown: could not be "
            "looked at."
        ),
    )
    parser.add_argument(
        "--date-from",
        metavar="URL",
        type=_https,
        help="hold our clock against the Date header of this https address, too",
    )
    parser.add_argument("--strict", action="store_true", help="end with 1 for warnings as well")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def _https(text: str) -> str:
    if not text.startswith("https://"):
        msg = "write an https address: a clock that anybody on the way may set proves nothing"
        raise argparse.ArgumentTypeError(msg)
    return text


def run(args: argparse.Namespace) -> int:
    """Look, and tell."""
    given = cast("_Arguments", cast("object", args))
    read = settings.read(os.environ)
    from consentid.flows.doctor.examine import examine  # noqa: PLC0415  the server extra

    with terminal.step("looked at settings, keys, brands, database, Valkey, clocks, workers"):
        found = asyncio.run(examine(read, clock=time.time, date_from=given.date_from))
    counts = {name: sum(each.severity == name for each in found) for name in _STYLES}
    if given.json:
        terminal.say_json({**counts, "findings": msgspec.to_builtins(found)})
    else:
        _say(found, counts)
    bad = counts["unsafe"] + (counts["warning"] if given.strict else 0)
    return Exit.NO if bad else Exit.OK


def _say(found: "Sequence[Finding]", counts: dict[str, int]) -> None:
    for each in found:
        severity = terminal.paint(f"{each.severity:<7}", _STYLES[each.severity], on=sys.stdout)
        terminal.say(f"{severity}  {each.code}  {each.place}")
        terminal.say(f"         {each.message}")
        terminal.say(f"         -> {each.remedy}")
    if found:
        terminal.say()
    terminal.say(", ".join(f"{count} {name}" for name, count in counts.items()))
