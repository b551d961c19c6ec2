"""``consentid config show | reference``: what this installation is told, and by whom."""

import argparse
import os
import re
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.settings.chosen import SECRETS
from consentid.settings.reference import entries, markdown, plain

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

_HIDDEN: Final = "***"
_URL: Final = re.compile(
    r"(?P<before>[a-z+]+://[A-Za-z0-9_.-]*)(?::[^@/?#]*)?(?P<at>@[A-Za-z0-9_.-]*(?::[0-9]+)?)"
    r"(?P<path>/[A-Za-z0-9_.-]*)?(?:[?#].*)?"
)
"""A URL in which it is certain what is a password: everything else is hidden as a whole."""


class _Arguments(Protocol):
    action: str
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "config",
        help="show every setting, and who said so",
        description="What this installation is told, by variables and files.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    showing = actions.add_parser(
        "show",
        help="show what holds here, without secrets",
        description=(
            "Show each setting as it holds in this environment, and where it comes from: a "
            "variable, a file and its key, or the default. Of a secret you see whether it is there."
        ),
    )
    explaining = actions.add_parser(
        "reference",
        help="explain every setting",
        description="Explain every setting, as a table in Markdown.",
    )
    for action in (showing, explaining):
        action.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show it."""
    given = cast("_Arguments", cast("object", args))
    if given.action == "show":
        _show(settings.read(os.environ), as_json=given.json)
    elif given.json:
        terminal.say_json(
            {
                entry.name: {
                    "variable": f"{settings.PREFIX}{entry.name.upper()}",
                    "default": plain(entry.default),
                    "secret": entry.is_secret,
                    "meaning": entry.said,
                }
                for entry in entries()
            }
        )
    else:
        terminal.say(markdown())
    return Exit.OK


def _show(read: settings.Given, *, as_json: bool) -> None:
    shown = {
        entry.name: (
            _plain(entry.name, getattr(read.settings, entry.name)),
            read.places.get(entry.name, "default"),
        )
        for entry in entries()
    }
    if as_json:
        terminal.say_json(
            {name: {"value": value, "source": source} for name, (value, source) in shown.items()}
        )
        return
    terminal.say_table(
        ("SETTING", "VALUE", "FROM"),
        [(name, _text(value), source) for name, (value, source) in shown.items()],
    )


def _plain(name: str, value: object) -> object:
    if name not in SECRETS or value is None:
        return plain(value)
    found = _URL.fullmatch(str(value)) if name.endswith("_url") else None
    if found is None:
        return _HIDDEN
    return f"{found['before']}:{_HIDDEN}{found['at']}{found['path'] or ''}"


def _text(value: object) -> str:
    match value:
        case None | []:
            return "-"
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(map(str, cast("list[object]", value)))
        case _:
            return str(value)
