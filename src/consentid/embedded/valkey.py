"""A real Valkey on one folder.

It keeps nothing on disk: Valkey holds nothing that PostgreSQL could not rebuild.
"""

import atexit
import os
import shutil
import signal
import socket
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from consentid.embedded.account import require_open_way, server_account
from consentid.embedded.binaries import valkey_binary
from consentid.embedded.folder_lock import FolderLock
from consentid.embedded.places import make_enterable, make_socket_folder
from consentid.embedded.server_process import ServerProcess, server_environ

_SOCKET: Final = "valkey.sock"
_ANSWER_WITHIN_S: Final = 1.0


class EmbeddedValkey:
    """Valkey on a folder, from ``start`` to ``stop`` or to our end."""

    def __init__(self, folder: Path) -> None:
        self._folder: Path = folder.absolute()
        self._lock: FolderLock = FolderLock(self._folder)
        self._process: ServerProcess | None = None
        self._socket_folder: Path = self._folder / "run"

    def start(self) -> str:
        """Start the server; its URL, a Unix socket.

        Raises:
            EmbeddedServerError: the folder is in use or out of the server's reach, or the server
                cannot be run here.
        """
        account = server_account()
        binary = valkey_binary(account)
        make_enterable(self._folder)
        require_open_way(self._folder / "run", account)
        descriptor = self._lock.acquire()
        try:
            self._socket_folder = make_socket_folder(self._folder, _SOCKET, account)
            self._process = ServerProcess(
                [
                    *(str(binary), "--port", "0"),
                    *("--unixsocket", str(self._socket_folder / _SOCKET)),
                    *("--unixsocketperm", "700"),
                    *("--save", "", "--appendonly", "no"),
                    *("--dir", str(self._socket_folder)),
                ],
                account=account,
                environ=server_environ(),
                folder=self._socket_folder,
                log=self._folder / "log",
                lock_descriptor=descriptor,
                stop_signal=signal.SIGTERM,
            )
            self._process.await_ready(self._is_ready)
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """Stop the server; harmless when it does not run."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._socket_folder != self._folder / "run":
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        self._lock.release()
        atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """How to reach it."""
        return f"unix://{self._socket_folder / _SOCKET}"

    def _is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_WITHIN_S)
            try:
                connection.connect(os.fspath(self._socket_folder / _SOCKET))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False
