"""``consentid connect``: carry a receiver's events to a broker, as they come."""

import argparse
import asyncio
import logging
import os
import re
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.logs import configure_logging
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.connectors.jetstream import Target
    from consentid.flows.context import Context

_DAY_S: Final = 86_400
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SUBJECT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}", re.ASCII)
_log: Final = logging.getLogger("consentid.connectors")


class _Arguments(Protocol):
    client: str
    server: list[str]
    stream: str | None
    subject: str | None
    user: str | None
    password_file: Path | None
    credentials: Path | None
    ca: Path | None
    keep_days: int
    replicas: int
    once: bool
    over_the_gap: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "connect",
        help="carry events to a broker, as they come",
        description="Carry the events of a client with the scope events:read to a broker.",
    )
    brokers = parser.add_subparsers(dest="broker", required=True, metavar="BROKER")
    adding = brokers.add_parser(
        "nats",
        help="NATS JetStream (needs consentid[nats])",
        description=(
            "Publish each event of a client's feed to a stream of JetStream that is its own, in "
            "order, with its id as Nats-Msg-Id, and go on where the stream ends. Run it as often "
            "as you like: one works, the others stand by. What was chosen before the client had "
            "a feed is in /v1/events/snapshot."
        ),
        epilog=(
            "Example: consentid connect nats --client news-crm --server tls://nats.example:4222 "
            "--user hub --password-file nats.password"
        ),
    )
    adding.add_argument("--client", required=True, metavar="ID", help="whose events are carried")
    adding.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="URL",
        help="without credentials; again, for a cluster (default: nats://127.0.0.1:4222)",
    )
    adding.add_argument("--stream", metavar="NAME", help="default: consentid-ID; made if missing")
    adding.add_argument(
        "--subject", metavar="SUBJECT", help="what subjects begin with (default: consentid.ID)"
    )
    adding.add_argument("--user", metavar="NAME", help="who we are there, by a password")
    adding.add_argument("--password-file", type=Path, metavar="FILE", help="where that password is")
    adding.add_argument("--credentials", type=Path, metavar="FILE", help="a .creds file of NATS'")
    adding.add_argument(
        "--ca", type=Path, metavar="FILE", help="insist on TLS, checked with these authorities"
    )
    adding.add_argument(
        "--keep-days",
        type=int,
        default=30,
        metavar="N",
        help="for how long a stream that is made keeps events (default: %(default)s; 0: for ever)",
    )
    adding.add_argument(
        "--replicas",
        type=int,
        default=1,
        metavar="N",
        choices=(1, 3, 5),
        help="on how many servers a stream that is made lies: 1, 3 or 5 (default: %(default)s)",
    )
    adding.add_argument("--once", action="store_true", help="carry what there is, and end")
    adding.add_argument(
        "--over-the-gap",
        action="store_true",
        help="go on although events are missing: once those who read have taken a snapshot",
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry on until SIGTERM, or once."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    chosen.database()
    target = _target(given)
    configure_logging(chosen)
    return asyncio.run(_run(chosen, target, given))


def _target(given: _Arguments) -> "Target":
    from consentid.connectors.jetstream import Target  # noqa: PLC0415  the nats extra

    stream, subject = given.stream or f"consentid-{given.client}", given.subject
    if not _NAME.fullmatch(stream):
        raise MalformedError("usage", "a to z, A to Z, 0 to 9, _ and - alone", where="--stream")
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise MalformedError("usage", "words with dots between them alone", where="--subject")
    if any("@" in each for each in given.server):
        raise MalformedError(
            "usage", "no credentials in an address: --user, --credentials", where="--server"
        )
    if (given.user is None) != (given.password_file is None):
        raise MalformedError("usage", "goes with --password-file, and it with this", where="--user")
    if given.keep_days < 0:
        raise MalformedError("usage", "days are 0 or more", where="--keep-days")
    return Target(
        servers=tuple(given.server) or ("nats://127.0.0.1:4222",),
        stream=stream,
        subject=subject or f"consentid.{given.client}",
        user=given.user,
        password=None if given.password_file is None else _read(given.password_file).strip(),
        credentials=given.credentials,
        authorities=given.ca,
        keep_s=given.keep_days * _DAY_S,
        replicas=given.replicas,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(
            "file_unreadable", f"cannot be read: {error.strerror}", where=str(path)
        ) from error


async def _run(chosen: Settings, target: "Target", given: _Arguments) -> int:
    from consentid.connectors import jetstream  # noqa: PLC0415  the nats extra
    from consentid.flows.publish_events import open_connector  # noqa: PLC0415  the server extra
    from consentid.worker.connector import ROLE, carry_once, run_connector  # noqa: PLC0415  as above
    from consentid.worker.metrics import Rounds, exposing_metrics  # noqa: PLC0415  as above

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with _context(chosen) as context:
        connector = await open_connector(context, given.client, kind="nats", target=target.name)

        connecting = partial(jetstream.connecting, target)
        if given.once:
            done = await carry_once(
                *(context, connector, connecting),
                lambda done: terminal.note(f"  {done:,} events"),
                is_gap_taken=given.over_the_gap,
            )
            terminal.say(f"{done} events carried to {target.stream}")
            return Exit.OK
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        _log.info("events of %s go to the stream %s", given.client, target.stream)
        rounds = Rounds()
        async with exposing_metrics(context, rounds, role=ROLE):
            await run_connector(
                *(context, connector, connecting, stopped, rounds),
                is_gap_taken=given.over_the_gap,
            )
        _log.info("connector stopped")
    return Exit.OK


@asynccontextmanager
async def _context(chosen: Settings) -> "AsyncGenerator[Context]":
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra

    opened = open_context(chosen)
    try:
        yield opened.context
    finally:
        await opened.close()
