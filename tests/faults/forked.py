"""Web processes out of a server of forks that has read every module: a thousand starts cost little.

Each is ``consentid serve`` in a process of its own, as if a shell had started it: the same command
line, with an environment, a log and a socket that are its own.
"""

import os
import signal
import socket
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Final, final

from tests.web.hub import REPOSITORY

_READ: Final = ("tests.faults.runs", "tests.faults.reading")


def nursery() -> ForkServerContext:
    """Where they are started."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, *_READ])
    return context


@final
class Forked:
    """One of them, asked as a ``subprocess.Popen`` is."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process: Final = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int:
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def serve(
    nursery_: ForkServerContext,
    listening: socket.socket,
    environ: Mapping[str, str],
    log: Path,
) -> Forked:
    """Start one."""
    given = (listening, dict(environ), log)
    process = nursery_.Process(target=_serve, args=given, daemon=True)
    process.start()
    return Forked(process)


def _serve(listening: socket.socket, environ: Mapping[str, str], log: Path) -> None:
    from consentid.cli.main import main  # noqa: PLC0415  read already, where this is

    os.environ.clear()
    os.environ.update(environ)
    os.chdir(REPOSITORY)
    with log.open("ab") as stream:
        for number in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(stream.fileno(), number)
    sys.exit(main(["serve", "--fd", str(listening.fileno())]))
