"""``consentid field``: capture devices, for who runs the hub; and a device on the command line."""

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import msgspec

from consentid import settings
from consentid.cli import field_device, field_queue, terminal
from consentid.cli.field_queue import Queue
from consentid.cli.opening import noting_of, owned
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.kit.instants import from_datetime, to_rfc3339
from consentid.settings import Settings
from consentid.tokens.capture_bundle import EvidenceClaim

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.manage_field_devices import FieldDeviceOut

_ON_DEVICE: Final = ("join", "capture", "sync")
_CHANNELS: Final = ("shop", "paper", "phone")
_EVIDENCE: Final = ("form", "script", "paper", "recording")
_MICROSECONDS: Final = 1_000


class _Arguments(Protocol):
    action: str
    json: bool
    client: str | None
    name: str
    device: str
    hub: str
    code: str
    queue: Path
    operator: str
    grant: list[str]
    refuse: list[str]
    language: str | None
    channel: str
    evidence: str
    version: str
    reference: str | None
    at: str | None


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "field",
        help="devices that capture without network",
        description=(
            "enrol, list and revoke manage capture devices; join, capture and sync are one, in a "
            "file, for scripts and tests. People use the app at /field/ of the hub."
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    enrolling = actions.add_parser(
        "enrol",
        help="print a code that enrols a device",
        description="Print a code to type on the device: good once, for a quarter of an hour.",
        epilog='Example: consentid field enrol --client news-field --name "Tablet 7"',
    )
    enrolling.add_argument("--client", required=True, metavar="ID", help="for whom it captures")
    enrolling.add_argument("--name", required=True, help="what you call the device")
    listing = actions.add_parser("list", help="show every device, and how far it has come")
    listing.add_argument("--client", metavar="ID", help="only this client's")
    revoking = actions.add_parser("revoke", help="believe a device no more, as one that is lost")
    revoking.add_argument("device", metavar="DEVICE", help="as `list` shows it")
    joining = _on_device(actions.add_parser("join", help="be a device: enrol by a code"))
    joining.add_argument("--hub", required=True, metavar="URL")
    joining.add_argument("--code", required=True)
    capturing = _on_device(actions.add_parser("capture", help="be a device: capture offline"))
    _add_capture(capturing)
    syncing = _on_device(actions.add_parser("sync", help="be a device: bring what was captured"))
    for action in (enrolling, listing, revoking, joining, capturing, syncing):
        action.add_argument("--json", action="store_true", help="answer as JSON")
    parser.set_defaults(run=run)
    return parser


def _on_device(action: argparse.ArgumentParser) -> argparse.ArgumentParser:
    action.add_argument(
        "--queue", type=Path, required=True, metavar="FILE", help="the device: its key and queue"
    )
    return action


def _add_capture(action: argparse.ArgumentParser) -> None:
    action.add_argument("--operator", required=True, metavar="ID", help="who captures")
    for name, what in (("grant", "yes"), ("refuse", "no")):
        action.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="PURPOSE",
            help=f"the person said {what}; may be given again",
        )
    action.add_argument("--language", help="of the notice that was shown")
    action.add_argument("--channel", choices=_CHANNELS, default="shop")
    action.add_argument("--evidence", choices=_EVIDENCE, default="form")
    action.add_argument("--version", required=True, help="of the form or script")
    action.add_argument("--reference", help="what you find the paper or recording by")
    action.add_argument("--at", metavar="TIME", help="what the device's clock says; default: now")


def run(args: argparse.Namespace) -> int:
    """Do what was asked and show it."""
    given = cast("_Arguments", cast("object", args))
    if given.action in _ON_DEVICE:
        with field_queue.alone(given.queue):
            return _be_device(given)
    return asyncio.run(_manage(settings.from_environment(os.environ), given))


