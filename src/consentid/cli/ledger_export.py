"""``consentid ledger export``: the log as lines of JSON, for a regulator or a warehouse."""

import argparse
import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

_PROGRESS_S: Final = 2.0


class _Arguments(Protocol):
    after: str | None
    leaves: bool


def add_verb(verbs: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to ``consentid ledger``."""
    parser = verbs.add_parser(
        "export",
        help="stream the log as lines of JSON",
        description=(
            "Write every published entry in order, a line of JSON each, with the record that it "
            "speaks of and the salt that opens its commitment; at a log's end its signed "
            "checkpoint. Of whom was restricted or erased the entry alone is told. Without "
            "--leaves it holds personal data."
        ),
        epilog="Exit codes: 0 done, 1 a record could not be opened, 2 wrong usage, 3 unavailable.",
    )
    parser.add_argument(
        "--after", metavar="LOG/INDEX", help='go on after a line: its "at", such as 1/4711'
    )
    parser.add_argument("--leaves", action="store_true", help="entries alone, no personal data")
    parser.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    chosen.database()
    return asyncio.run(_stream(chosen, given))


async def _stream(chosen: Settings, given: _Arguments) -> Exit:
    from consentid.flows.export_ledger import export_ledger  # noqa: PLC0415  the server extra
    from consentid.flows.note_export import command_line  # noqa: PLC0415  the server extra
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra

    opened = open_context(chosen)
    started = told = time.monotonic()
    entries = faults = 0
    out = sys.stdout.buffer
    try:
        async for page in export_ledger(
            opened.context,
            unverified_after=given.after,
            is_opened=not given.leaves,
            taker=command_line(opened.context),
        ):
            out.write(msgspec.json.Encoder().encode_lines(page.lines))
            out.flush()
            entries += page.entries
            faults += len(page.faults)
            for fault in page.faults:
                terminal.note(f"cannot be opened: {fault}")
            if (now := time.monotonic()) - told > _PROGRESS_S:
                told = now
                terminal.note(f"  {entries:,} entries ({entries / (now - started):,.0f} a second)")
    finally:
        await opened.close()
    pace = entries / max(time.monotonic() - started, 1e-9)
    terminal.note(f"{entries} entries ({pace:,.0f} a second), {faults} that could not be opened")
    return Exit.NO if faults else Exit.OK
