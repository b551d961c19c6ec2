"""``consentid propagation``: which systems hear of changes, and how far behind each is."""

import argparse
import asyncio
import os
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.opening import owned
from consentid.cli.terminal import Exit
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name
    from collections.abc import Sequence

    from consentid.flows.show_propagation import SystemOut


class _Arguments(Protocol):
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "propagation",
        help="see whether changes have arrived at every system",
        description=(
            "Every system that hears of changes (webhooks, Shared Signals streams, readers of the "
            "feed, brokers): BEHIND, the events that it has not confirmed; FOR, how long the "
            "oldest of these has waited; DEAD, those given up, which `consentid webhooks redrive` "
            "tries again. Ends with 1 where a system has not confirmed a withdrawal within "
            "CONSENTID_CONFIRM_WITHIN_S."
        ),
    )
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show it."""
    given = cast("_Arguments", cast("object", args))
    return asyncio.run(_run(settings.from_environment(os.environ), given))


async def _run(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows.show_propagation import list_systems  # noqa: PLC0415  the server extra

    async with owned(chosen) as database:
        found = await list_systems(database, chosen)
    if given.json:
        terminal.say_json(msgspec.to_builtins(found))
    elif found:
        _say_table(found)
    else:
        terminal.say("no system hears of changes yet: see `consentid webhooks add --help`")
    return Exit.NO if any(each.unconfirmed_withdrawals for each in found) else Exit.OK


def _say_table(found: "Sequence[SystemOut]") -> None:
    terminal.say_table(
        ("SYSTEM", "CLIENT", "BEHIND", "FOR", "LAST", "FAILURES", "DEAD", "STATE"),
        [
            (
                *(each.system, each.client_id, str(each.lag_events), f"{each.lag_s:.0f} s"),
                *((each.last_success or "never")[:19], str(each.failures), str(each.dead_letters)),
                _state(each),
            )
            for each in found
        ],
    )


def _state(system: "SystemOut") -> str:
    said = "well" if system.failing_since is None else "failing"
    if system.disabled is not None:
        said = f"disabled ({system.disabled})"
    if system.unconfirmed_withdrawals:
        return f"{said}, {system.unconfirmed_withdrawals} withdrawals UNCONFIRMED"
    return said
