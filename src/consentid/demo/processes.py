"""Child processes of the demo, and the port that they share.

Invariants: a child ends when its parent does (see ``lifeline``); the parent holds the listening
socket, so the port stays ours while a killed web process is being replaced; a terminal's Ctrl-C
reaches the parent alone, which then stops the children in order.
"""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from consentid.demo.errors import DemoError
from consentid.settings import PREFIX

_STOP_WITHIN_S: Final = 10.0
_BACKLOG: Final = 512
_LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
"""Browsers and curl try either first for ``*.localhost``."""


def listen(port: int) -> tuple[socket.socket, ...]:
    """Take a port on loopback, for both versions of IP where the machine has both.

    Raises:
        DemoError: the port is busy, or not ours to take.
    """
    taken: list[socket.socket] = []
    for family, address in _LOOPBACK:
        try:
            taken.append(_bound(family, address, port))
        except OSError as error:
            if family is socket.AF_INET6 and error.errno != errno.EADDRINUSE:
                continue  # no IPv6 on this machine
            for one in taken:
                one.close()
            if error.errno == errno.EADDRINUSE:
                message = f"port {port} is in use: end what uses it, or take another with --port"
                raise DemoError("port_busy", message) from error
            raise DemoError("port_refused", f"port {port} cannot be opened: {error}") from error
    return tuple(taken)


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Uvicorn leaves an inherited socket as it is, and a delayed answer costs 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family is socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address, port))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


class Child:
    """One child process, which can be started again after its end."""

    def __init__(
        self,
        name: str,
        *,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.name: str = name
        self.log: Path = log
        self._command: list[str] = [sys.executable, "-m", module, *arguments]
        inherited = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        self._environment: dict[str, str] = {**inherited, **environment}
        self._descriptors: tuple[int, ...] = tuple(one.fileno() for one in sockets)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 if it never ran."""
        return self._process.pid if self._process else 0

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; what it says goes to its log."""
        with self.log.open("ab") as log:
            self._process = self._spawn(log)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own module, arguments that we chose
            self._command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=self._environment,
            pass_fds=self._descriptors,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End it by SIGKILL, which it can neither see nor prevent, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._close()

    def stop(self) -> None:
        """Ask it to end, and wait; force it if it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


def _is_ours(name: str) -> bool:
    """A setting of some other installation, which must not leak into the demo's processes."""
    return name.startswith(PREFIX)
