"""``consentid operations let-in``: a code that opens the operators' page."""

import argparse
import asyncio
import os
from typing import TYPE_CHECKING, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.opening import noting_of, owned
from consentid.cli.terminal import Exit
from consentid.kit.instants import to_rfc3339
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name


class _Arguments(Protocol):
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser("operations", help="open the operators' page")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    letting_in = actions.add_parser(
        "let-in",
        help="print a code that opens /operations",
        description=(
            "Print a code to type at /operations of the hub. It is good once, for a quarter of an "
            "hour, and opens the page for an hour. It is in no address and no log. Where staff "
            "sign in with accounts of their own, there is no code."
        ),
    )
    letting_in.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Print it, unless staff sign in with accounts of their own."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    if chosen.staff_issuer is not None:
        terminal.note("no code opens /operations here: staff sign in at CONSENTID_STAFF_ISSUER")
        return Exit.NO
    return asyncio.run(_run(chosen, given))


async def _run(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows.let_in import make_code  # noqa: PLC0415  the server extra

    async with owned(chosen) as database:
        made = await make_code(database, noting_of(chosen))
    if given.json:
        terminal.say_json({"code": made.code, "ends_at": to_rfc3339(made.ends_at)})
    else:
        terminal.say(made.code)
        terminal.note("good once, for 15 minutes: type it at /operations of the hub")
    return Exit.OK
