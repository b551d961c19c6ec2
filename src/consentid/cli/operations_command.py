"""``consentid operations``: a code that opens the page of operators, who did what, and versions."""

import argparse
import asyncio
import os
from typing import TYPE_CHECKING, Final, Protocol, cast
from uuid import UUID

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.opening import noting_of, owned
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.kit.instants import to_rfc3339
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.administration_out import ActsOut, VersionsOut

_ACTS: Final = "acts"
_VERSIONS: Final = "versions"


class _Arguments(Protocol):
    action: str
    before: str | None
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "operations", help="open the operators' page, or show what it shows of acts and versions"
    )
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
    acts = actions.add_parser(_ACTS, help="show who did what, the newest first")
    acts.add_argument("--before", metavar="ENTRY", help="what is older than this entry of the log")
    versions = actions.add_parser(
        _VERSIONS, help="show the versions of the configuration, and what each changed"
    )
    versions.add_argument("--before", metavar="NUMBER", help="what is older than this version")
    for action in (letting_in, acts, versions):
        action.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show, or print a code, unless staff sign in with accounts of their own."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    if given.action in {_ACTS, _VERSIONS}:
        return asyncio.run(_show(chosen, given))
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


async def _show(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows import administration_out  # noqa: PLC0415  the server extra
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra

    before = given.before
    is_acts = given.action == _ACTS
    try:
        entry = UUID(before) if before and is_acts else None
        version = int(before) if before and not is_acts else None
    except ValueError as error:
        raise MalformedError(
            "before_unknown", "name what was shown as the next", where="--before"
        ) from error
    opened = open_context(chosen)
    try:
        found = (
            await administration_out.tell_acts(opened.context, before=entry)
            if is_acts
            else await administration_out.tell_versions(opened.context, before=version)
        )
    finally:
        await opened.close()
    if given.json:
        terminal.say_json(msgspec.to_builtins(found))
        return Exit.OK
    _say(found)
    if found.next is not None:
        terminal.note(f"older ones: --before {found.next}")
    return Exit.OK


def _say(found: "ActsOut | VersionsOut") -> None:
    from consentid.flows.administration_out import ActsOut, spell  # noqa: PLC0415  the server extra

    if isinstance(found, ActsOut):
        rows: list[list[str]] = []
        for each in found.acts:
            about = (f"{name}={spell(name, value)}" for name, value in each.about.items())
            rows.append([each.at, each.by, each.act, " ".join(about)])
        terminal.say_table(["AT", "BY", "ACT", "ABOUT"], rows)
        return
    for each in found.versions:
        terminal.say(f"version {each.version}, {each.applied_at}")
        for change in each.changes:
            terminal.say(f"  {change}")
