"""``consentid keys affected``: what was issued under a stolen key, and what somebody else made."""

import argparse
import asyncio
import json
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.keys_revoke import moment
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import Instant, to_rfc3339
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.judge_signed import Judged
    from consentid.flows.show_affected import IssuedRow, Window

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


@dataclass(slots=True, kw_only=True)
class _Found:
    window: "Window"
    judged: "dict[str, Judged]" = field(default_factory=dict)
    issued: "list[IssuedRow]" = field(default_factory=list)
    tokens: Counter[str] = field(default_factory=Counter[str])
    """By client."""
    people: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


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
    found = asyncio.run(_find(chosen, given, told))
    if given.json:
        print(json.dumps(_as_json(given.kid, found)))
    else:
        _say(given.kid, found)
    return not any(each.is_forged for each in found.judged.values())


async def _find(chosen: Settings, given: _Arguments, told: dict[str, str]) -> _Found:
    from consentid.flows.judge_signed import judge_signed, keys_ever  # noqa: PLC0415 server extra
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra
    from consentid.flows.show_affected import (  # noqa: PLC0415  as above
        find_window,
        issued_within,
        note_listed,
    )

    opened = open_context(chosen)
    try:
        async with opened.context.database.reading() as connection:
            window = await find_window(connection, given.kid, begin=given.since, end=given.until)
            found = _Found(window=window)
            async for row in issued_within(opened.context, connection, window):
                found.tokens[row.client_id] += row.times
                found.people[row.client_id].add(row.sub)
                if given.list:
                    found.issued.append(row)
            keys = await keys_ever(opened.context, connection)
            for name, text in told.items():
                found.judged[name] = await judge_signed(opened.context, connection, keys, text)
        await note_listed(opened.context, {row.subject for row in found.issued})
        return found
    finally:
        await opened.close()


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError as error:
        raise NotFoundError(
            "file_unreadable", f"{path} cannot be read: {error.strerror}", where=str(path)
        ) from error


def _verdict(kid: str, window: "Window", judged: "Judged") -> tuple[str, Sequence[str]]:
    """One word, and what it rests on."""
    if judged.kid is None:
        return "no signature of ours", ()
    notes = [*judged.faults]
    if judged.left_open is not None:
        notes.append(judged.left_open)
    if judged.kid != kid:
        notes.append(f"signed by another key, {judged.kid}")
    if judged.signed_at is not None and not window.begin <= judged.signed_at <= window.end:
        notes.append("it names an instant outside the window")
    if not judged.is_forged:
        return "ours", notes
    if not judged.is_issued:
        notes.insert(0, "it was not issued here")
    return "forged", notes


def _as_json(kid: str, found: _Found) -> dict[str, object]:
    return {
        "kid": kid,
        "since": to_rfc3339(found.window.begin),
        "until": to_rfc3339(found.window.end),
        "issued": [
            {"client_id": client, "tokens": times, "people": len(found.people[client])}
            for client, times in sorted(found.tokens.items())
        ],
        "tokens": [
            {
                "hour": to_rfc3339(row.hour),
                "client_id": row.client_id,
                "sub": row.sub,
                "times": row.times,
            }
            for row in found.issued
        ],
        "judged": {
            name: {
                "kind": each.kind,
                "verdict": (told := _verdict(kid, found.window, each))[0],
                "issued_here": each.is_issued,
                "notes": list(told[1]),
            }
            for name, each in found.judged.items()
        },
    }


def _say(kid: str, found: _Found) -> None:
    begin, end = to_rfc3339(found.window.begin), to_rfc3339(found.window.end)
    terminal.say(f"{kid} was in wrong hands from {begin} until {end}")
    for name, judged in found.judged.items():
        verdict, notes = _verdict(kid, found.window, judged)
        terminal.say(f"  {name}: {judged.kind}, {verdict}")
        for each in notes:
            terminal.say(f"    {each}")
    rows = [
        (client, str(times), str(len(found.people[client])))
        for client, times in sorted(found.tokens.items())
    ]
    terminal.say_table(("CLIENT", "TOKENS", "PEOPLE"), rows)
    for row in found.issued:
        terminal.say(f"  {to_rfc3339(row.hour)[:13]}h  {row.client_id}  {row.sub}  {row.times}")
