"""``consentid webhooks``: where events are sent, with which secrets, and what came of it."""

import argparse
import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.opening import owned
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.kit.instants import to_rfc3339
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.manage_webhooks import Office
    from consentid.flows.webhook_secrets import NewSecrets
    from consentid.store.deliveries import LogEntry
    from consentid.store.webhooks import Endpoint

_HOUR_S: Final = 3600
_DEFAULT_OVERLAP_H: Final = 24
_ON_ONE: Final = {
    "test": "send it an event that says nothing, now",
    "enable": "send to it again, from where it was",
    "disable": "send nothing to it for now",
    "remove": "forget it, its secrets and its log",
    "redrive": "try again what was given up",
}


class _Arguments(Protocol):
    action: str
    json: bool
    number: int
    client: str
    url: str
    brand: list[str]
    purpose: list[str]
    kind: list[str]
    overlap_hours: int
    first: int
    last: int
    dead: bool
    most: int


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "webhooks",
        help="send events to other systems, and see what came of it",
        description=(
            "Endpoints that events are sent to as they come, signed by Standard Webhooks. Each "
            "belongs to a client with the scope events:read, and gets what that client may read."
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser(
        "add",
        help="register an endpoint",
        description="Register an endpoint and show its secret and its public key, this once.",
        epilog="Example: consentid webhooks add --client news-crm https://crm.example/consent",
    )
    adding.add_argument("url", metavar="URL", help="https, at a public address")
    adding.add_argument("--client", required=True, metavar="ID", help="whose events it gets")
    for name, what in (("brand", "brands"), ("purpose", "purposes"), ("kind", "kinds of events")):
        adding.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar=name.upper(),
            help=f"only these {what}; may be given again",
        )
    made = [adding, actions.add_parser("list", help="show every endpoint")]
    for name, what in _ON_ONE.items():
        made.append(_on_one(actions.add_parser(name, help=what)))
    rotating = _on_one(actions.add_parser("rotate", help="give it new secrets"))
    rotating.add_argument(
        "--overlap-hours",
        type=int,
        default=_DEFAULT_OVERLAP_H,
        metavar="N",
        help="how long it is signed with the old ones too (default: %(default)s)",
    )
    replaying = _on_one(actions.add_parser("replay", help="send a range of events again"))
    replaying.add_argument("first", type=int, metavar="FIRST", help="a number of its sequence")
    replaying.add_argument("last", type=int, metavar="LAST")
    logging = _on_one(actions.add_parser("log", help="show its newest deliveries"))
    logging.add_argument("--dead", action="store_true", help="only what was given up")
    logging.add_argument("--most", type=int, default=20, metavar="N", help="default: %(default)s")
    for action in (*made, rotating, replaying, logging):
        action.add_argument("--json", action="store_true", help="answer as JSON")
    parser.set_defaults(run=run)
    return parser


def _on_one(action: argparse.ArgumentParser) -> argparse.ArgumentParser:
    action.add_argument("number", type=int, metavar="NUMBER", help="as `list` shows it")
    return action


