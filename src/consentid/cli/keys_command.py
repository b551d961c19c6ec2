"""``consentid keys generate | rotate | revoke | affected | list``: an installation's keys.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid import settings
from consentid.cli import keys_affected, keys_revoke
from consentid.cli.noted import do_noted
from consentid.keyring import manifest
from consentid.keyring.generating import LEDGER, MASTER, PAIRWISE, generate
from consentid.keyring.manifest import KeyEntry, State
from consentid.keyring.revoking import revoke
from consentid.keyring.rotating import KEEP_RETIRED_S, PUBLISH_AHEAD_S, rotate
from consentid.kit import instants
from consentid.kit.errors import ConsentidError
from consentid.kit.instants import Instant
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - its only name

DONE: Final = 0
FAILED: Final = 1


class _Arguments(Protocol):
    action: str
    keys: Path | None
    force: bool
    compromised: bool
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "keys",
        help="make, rotate and list signing keys",
        description=(
            "The signing keys and secrets of this installation. Running servers notice a rotation "
            "by themselves."
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    making = actions.add_parser(
        "generate",
        help="make what is missing; never overwrites",
        description=(
            f"Make signing keys, {PAIRWISE}, {MASTER} and {LEDGER} where there are none. Nothing "
            "that is there is ever overwritten; running it again changes nothing."
        ),
    )
    rotating = actions.add_parser(
        "rotate",
        help="sign with the next key from now on",
        description=(
            "The next key becomes active, the active one is retired and a new next key is made. "
            f"A retired key stays published for {KEEP_RETIRED_S // 3600} h, until all that it "
            f"signed has expired. Refused while the next key is younger than "
            f"{PUBLISH_AHEAD_S // 60} minutes, since verifiers may not know it yet."
        ),
    )
    rotating.add_argument("--force", action="store_true", help="do not wait for verifiers")
    rotating.add_argument(
        "--compromised",
        action="store_true",
        help=(
            "the active keys are in wrong hands: take them out of this folder at once (`keys "
            "revoke` tells every process too, whatever folder it sees, and keeps since when)"
        ),
    )
    revoking = keys_revoke.add_verb(actions)
    affected = keys_affected.add_verb(actions)
    listing = actions.add_parser("list", help="show the keys and their states")
    for action in (making, rotating, revoking, affected, listing):
        action.add_argument(
            "--keys",
            type=Path,
            metavar="DIR",
            help="the folder (default: $CONSENTID_KEYS_DIR, or ./keys)",
        )
        action.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked and print what was done.  Answers the exit code."""
    given = cast("_Arguments", cast("object", args))
    now = instants.from_datetime(datetime.now(UTC))
    try:
        chosen = settings.from_environment(os.environ)
        folder = given.keys or chosen.keys_dir
        match given.action:
            case "generate":
                _generate(chosen, folder, now, as_json=given.json)
            case "rotate" if given.compromised:
                _revoke_active(chosen, folder, now, as_json=given.json)
            case "rotate":
                _rotate(chosen, folder, now, given)
            case "revoke":
                keys_revoke.run(args)
            case "affected":
                return DONE if keys_affected.run(args) else FAILED
            case _:
                _list(folder, as_json=given.json)
    except (ConsentidError, OSError) as error:
        _say_error(error, as_json=given.json)
        return FAILED
    return DONE


def _generate(chosen: Settings, folder: Path, now: Instant, *, as_json: bool) -> None:
    done = do_noted(
        chosen,
        lambda: generate(folder, now=now, randomness=secrets.token_bytes),
        lambda made: {"act": "keys/generate", "made": list(made.created)} if made.created else {},
    )
    if as_json:
        print(json.dumps({"folder": str(folder), "created": done.created}))
        return
    if not done.created:
        print(f"{folder} is complete, nothing was changed")
        return
    print(f"made in {folder}:")
    for name in done.created:
        print(f"  {name}")
    lost = " and ".join(name for name in (PAIRWISE, MASTER, LEDGER) if name in done.created)
    print(f"Back up {lost} now, apart from the database: nothing replaces them.")


def _revoke_active(chosen: Settings, folder: Path, now: Instant, *, as_json: bool) -> None:
    active = [each.kid for each in manifest.read(folder).keys if each.state is State.ACTIVE]
    done = do_noted(
        chosen,
        lambda: revoke(folder, active, now=now),
        lambda made: {
            "act": "keys/rotate",
            "active": list(made.activated),
            "removed": list(made.removed),
            "compromised": True,
        },
    )
    keys_revoke.say(folder, active, done, as_json)


def _rotate(chosen: Settings, folder: Path, now: Instant, given: _Arguments) -> None:
    done = do_noted(
        chosen,
        lambda: rotate(folder, now=now, force=given.force),
        lambda made: made.act,
    )
    changes = {
        "active": done.activated,
        "retired": done.retired,
        "next": done.created,
        "removed": done.removed,
    }
    if given.json:
        print(json.dumps({"folder": str(folder), **changes}))
        return
    for state, kids in changes.items():
        for kid in kids:
            print(f"  {kid:<12}  {state}")


def _list(folder: Path, *, as_json: bool) -> None:
    entries = manifest.read(folder).keys
    if as_json:
        print(json.dumps({"folder": str(folder), "keys": [_as_json(entry) for entry in entries]}))
        return
    _print_table(entries)


def _as_json(entry: KeyEntry) -> dict[str, str | None]:
    return {
        "kid": entry.kid,
        "use": entry.use,
        "alg": entry.alg,
        "state": entry.state,
        "created_at": _text(entry.created_at),
        "activated_at": _text(entry.activated_at),
        "retired_at": _text(entry.retired_at),
    }


def _print_table(entries: Iterable[KeyEntry]) -> None:
    print(f"{'KEY':<12}  {'USE':<7}  {'ALG':<5}  {'STATE':<7}  SINCE")
    for entry in entries:
        since = entry.retired_at or entry.activated_at or entry.created_at
        print(f"{entry.kid:<12}  {entry.use:<7}  {entry.alg:<5}  {entry.state:<7}  {_text(since)}")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _say_error(error: ConsentidError | OSError, *, as_json: bool) -> None:
    code = error.code if isinstance(error, ConsentidError) else "file_error"
    message = str(error)
    if as_json:
        print(json.dumps({"error": code, "message": message}))
    else:
        print(f"consentid keys: {message}", file=sys.stderr)
