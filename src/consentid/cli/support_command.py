"""``consentid support look-up``: see what somebody chose, by a code of theirs."""

import argparse
import asyncio
import os
import sys
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.opening import noting_of
from consentid.cli.terminal import Exit
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.look_up_person import LookedUpOut, StandingOut


class _Arguments(Protocol):
    code: str
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser("support", help="see what somebody chose, by a code of theirs")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    looking = actions.add_parser(
        "look-up",
        help="show the choices of who made a code",
        description=(
            "Somebody makes the code in their preference centre, under 'Show this to support', and "
            "tells it to you; it is good once, for ten minutes. They see that staff looked, and it "
            "is in the log. Nobody can be found in any other way."
        ),
    )
    looking.add_argument("code", metavar="CODE", help="-: read it from standard input")
    looking.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show it."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    chosen.database()
    code = sys.stdin.readline() if given.code == "-" else given.code
    found = asyncio.run(_run(chosen, code))
    if given.json:
        terminal.say_json(msgspec.to_builtins(found))
    else:
        _say(found)
    return Exit.OK


async def _run(chosen: Settings, code: str) -> "LookedUpOut":
    from consentid.flows.look_up_person import (  # noqa: PLC0415  the server extra
        look_up_person,
        looked_up_out,
    )
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra
    from consentid.flows.restrict_subject import OPERATOR  # noqa: PLC0415  the server extra

    opened = open_context(chosen)
    try:
        found = await look_up_person(
            opened.context, noting_of(chosen), code, reader=OPERATOR, languages=()
        )
    finally:
        await opened.close()
    return looked_up_out(found)


def _say(found: "LookedUpOut") -> None:
    terminal.say(
        f"the choices of an {found.of}, at {found.at}"
        if found.of == "account"
        else f"the choices of a {found.of}, at {found.at}"
    )
    rows = [
        (each.purpose, one.party, "yes" if one.permitted else "no", one.why, one.since or "-")
        for each in found.purposes
        for one in (*_group(each.group), *each.parties)
        if one.why not in ("off", "not_needed")
    ]
    terminal.say_table(("PURPOSE", "WHERE", "", "WHY", "SINCE"), rows)
    terminal.say()
    decided = [
        (
            each.at,
            each.channel,
            each.taken_by or "hub",
            each.reach,
            ", ".join(each.granted) or "-",
            "everything" if each.everything else ", ".join(each.refused) or "-",
        )
        for each in found.decisions
    ]
    terminal.say_table(("AT", "CHANNEL", "TAKEN BY", "FOR", "YES", "NO"), decided)
    for at in found.unreadable:
        terminal.say(f"The record of {at} cannot be read: see `consentid ledger verify`.")


def _group(group: "StandingOut | None") -> "tuple[StandingOut, ...]":
    return () if group is None else (group,)
