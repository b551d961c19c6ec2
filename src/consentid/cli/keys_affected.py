"""``consentid keys affected``: what was issued under a stolen key, and what somebody else made."""

import argparse
import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.keys_revoke import moment
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import Instant
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.find_affected import AffectedOut, JudgedOut

_EPILOG = """\
Each FILE holds one token or status list as it was met. Of each is told whether it was issued here,
and whether the log implies what it says; receipts are judged by their proof (verify-receipt).
Ends with 1 where one bears our signature and is not ours.
"""


class _Arguments(Protocol):
    kid: str
    file: list[Path]
    since: Instant | None
    until: Instant | None
    list: bool
    keys: Path | None
    json: bool


def add_verb(
    actions: "_SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add the action to ``consentid keys``."""
    parser = actions.add_parser(
        "affected",
        help="what was issued while a key was in wrong hands, and what was forged",
        description=(
            "Count the tokens that clients were given while a key was in wrong hands, and tell of "
            "tokens that were met somewhere whether we issued them. Asks the serving database."
        ),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kid", metavar="KID", help="the key's name")
    parser.add_argument("file", nargs="*", type=Path, metavar="FILE", help="what was met")
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="from when (default: as it was revoked)"
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="until when (default: so too)")
    parser.add_argument(
        "--list",
        action="store_true",
        help="name each client, hour and pairwise identifier; whoever is named sees that",
    )
    return parser


def run(args: argparse.Namespace) -> bool:
    """Print what is known; whether nothing forged was found.

    Raises:
        ConsentidError: the key or a file is unknown, or the database cannot be reached.
    """
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    told = {str(path): _read(path) for path in given.file}
    found = asyncio.run(_find(chosen, given, [*told.values()]))
    judged = dict(zip(told, found.judged, strict=True))
    if given.json:
        print(json.dumps(_as_json(found, judged)))
    else:
        _say(found, judged)
    return not found.is_forged


async def _find(chosen: Settings, given: _Arguments, told: list[str]) -> "AffectedOut":
    from consentid.flows.find_affected import (  # noqa: PLC0415  the server extra
        Listing,
        find_affected,
    )
    from consentid.flows.opening import open_context  # noqa: PLC0415  as above

    opened = open_context(chosen)
    try:
        async with opened.context.database.reading() as connection:
            return await find_affected(
                opened.context,
                connection,
                given.kid,
                begin=given.since,
                end=given.until,
                unverified=told,
                listing=Listing() if given.list else None,
            )
    finally:
        await opened.close()


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError as error:
        raise NotFoundError(
            "file_unreadable", f"{path} cannot be read: {error.strerror}", where=str(path)
        ) from error


def _as_json(found: "AffectedOut", judged: "Mapping[str, JudgedOut]") -> object:
    told = msgspec.to_builtins(found)
    del told["next"]
    return {**told, "judged": msgspec.to_builtins(judged)}


def _say(found: "AffectedOut", judged: "Mapping[str, JudgedOut]") -> None:
    terminal.say(f"{found.kid} was in wrong hands from {found.since} until {found.until}")
    for name, each in judged.items():
        terminal.say(f"  {name}: {each.kind}, {each.verdict}")
        for note in each.notes:
            terminal.say(f"    {note}")
    rows = [(each.client_id, str(each.tokens), str(each.people)) for each in found.issued]
    terminal.say_table(("CLIENT", "TOKENS", "PEOPLE"), rows)
    for row in found.tokens:
        terminal.say(f"  {row.hour[:13]}h  {row.client_id}  {row.sub}  {row.times}")
