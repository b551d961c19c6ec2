"""``consentid clients add | list | rotate``: OAuth clients and their secrets.

Clients are usually declared in ``brands/``, which register them when they are applied; their
secrets are made here, shown once and stored hashed.
"""

import argparse
import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec

from consentid import settings
from consentid.brandbook.client import (
    ApplicationType,
    AuthMethod,
    ClientDeclaration,
    ClientId,
    Collects,
    GrantType,
    IdTokenAlgorithm,
    Scope,
    Surface,
    application_type_for,
    grant_types_for,
    token_class_for,
)
from consentid.brandbook.client_keys import BadKeyError, read_key_file
from consentid.cli import terminal
from consentid.cli.opening import owned
from consentid.cli.terminal import Exit
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import PurposeId
from consentid.kit.errors import MalformedError
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.register_client import NewSecret
    from consentid.store.clients import Client

_DEFAULT_SCOPES: Final = (Scope.VERIFY,)
_HOUR_S: Final = 3600
_DEFAULT_OVERLAP_H: Final = 24


class _Arguments(Protocol):
    action: str
    json: bool
    client: str
    party: str
    scope: list[str]
    auth: str
    surface: str
    collects_for_group: bool
    application_type: str | None
    grant_type: list[str]
    redirect_uri: list[str]
    post_logout_redirect_uri: list[str]
    backchannel_logout_uri: str | None
    purpose: list[str]
    audience: str | None
    id_token_alg: str
    require_pushed_requests: bool
    jwks: Path | None
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
    adding.add_argument("client", metavar="ID", help="the new client's id")
    adding.add_argument(
        "--party", required=True, metavar="KIND/SLUG", help="brand/shop or partner/reach"
    )
    adding.add_argument(
        "--scope",
        action="append",
        default=[],
        choices=list(Scope),
        help="what it may ask for; may be given again (default: verify)",
    )
    adding.add_argument(
        "--auth",
        choices=list(AuthMethod),
        default=AuthMethod.CLIENT_SECRET_BASIC,
        help="how it proves who it is (default: %(default)s)",
    )
    adding.add_argument(
        "--surface",
        choices=list(Surface),
        default=Surface.WEB,
        help="where its people sit (default: %(default)s)",
    )
    adding.add_argument(
        "--collects-for-group",
        action="store_true",
        help="it may record grants that hold at every brand its notice names",
    )
    _add_oauth_options(adding)
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


def _add_oauth_options(adding: argparse.ArgumentParser) -> None:
    adding.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        metavar="URI",
        help="where people return to, exactly; may be given again",
    )
    adding.add_argument(
        "--post-logout-redirect-uri",
        action="append",
        default=[],
        metavar="URI",
        help="where people return to after signing out; may be given again",
    )
    adding.add_argument(
        "--backchannel-logout-uri", metavar="URI", help="where its back end is told of a sign-out"
    )
    adding.add_argument(
        "--application-type",
        choices=list(ApplicationType),
        help="what runs it (default: by --auth and --surface)",
    )
    adding.add_argument(
        "--grant-type",
        action="append",
        default=[],
        choices=list(GrantType),
        help="how it comes by tokens; may be given again (default: all that the rest allows)",
    )
    adding.add_argument(
        "--purpose",
        action="append",
        default=[],
        metavar="PURPOSE",
        help="what it may ask for; may be given again (default: all that its party offers)",
    )
    adding.add_argument(
        "--audience",
        metavar="URI",
        help="what its tokens are meant for (default: the first audience of its party)",
    )
    adding.add_argument(
        "--id-token-alg",
        choices=list(IdTokenAlgorithm),
        default=IdTokenAlgorithm.RS256,
        help="what its ID tokens are signed with (default: %(default)s)",
    )
    adding.add_argument(
        "--require-pushed-requests",
        action="store_true",
        help="it sends every authorization request through /par (partners always do)",
    )
    adding.add_argument(
        "--jwks",
        type=Path,
        metavar="FILE",
        help="its public keys as a JSON Web Key Set, for --auth private_key_jwt",
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked and show it."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    match given.action:
        case "add":
            made = asyncio.run(_add(chosen, given, _party(given.party)))
            _say_secret(given.client, made, as_json=given.json)
        case "rotate":
            made = asyncio.run(_rotate(chosen, given.client, given.overlap_hours))
            _say_secret(given.client, made, as_json=given.json)
        case _:
            _say_clients(asyncio.run(_list(chosen)), as_json=given.json)
    return Exit.OK


def _party(text: str) -> Party:
    kind, slash, slug = text.partition("/")
    if not slash or not slug or kind not in set(PartyKind):
        raise MalformedError(
            "usage", "a party is brand/SLUG or partner/SLUG, such as brand/shop", where="--party"
        )
    return Party(kind=PartyKind(kind), slug=Slug(slug))


async def _add(chosen: Settings, given: _Arguments, party: Party) -> "NewSecret | None":
    declared = _declared(given, party)
    async with owned(chosen) as database:
        from consentid.flows.register_client import add_client  # noqa: PLC0415  the server extra

        return await add_client(
            database,
            declared,
            randomness=secrets.token_bytes,
            ledger_origin=chosen.ledger_origin,
            by=chosen.command_line,
        )


def _declared(given: _Arguments, party: Party) -> ClientDeclaration:
    auth, surface = AuthMethod(given.auth), Surface(given.surface)
    try:
        keys = () if given.jwks is None else read_key_file(given.jwks)
    except BadKeyError as bad:
        raise MalformedError("usage", f"{bad.message}: {bad.remedy}", where="--jwks") from bad
    return ClientDeclaration(
        id=ClientId(given.client),
        party=party,
        auth=auth,
        scopes=frozenset(Scope(scope) for scope in given.scope or _DEFAULT_SCOPES),
        collects=Collects.GROUP if given.collects_for_group else Collects.OWN,
        surface=surface,
        token_class=token_class_for(surface, party),
        application_type=ApplicationType(
            given.application_type or application_type_for(auth, surface)
        ),
        grant_types=frozenset(GrantType(each) for each in given.grant_type)
        or grant_types_for(auth, surface, given.redirect_uri, party),
        redirect_uris=tuple(dict.fromkeys(given.redirect_uri)),
        post_logout_redirect_uris=tuple(dict.fromkeys(given.post_logout_redirect_uri)),
        backchannel_logout_uri=given.backchannel_logout_uri,
        purposes=frozenset(PurposeId(each) for each in given.purpose) or None,
        audience=given.audience,
        id_token_signed_response_alg=IdTokenAlgorithm(given.id_token_alg),
        require_pushed_authorization_requests=given.require_pushed_requests,
        keys=keys,
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
