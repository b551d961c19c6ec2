"""``consentid worker``: sequencer, list publisher, outbox pump and reaper."""

import argparse
import os
from typing import TYPE_CHECKING

from consentid import settings
from consentid.cli.logs import configure_logging
from consentid.cli.terminal import Exit

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "worker",
        help="do the work behind the web processes",
        description=(
            "Integrate the ledger, publish the status lists, carry changes on, remove what is "
            "past its time. Each role is done by one worker at a time: run as many as you like."
        ),
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Work until SIGTERM."""
    del args
    chosen = settings.from_environment(os.environ)
    chosen.database()
    import uvloop  # noqa: PLC0415  the server extra

    from consentid import worker  # noqa: PLC0415  the server extra

    configure_logging(chosen)
    uvloop.run(worker.run(chosen))
    return Exit.OK
