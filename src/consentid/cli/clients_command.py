"""``consentid clients add | list | rotate``: OAuth clients and their secrets.

Clients are usually declared in ``brands/``, which register them when they are applied; their
secrets are made here, shown once and stored hashed.
"""

import argparse
import asyncio
import os
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec

from consentid import settings
from consentid.brandbook.client import ClientDeclaration
from consentid.cli import terminal
from consentid.cli.clients_options import Options, add_options, declared
from consentid.cli.opening import owned
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.register_client import NewSecret
    from consentid.store.clients import Client

_HOUR_S: Final = 3600
_DEFAULT_OVERLAP_H: Final = 24


class _Arguments(Options, Protocol):
    action: str
    json: bool
    overlap_hours: int


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "clients",
        help="register clients and make their secrets",
        description=(
            "OAuth clients of brands and partners. Those that brands/ declares are registered by "
            "`consentid brands apply`; give each its secret with `consentid clients rotate`."
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser(
        "add",
        help="register a client that the files do not declare",
        description="Register a client and show its secret, this once.",
        epilog="Example: consentid clients add shop-erp --party brand/shop --scope verify",
    )
    add_options(adding)
    rotating = actions.add_parser(
        "rotate",
        help="give a client a new secret",
        description="Give a client a new secret and show it, this once.",
    )
    rotating.add_argument("client", metavar="ID")
    rotating.add_argument(
        "--overlap-hours",
        type=int,
        default=_DEFAULT_OVERLAP_H,
        metavar="N",
        help="how long older secrets still hold (default: %(default)s; 0: not at all)",
    )
    listing = actions.add_parser("list", help="show every client")
    for action in (adding, rotating, listing):
        action.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked and show it."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    match given.action:
        case "add":
            made = asyncio.run(_add(chosen, declared(given)))
            _say_secret(given.client, made, as_json=given.json)
        case "rotate":
            made = asyncio.run(_rotate(chosen, given.client, given.overlap_hours))
            _say_secret(given.client, made, as_json=given.json)
        case _:
            _say_clients(asyncio.run(_list(chosen)), as_json=given.json)
    return Exit.OK


async def _add(chosen: Settings, declaration: ClientDeclaration) -> "NewSecret | None":
    async with owned(chosen) as database:
        from consentid.flows.register_client import add_client  # noqa: PLC0415  the server extra

        return await add_client(
            database,
            declaration,
            randomness=secrets.token_bytes,
            ledger_origin=chosen.ledger_origin,
            by=chosen.command_line,
        )


async def _rotate(chosen: Settings, client_id: str, overlap_h: int) -> "NewSecret":
    if overlap_h < 0:
        raise MalformedError("usage", "hours are 0 or more", where="--overlap-hours")
    async with owned(chosen) as database:
        from consentid.flows.register_client import (  # noqa: PLC0415  the server extra
            rotate_secret,
        )

        return await rotate_secret(
            database,
            client_id=client_id,
            overlap_s=overlap_h * _HOUR_S,
            randomness=secrets.token_bytes,
            ledger_origin=chosen.ledger_origin,
            by=chosen.command_line,
        )


async def _list(chosen: Settings) -> "Sequence[Client]":
    async with owned(chosen) as database:
        from consentid.flows.register_client import list_clients  # noqa: PLC0415  the server extra

        return await list_clients(database)


def _say_secret(client_id: str, made: "NewSecret | None", *, as_json: bool) -> None:
    if as_json:
        secret = None if made is None else made.secret
        ends = None if made is None else made.old_ends_in_s
        terminal.say_json({"client_id": client_id, "secret": secret, "old_ends_in_s": ends})
        return
    if made is None:
        terminal.say(f"{client_id} is registered; it has no secret")
        return
    terminal.say(f"client_id      {client_id}")
    terminal.say(f"client_secret  {made.secret}")
    terminal.note("Keep it now: it is stored hashed and never shown again.")
    if made.old_ends_in_s is not None:
        terminal.note(f"Older secrets hold for {made.old_ends_in_s // _HOUR_S} h more.")


def _say_clients(found: "Sequence[Client]", *, as_json: bool) -> None:
    if as_json:
        terminal.say_json({"clients": [_as_json(client) for client in found]})
        return
    rows = [
        (
            client.client_id,
            str(client.party),
            client.auth_method,
            "group" if client.collects_for_group else "own",
            client.source,
            "disabled" if client.disabled_at is not None else "",
            " ".join(sorted(client.scopes)),
        )
        for client in found
    ]
    terminal.say_table(("CLIENT", "PARTY", "AUTH", "COLLECTS", "FROM", "STATE", "SCOPES"), rows)


def _as_json(client: "Client") -> dict[str, object]:
    return {
        "client_id": client.client_id,
        "party": str(client.party),
        "auth_method": client.auth_method,
        "collects": "group" if client.collects_for_group else "own",
        "scopes": sorted(client.scopes),
        "surface": client.surface,
        "token_class": client.token_class,
        "registration": msgspec.to_builtins(client.registration),
        "source": client.source,
        "disabled": client.disabled_at is not None,
    }
