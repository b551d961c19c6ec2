"""``consentid``: finds the command, runs it, and makes every end an exit code."""

import argparse
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.kit.errors import ConsentidError

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

COMMANDS: Final = (
    "demo",
    "dev",
    "serve",
    "worker",
    "migrate",
    "config",
    "doctor",
    "brands",
    "keys",
    "clients",
    "links",
    "webhooks",
    "propagation",
    "operations",
    "connect",
    "events",
    "captures",
    "subjects",
    "support",
    "field",
    "notices",
    "ledger",
    "verify",
    "verify-receipt",
)
"""In the order of a first day; each is ``cli/<name>_command.py``, underscores for hyphens."""

_DESCRIPTION: Final = "Consent once, honoured everywhere."
_EPILOG: Final = """\
examples:
  consentid demo                          see the whole thing work, with real parts
  consentid demo --check                  walk the same tour by itself, and fail if a step does
  consentid dev                           your own brands/, applied again at each change
  consentid brands check                  what is wrong with brands/*.toml, and how to mend it
  consentid verify --issuer https://consent.example --audience https://shop.example TOKEN

exit codes: 0 done or yes, 1 no, refused or failed, 2 wrong usage, 3 unavailable, 4 wrong set-up.
Settings are environment variables CONSENTID_* or the TOML file that CONSENTID_CONFIG names.
"""
_INSTALL: Final = "pip install 'consentid[server]'  (with 'embedded' beside it for demo and dev)"

_EXTRAS: Final = {"nats": "nats", "pyarrow": "warehouse"}
"""Extras that bring what only some commands need."""


class _Command(Protocol):
    add_parser: Callable[["_SubParsersAction[argparse.ArgumentParser]"], argparse.ArgumentParser]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (the process's own by default); the exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        return _run(words)
    except SystemExit as end:  # argparse has said why
        return end.code if isinstance(end.code, int) else Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough; nothing can be told it any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.NO


def _run(words: Sequence[str]) -> int:
    asked = next((word for word in words if not word.startswith("-")), "")
    everything = () if "--version" in words else COMMANDS
    try:
        parser = _make_parser((asked,) if asked in COMMANDS else everything)
        args = parser.parse_args(words)
        run = cast("Callable[[argparse.Namespace], int]", args.run)
        return run(args)
    except ConsentidError as error:
        return terminal.say_error(error, command=asked, as_json="--json" in words)
    except ModuleNotFoundError as error:
        if not _is_foreign(error):
            raise
        terminal.note(f"consentid {asked}: needs {error.name}: {_install(error.name or '')}")
        return Exit.SETUP


def _install(missing: str) -> str:
    extra = _EXTRAS.get(missing.partition(".")[0])
    return _INSTALL if extra is None else f"pip install 'consentid[server,{extra}]'"


def _make_parser(commands: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="consentid",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and end")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in commands:
        try:
            module = importlib.import_module(f"consentid.cli.{name.replace('-', '_')}_command")
        except ModuleNotFoundError as error:
            if len(commands) == 1 or not _is_foreign(error):
                raise
            subparsers.add_parser(name, help="(not installed: needs the server extra)")
        else:
            cast("_Command", cast("object", module)).add_parser(subparsers)
    return parser


def _is_foreign(error: ModuleNotFoundError) -> bool:
    """Whether what is missing is not ours to ship."""
    return error.name is not None and error.name.partition(".")[0] != "consentid"


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(  # pyright: ignore[reportImplicitOverride]  3.11 has no override
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Show it and end."""
        del namespace, values, option_string
        try:
            version = importlib.metadata.version("consentid")
        except importlib.metadata.PackageNotFoundError:
            version = "(run from a source tree)"
        terminal.say(f"consentid {version}")
        parser.exit()
