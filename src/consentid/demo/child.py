"""What a child process of the demo runs: ``python -m consentid.demo.child web|worker``.

Settings come by ``CONSENTID_*`` variables, as in any installation; what only the demo needs, by
arguments.
"""

import argparse
import logging
import os
import socket
from pathlib import Path
from typing import Final, Protocol, cast

import uvicorn
import uvloop

from consentid import settings, worker
from consentid.demo import lifeline
from consentid.demo.hosts import create_hosts

_LOG_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_DRAIN_S: Final = 5


class _Arguments(Protocol):
    role: str
    folder: Path
    port: int
    fd: list[int]


def main() -> None:
    """Run one role until SIGTERM, or until the parent is gone."""
    given = _parse()
    lifeline.hold()
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it tells each request of each site
    chosen = settings.from_environment(os.environ)
    if given.role == "worker":
        uvloop.run(worker.run(chosen))
        return
    config = uvicorn.Config(
        create_hosts(chosen, given.folder, given.port),
        lifespan="on",
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_S,
        log_config=None,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd) for fd in given.fd])


def _parse() -> _Arguments:
    parser = argparse.ArgumentParser(prog="consentid.demo.child")
    parser.add_argument("role", choices=("web", "worker"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--fd", type=int, action="append", default=[])
    return cast("_Arguments", cast("object", parser.parse_args()))


if __name__ == "__main__":
    main()
