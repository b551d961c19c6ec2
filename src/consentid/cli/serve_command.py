"""``consentid serve``: the web process and nothing else."""

import argparse
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from consentid import settings
from consentid.cli.logs import log_config
from consentid.cli.terminal import Exit

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

_KEEP_ALIVE_S = 75
"""Longer than televisions and proxies leave a connection alone: else they send on one that is being
closed.
"""


class _Arguments(Protocol):
    host: str | None
    port: int | None
    uds: Path | None
    fd: int | None
    workers: int | None


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "serve",
        help="serve HTTP (web only; run `consentid worker` beside it)",
        description=(
            "Serve HTTP until SIGTERM, then finish what is under way and end. "
            "Replicas hold no state: run as many as you like."
        ),
    )
    parser.add_argument("--host", help="address (default: $CONSENTID_HOST, or 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port (default: $CONSENTID_PORT, or 8000)")
    parser.add_argument("--uds", type=Path, metavar="PATH", help="a Unix socket instead")
    parser.add_argument("--fd", type=int, help="a listening socket that we inherit instead")
    parser.add_argument("--workers", type=int, help="web processes (default: 1)")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Serve until asked to stop."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    chosen.database()  # said here rather than in the log of a process that keeps restarting
    import uvicorn  # noqa: PLC0415  the server extra

    def end(_number: int, _frame: object) -> None:
        raise SystemExit(Exit.OK)

    # uvicorn drains at SIGTERM and then raises it again, for whoever listened before: that is us.
    signal.signal(signal.SIGTERM, end)

    uds = given.uds or chosen.uds
    workers = given.workers or chosen.workers
    # The processes that we start read the same settings, and share out the ports for metrics.
    os.environ[f"{settings.PREFIX}WORKERS"] = str(workers)
    uvicorn.run(
        "consentid.asgi:create_app",
        factory=True,
        host=given.host or chosen.host,
        port=chosen.port if given.port is None else given.port,
        uds=None if uds is None else str(uds),
        fd=given.fd,
        workers=workers,
        loop="consentid.web.listening:Loop",
        http="consentid.web.patience:PatientProtocol",
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the application believes the proxies that the operator names
        limit_concurrency=max(chosen.connections, chosen.concurrency),
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=chosen.drain_s,
        log_config=log_config(chosen),
    )
    return Exit.OK
