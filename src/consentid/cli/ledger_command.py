"""``consentid ledger``: what was recorded, checked."""

import argparse
import asyncio
import os
import time
from typing import TYPE_CHECKING, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.verify_projection import Checked


class _Arguments(Protocol):
    projection: bool
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser("ledger", help="check what was recorded")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = verbs.add_parser(
        "verify",
        help="recompute and compare",
        description=(
            "Recompute every projection from the full history and compare it, byte for byte, with "
            "what is stored; open each record and check it against its commitment."
        ),
        epilog="Exit codes: 0 all is well, 1 a fault was found, 3 unavailable, 4 wrong set-up.",
    )
    verify.add_argument(
        "--projection",
        action="store_true",
        required=True,
        help="check projections, records and commitments",
    )
    verify.add_argument("--json", action="store_true", help="answer as one JSON object")
    verify.set_defaults(run=_verify)
    return parser


def _verify(args: argparse.Namespace) -> int:
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    chosen.database()
    started = time.monotonic()
    with terminal.step("every projection recomputed from its history"):
        checked = asyncio.run(_check(chosen))
    seconds = time.monotonic() - started
    faulty = [each for each in checked if each.faults]
    decisions = sum(each.decisions for each in checked)
    if given.json:
        terminal.say_json(
            {
                "subjects": len(checked),
                "decisions": decisions,
                "seconds": round(seconds, 3),
                "faults": {str(each.subject): list(each.faults) for each in faulty},
            }
        )
    else:
        pace = f"{decisions / seconds:,.0f} decisions a second"
        counts = f"{len(checked)} subjects, {decisions} decisions, {len(faulty)} with a fault"
        terminal.say(f"{counts} ({pace})")
        for each in faulty:
            for fault in each.faults:
                terminal.say(f"  subject {each.subject}: {fault}")
    return Exit.NO if faulty else Exit.OK


async def _check(chosen: Settings) -> "list[Checked]":
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra
    from consentid.flows.verify_projection import (  # noqa: PLC0415  the server extra
        verify_projections,
    )

    opened = open_context(chosen)
    try:
        return [each async for each in verify_projections(opened.context)]
    finally:
        await opened.close()
