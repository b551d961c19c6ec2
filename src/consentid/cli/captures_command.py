"""``consentid captures held | release | discard``: what came too fast, and waits for somebody."""

import argparse
import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol, cast
from uuid import UUID

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.kit.instants import to_rfc3339
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name
    from collections.abc import Sequence

    from consentid.flows.context import Context
    from consentid.flows.hold_captures import HeldCapture

_RELEASE: Final = "release"


class _Arguments(Protocol):
    action: str
    client: str | None
    operator: str | None
    captures: "Sequence[str]"
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "captures",
        help="look at what others captured too fast, and release or discard it",
        description=(
            "What one operator of a client hands in beyond CONSENTID_CAPTURES_OPERATOR_MOST in a "
            "minute, or all of its brand or partner beyond CONSENTID_CAPTURES_PARTY_MOST, is kept "
            "and has no effect. Released, it counts from when it was captured; discarded, for "
            "nothing."
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    looking = actions.add_parser("held", help="show what is held; ends with 1 where anything is")
    releasing = actions.add_parser(_RELEASE, help="let it go on")
    discarding = actions.add_parser("discard", help="let it go, for good")
    for action in (looking, releasing, discarding):
        action.add_argument("--client", metavar="ID", help="of this client only")
        action.add_argument("--operator", metavar="NAME", help="keyed in by this operator only")
        action.add_argument("--json", action="store_true", help="answer as one JSON object")
    looking.set_defaults(captures=())
    for action in (releasing, discarding):
        action.add_argument("captures", nargs="*", metavar="CAPTURE", help="these, by their ids")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked and print what was done."""
    given = cast("_Arguments", cast("object", args))
    return asyncio.run(_run(settings.from_environment(os.environ), given))


async def _run(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows.hold_captures import list_held  # noqa: PLC0415  the server extra
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra

    named = {_read_id(each) for each in given.captures}
    if given.action != "held" and not (named or given.client or given.operator):
        raise MalformedError(
            "captures_unnamed", "name captures, a client or an operator", where="CAPTURE"
        )
    opened = open_context(chosen)
    try:
        held = await list_held(opened.context, client_id=given.client, operator=given.operator)
        meant = [each for each in held if not named or each.id in named]
        if given.action == "held":
            return _say_held(meant, as_json=given.json)
        states = await _settle(opened.context, meant, is_release=given.action == _RELEASE)
    finally:
        await opened.close()
    if given.json:
        terminal.say_json(dict(states))
    else:
        told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        terminal.say(told or "nothing of that is held")
    return Exit.OK if states else Exit.NO


async def _settle(
    context: "Context", meant: "Sequence[HeldCapture]", *, is_release: bool
) -> Counter[str]:
    from consentid.flows.hold_captures import (  # noqa: PLC0415  the server extra
        discard_capture,
        release_capture,
    )

    settle = release_capture if is_release else discard_capture
    states = Counter[str]()
    for each in meant:
        state = await settle(context, each.id, by=context.settings.command_line)
        if state is not None:
            states[str(state)] += 1
    return states


def _read_id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError as error:
        raise MalformedError("capture_malformed", "write a UUID", where="CAPTURE") from error


def _say_held(held: "Sequence[HeldCapture]", *, as_json: bool) -> int:
    rows = [
        {
            "capture": str(each.id),
            "client": each.client_id,
            "operator": each.operator or "",
            "asked": each.party,
            "since": to_rfc3339(each.recorded_at),
        }
        for each in held
    ]
    if as_json:
        terminal.say_json({"held": rows})
    elif not rows:
        terminal.say("nothing is held")
    else:
        terminal.say_table(
            ("CAPTURE", "CLIENT", "OPERATOR", "FOR", "SINCE"),
            [tuple(row.values()) for row in rows],
        )
    return Exit.NO if rows else Exit.OK
