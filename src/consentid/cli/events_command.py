"""``consentid events export``: a receiver's events as files, for a warehouse or a spreadsheet."""

import argparse
import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.connectors.folder import Writing

_PROGRESS_S: Final = 2.0


class _Arguments(Protocol):
    client: str
    format: str
    to: Path
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "events",
        help="write events as files",
        description="What receivers hear of, for systems that take files.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    exporting = verbs.add_parser(
        "export",
        help="write what is new into a folder, by table and day",
        description=(
            "Write the events of a client with the scope events:read as files of three tables "
            "(events, effective, decisions), by day. The first time begins with what holds of "
            "everybody; each later one goes on where the folder ends, whenever the one before was "
            "stopped. manifest.json has the columns, and how far the files go."
        ),
        epilog=(
            "Parquet needs consentid[warehouse]. In CSV, cells that a spreadsheet would take for "
            "a formula begin with an apostrophe."
        ),
    )
    exporting.add_argument("--client", required=True, metavar="ID", help="whose events")
    exporting.add_argument(
        "--format",
        choices=("parquet", "csv"),
        default="parquet",
        help="of the files; a folder has one (default: %(default)s)",
    )
    exporting.add_argument(
        "--to",
        required=True,
        type=Path,
        metavar="DIR",
        help="the folder: new or empty the first time, then the same again",
    )
    exporting.add_argument("--json", action="store_true", help="say what was done as JSON")
    exporting.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Write what is new, and say how much it was."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    chosen.database()
    return asyncio.run(_run(chosen, given, _writing(given.format)))


def _writing(form: str) -> "Writing":
    if form == "csv":
        from consentid.connectors.spreadsheet import write_csv  # noqa: PLC0415  not for Parquet

        return write_csv
    from consentid.connectors.parquet import write_parquet  # noqa: PLC0415  the warehouse extra

    return write_parquet


async def _run(chosen: Settings, given: _Arguments, write: "Writing") -> int:
    from consentid.connectors.folder import opened_folder  # noqa: PLC0415  with the flows
    from consentid.flows.export_events import Written, export_events  # noqa: PLC0415  server extra
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra

    opened = open_context(chosen)
    told = time.monotonic()
    done = Written(people=0, events=0, files=0)
    try:
        with opened_folder(given.to, client=given.client, form=given.format, write=write) as folder:
            async for done in export_events(opened.context, given.client, folder):
                if (now := time.monotonic()) - told > _PROGRESS_S:
                    told = now
                    terminal.note(f"  {done.people:,} people, {done.events:,} events")
    finally:
        await opened.close()
    if given.json:
        terminal.say_json({"people": done.people, "events": done.events, "files": done.files})
    else:
        people = f"{done.people} people as they are, " if done.people else ""
        terminal.say(f"{people}{done.events} events, {done.files} files in {given.to}")
    return Exit.OK