async def _manage(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows import manage_field_devices as devices  # noqa: PLC0415  the server extra
    from consentid.flows.enrol_field_device import invite_device  # noqa: PLC0415  the server extra

    async with owned(chosen) as database:
        match given.action:
            case "enrol":
                async with database.writing() as connection:
                    made = await invite_device(
                        connection,
                        noting_of(chosen),
                        client_id=given.client or "",
                        name=given.name,
                    )
                ends_at = to_rfc3339(made.ends_at)
                if given.json:
                    told = {"device": made.device, "code": made.code, "ends_at": ends_at}
                    terminal.say_json(told)
                else:
                    terminal.say(made.code)
                    terminal.note(f"device {made.device}; type it at /field/ until {ends_at}")
            case "list":
                async with database.reading() as connection:
                    _say_devices(
                        await devices.list_devices(connection, given.client), as_json=given.json
                    )
            case "revoke":
                async with database.writing() as connection:
                    await devices.revoke_device(
                        connection, noting_of(chosen), given.device, client_id=None
                    )
                _say({"done": "revoked"}, "revoked", as_json=given.json)
            case _:
                raise AssertionError(given.action)
    return Exit.OK


def _say_devices(found: "Sequence[FieldDeviceOut]", *, as_json: bool) -> None:
    if as_json:
        terminal.say_json(msgspec.to_builtins(found))
        return
    terminal.say_table(
        ("device", "client", "name", "state", "last", "waiting", "refused", "last sync"),
        [
            (
                *(each.device, each.client, each.name, each.state, str(each.last_bundle)),
                *(str(each.bundles.get(state, 0)) for state in ("waiting", "refused")),
                each.synced_at or "-",
            )
            for each in found
        ],
    )


def _be_device(given: _Arguments) -> int:
    match given.action:
        case "join":
            queue = _join(given)
            _say({"device": queue.device, "name": queue.name}, f"device {queue.device}", given.json)
        case "capture":
            queue = field_queue.read_queue(given.queue)
            entry = field_device.make_entry(
                queue,
                at_ms=_clock_ms(given.at),
                operator=given.operator,
                granted=given.grant,
                refused=given.refuse,
                language=given.language,
                channel=given.channel,
                evidence=EvidenceClaim(
                    kind=cast("Any", given.evidence),
                    version=given.version,
                    reference=given.reference,
                ),
            )
            queue = field_queue.append(queue, entry)
            field_queue.write_queue(given.queue, queue)
            told = {"entry": entry.id, "bundle": queue.last()}
            _say(told, f"bundle {queue.last()} waits for a sync", given.json)
        case "sync":
            queue = _sync(given)
            _say_queue(queue, as_json=given.json)
            return Exit.NO if any(each.state == "refused" for each in queue.bundles) else Exit.OK
        case _:
            raise AssertionError(given.action)
    return Exit.OK


def _join(given: _Arguments) -> Queue:
    with field_device.open_hub(given.hub) as http:
        if given.queue.exists():  # the answer was lost: the same key asks again
            queue = field_queue.read_queue(given.queue)
        else:
            issuer = field_device.find_issuer(http)
            queue = field_queue.new_queue(hub=given.hub, issuer=issuer, code=given.code)
            field_queue.write_queue(given.queue, queue)
        queue = field_device.join(http, queue)
        field_queue.write_queue(given.queue, queue)
        # Its first kit: from here on it can capture without network.
        return field_device.sync(
            http, queue, lambda reached: field_queue.write_queue(given.queue, reached)
        )


def _sync(given: _Arguments) -> Queue:
    queue = field_queue.read_queue(given.queue)
    with field_device.open_hub(queue.hub) as http:
        return field_device.sync(
            http, queue, lambda reached: field_queue.write_queue(given.queue, reached)
        )


def _clock_ms(told: str | None) -> int:
    if told is None:
        return time.time_ns() // 1_000_000
    try:
        return from_datetime(datetime.fromisoformat(told)) // _MICROSECONDS
    except ValueError as error:
        raise MalformedError(
            "usage", "a time with its zone, such as 2026-11-22T10:00:00Z", where="--at"
        ) from error


def _say_queue(queue: Queue, *, as_json: bool) -> None:
    shown = [
        {"bundle": each.seq, "state": each.state, "why": each.why, "captures": each.captures}
        for each in queue.bundles
    ]
    if as_json:
        terminal.say_json({"device": queue.device, "bundles": shown})
        return
    for each in queue.bundles:
        ids = ", ".join(each.captures.values()) or each.why or ""
        terminal.say(f"{each.seq}  {each.state}  {ids}")


def _say(told: dict[str, Any], line: str, as_json: bool) -> None:
    if as_json:
        terminal.say_json(told)
    else:
        terminal.say(line)
