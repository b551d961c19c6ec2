"""``consentid migrate``: bring the database to the newest step."""

import argparse
import asyncio
import os
from typing import TYPE_CHECKING, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.opening import noting_of, owned
from consentid.cli.terminal import Exit
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name
    from collections.abc import Awaitable

    from consentid.store.migrating import Migrated


class _Arguments(Protocol):
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "migrate",
        help="bring the database up to date",
        description=(
            "Bring the database to the newest step and grant the serving role what it needs. "
            "Running it again changes nothing; two at once wait for each other."
        ),
        epilog=(
            "Uses CONSENTID_MIGRATION_DATABASE_URL, the role that owns the database; "
            "CONSENTID_DATABASE_URL names the serving role, CONSENTID_ERASURE_DATABASE_URL the "
            "one that may destroy what is to be forgotten."
        ),
    )
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Migrate and say from where to where."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    owner, serving = chosen.migration_database(), chosen.database()
    erasing = chosen.erasure_database_url
    from consentid.store.migrating import role_of, upgrade  # noqa: PLC0415  the server extra

    with terminal.step("database brought up to date"):
        done = asyncio.run(
            _upgrade(
                chosen,
                upgrade(
                    owner,
                    serving_role=role_of(serving),
                    erasing_role=None if erasing is None else role_of(erasing),
                ),
            )
        )
    if given.json:
        terminal.say_json({"before": done.before, "after": done.after, "is_ahead": done.is_ahead})
    elif done.is_ahead:
        terminal.say(f"at step {done.after}, of a later release than this: nothing was changed")
    elif done.before == done.after:
        terminal.say(f"at step {done.after}, nothing was changed")
    else:
        terminal.say(f"now at step {done.after} (was: {done.before or 'empty'})")
    return Exit.OK


async def _upgrade(chosen: Settings, upgrading: "Awaitable[Migrated]") -> "Migrated":
    """Do it, and note it in the log, once the database has one."""
    from consentid.flows.stage_act import noting  # noqa: PLC0415  the server extra

    done = await upgrading
    if done.before != done.after:
        async with (
            owned(chosen) as database,
            noting(database, noting_of(chosen)) as noted,
        ):
            noted.update({"act": "migrate", "before": done.before, "after": done.after})
    return done
