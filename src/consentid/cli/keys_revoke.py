"""``consentid keys revoke``: keys in wrong hands are refused everywhere, within a second here."""

import argparse
import asyncio
import json
import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid import settings
from consentid.cli.opening import noting_of, owned
from consentid.keyring import manifest
from consentid.keyring.manifest import KeyEntry
from consentid.keyring.revoking import Replaced, revoke, unknown_keys
from consentid.kit import instants
from consentid.kit.errors import MalformedError
from consentid.kit.instants import Instant
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

_EPILOG: Final = """\
Example: consentid keys revoke --all --stolen-at 2026-11-20T18:00:00Z

Online, tokens of theirs are refused within a second; offline within 60 s by strict verifiers and
within 300 s by others. Who holds one gets another with the next refresh; no session ends.
Then: consentid keys affected KID
"""


class _Arguments(Protocol):
    kid: list[str]
    all: bool
    stolen_at: Instant | None
    folder_only: bool
    keys: Path | None
    json: bool


def add_verb(
    actions: "_SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add the action to ``consentid keys``."""
    parser = actions.add_parser(
        "revoke",
        help="refuse what keys in wrong hands signed, at once",
        description=(
            "Tell every process through the database (CONSENTID_MIGRATION_DATABASE_URL, the role "
            "that owns it) that keys are none any more, then take them out of the folder and put "
            "others in their places. Running it again changes nothing; there is no way back."
        ),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kid", nargs="*", metavar="KID", help="a key's name, as `keys list` has it")
    parser.add_argument("--all", action="store_true", help="every key of the folder")
    parser.add_argument(
        "--stolen-at",
        type=moment,
        metavar="TIME",
        help="since when others may have signed with them (RFC 3339; default: since they exist)",
    )
    parser.add_argument(
        "--folder-only",
        action="store_true",
        help="leave the database alone: processes hear of it when they see the folder",
    )
    return parser


def moment(text: str) -> Instant:
    """An instant as it is written on the command line."""
    try:
        return instants.from_datetime(datetime.fromisoformat(text))
    except ValueError as error:
        told = f"{text} is no time with a zone, such as 2026-11-20T18:00:00Z"
        raise argparse.ArgumentTypeError(told) from error


def run(args: argparse.Namespace) -> None:
    """Revoke what is named and print what was done.

    Raises:
        ConsentidError: a name is unknown, or the database or the folder cannot be changed.
    """
    given = cast("_Arguments", cast("object", args))
    if bool(given.kid) == given.all:
        raise MalformedError("usage", "name keys, or say --all", where="KID")
    chosen = settings.from_environment(os.environ)
    folder = given.keys or chosen.keys_dir
    found = manifest.read(folder).keys
    kids = [each.kid for each in found] if given.all else given.kid
    told = None if given.folder_only else chosen
    say(folder, kids, revoke_all(folder, kids, told, stolen_at=given.stolen_at), given.json)


def revoke_all(
    folder: Path,
    kids: Sequence[str],
    told: Settings | None,
    *,
    stolen_at: Instant | None = None,
) -> Replaced:
    """First the database, which every process hears, then the folder; ``told`` None: this alone.

    Raises:
        NotFoundError: nothing is known of a name.
        MalformedError: the folder cannot be changed from here.
    """
    found = manifest.read(folder).keys
    if told is not None:
        asyncio.run(_tell(told, found, kids, stolen_at))
    elif unknown := set(kids) - {each.kid for each in found}:
        raise unknown_keys(unknown)
    try:
        return revoke(folder, kids, now=instants.from_datetime(datetime.now(UTC)))
    except OSError as error:
        raise MalformedError(
            "keys_folder_fixed",
            f"{folder} cannot be changed from here ({error.strerror}): revoke with --folder-only "
            "where the secret is kept, and mount that; processes refuse the keys already",
            where=str(folder),
        ) from error


async def _tell(
    chosen: Settings,
    found: Collection[KeyEntry],
    kids: Sequence[str],
    stolen_at: Instant | None,
) -> None:
    async with owned(chosen) as database:
        from consentid.flows.revoke_keys import revoke_named  # noqa: PLC0415  the server extra

        await revoke_named(database, found, kids, noting_of(chosen), stolen_at=stolen_at)


def say(folder: Path, kids: Sequence[str], done: Replaced, as_json: bool) -> None:
    """What was done."""
    changes = {
        "revoked": sorted(kids),
        "active": list(done.activated),
        "created": list(done.created),
        "removed": list(done.removed),
    }
    if as_json:
        print(json.dumps({"folder": str(folder), **changes}))
        return
    for state, names in changes.items():
        for kid in names:
            print(f"  {kid:<12}  {state}")