def run(args: argparse.Namespace) -> int:
    """Do what was asked and show it."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    return asyncio.run(_run(chosen, given))


async def _run(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows import manage_webhooks as flows  # noqa: PLC0415  the server extra

    async with _office(chosen) as office:
        match given.action:
            case "add":
                from consentid.events.filters import Filters  # noqa: PLC0415  the server extra

                added = await flows.add_webhook(
                    office,
                    client_id=given.client,
                    url=given.url,
                    filters=Filters(
                        brands=tuple(given.brand),
                        purposes=tuple(given.purpose),
                        kinds=tuple(given.kind),
                    ),
                    allows_http=chosen.localhost_hosts,
                )
                _say_secrets(added.no, added.secrets, as_json=given.json)
            case "rotate":
                overlap_s = given.overlap_hours * _HOUR_S
                if overlap_s < 0:
                    raise MalformedError("usage", "hours are 0 or more", where="--overlap-hours")
                made = await flows.rotate_webhook(office, given.number, overlap_s=overlap_s)
                _say_secrets(given.number, made, as_json=given.json)
            case "list":
                _say_endpoints(await flows.list_webhooks(office.database), as_json=given.json)
            case "test":
                return await _try(chosen, office, given)
            case "log":
                states = ("dead",) if given.dead else flows.STATES
                entries = await flows.show_deliveries(
                    office.database, given.number, states=states, most=given.most
                )
                _say_log(entries, as_json=given.json)
            case "redrive":
                count = await flows.redrive_webhook(office, given.number)
                _say_done(f"{count} to be tried again", events=count, as_json=given.json)
            case "replay":
                count = await flows.replay_webhook(
                    office, given.number, first=given.first, last=given.last
                )
                _say_done(f"{count} to be sent again", events=count, as_json=given.json)
            case "enable" | "disable" | "remove" as act:
                acts = {
                    "enable": flows.enable_webhook,
                    "disable": flows.disable_webhook,
                    "remove": flows.remove_webhook,
                }
                await acts[act](office, given.number)
                _say_done(f"{act}d", as_json=given.json)
            case _:
                raise AssertionError(given.action)
    return Exit.OK


@asynccontextmanager
async def _office(chosen: Settings) -> "AsyncGenerator[Office]":
    from consentid.flows.manage_webhooks import Office  # noqa: PLC0415  the server extra
    from consentid.keyring.loading import load  # noqa: PLC0415  the server extra

    master = load(chosen.keys_dir).master
    async with owned(chosen) as database:
        yield Office(
            database=database,
            master=master,
            randomness=secrets.token_bytes,
            ledger_origin=chosen.ledger_origin,
            by=chosen.command_line,
        )


async def _try(chosen: Settings, office: "Office", given: _Arguments) -> int:
    from consentid.flows.publish_catalogue import find_applied  # noqa: PLC0415  the server extra
    from consentid.flows.try_endpoint import try_now  # noqa: PLC0415  the server extra

    book = await find_applied(office.database)
    issuer = "" if book is None else book.group.issuer
    found = await try_now(office, chosen, given.number, issuer=issuer)
    if given.json:
        terminal.say_json({"outcome": found.outcome, "took_ms": found.took_ms})
    else:
        terminal.say(f"{found.outcome} after {found.took_ms} ms")
    return Exit.OK if found.is_taken else Exit.NO


def _say_secrets(number: int, made: "NewSecrets", *, as_json: bool) -> None:
    if as_json:
        terminal.say_json({"number": number, "secret": made.secret, "public_key": made.public_key})
        return
    terminal.say(f"webhook {number}; shown this once:")
    terminal.say(f"  secret      {made.secret}")
    terminal.say(f"  public key  {made.public_key}")


def _say_endpoints(endpoints: "Sequence[Endpoint]", *, as_json: bool) -> None:
    if as_json:
        terminal.say_json([_shown(each) for each in endpoints])
        return
    for each in endpoints:
        state = "enabled"
        if each.disabled_why is not None:
            state = f"disabled ({each.disabled_why})"
        elif each.failing_since is not None:
            state = f"failing since {to_rfc3339(each.failing_since)}"
        where = each.url if each.stream_id is None else f"stream {each.stream_id}"
        terminal.say(f"{each.no}  {each.client_id}  {where}  {state}")


def _shown(endpoint: "Endpoint") -> dict[str, Any]:
    return {
        "number": endpoint.no,
        "client_id": endpoint.client_id,
        "url": endpoint.url,
        "stream_id": endpoint.stream_id,
        "filters": msgspec.json.decode(endpoint.filters),
        "queued": endpoint.queued_seq,
        "failures": endpoint.failures,
        "failing_since": None
        if endpoint.failing_since is None
        else to_rfc3339(endpoint.failing_since),
        "disabled": endpoint.disabled_why,
    }


def _say_log(entries: "Sequence[LogEntry]", *, as_json: bool) -> None:
    if as_json:
        terminal.say_json(
            [
                {
                    "sequence": each.seq,
                    "id": each.id,
                    "state": each.state,
                    "attempts": each.attempts,
                    "outcome": each.outcome,
                    "queued_at": to_rfc3339(each.queued_at),
                    "took_ms": each.took_ms,
                    "latency_ms": each.latency_ms,
                }
                for each in entries
            ]
        )
        return
    for each in entries:
        latency = "" if each.latency_ms is None else f"  {each.latency_ms} ms"
        terminal.say(
            f"{each.seq}  {each.id}  {each.state}  attempts {each.attempts}"
            f"  {each.outcome or '-'}{latency}"
        )


def _say_done(what: str, *, events: int | None = None, as_json: bool) -> None:
    if as_json:
        terminal.say_json({"done": what} if events is None else {"events": events})
    else:
        terminal.say(what)
