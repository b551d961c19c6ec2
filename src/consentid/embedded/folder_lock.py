"""One process uses a server's folder at a time.

The lock is an ``flock`` on an open file that the guard inherits: it is free again only when we and
the guard are both gone, so a successor never meets a server that is still stopping.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from consentid.embedded.errors import EmbeddedServerError
from consentid.embedded.liveness import is_alive

_WAIT_FOR_GUARD_S: Final = 30.0
_POLL_S: Final = 0.02


class FolderLock:
    """Held from ``acquire`` to ``release`` (or the death of us and of every heir)."""

    def __init__(self, folder: Path) -> None:
        self._path: Path = folder / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> int:
        """Take the lock; the descriptor is for handing on to the guard.

        A dead holder's guard is waited for.

        Raises:
            EmbeddedServerError: a living process holds it.
        """
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        give_up_at = time.monotonic() + _WAIT_FOR_GUARD_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = _read_holder(descriptor)
                if (holder is not None and is_alive(holder)) or time.monotonic() > give_up_at:
                    os.close(descriptor)
                    raise EmbeddedServerError(
                        "in_use",
                        f"{self._path.parent} is in use by process {holder}: stop it first",
                    ) from error
                time.sleep(_POLL_S)
            else:
                break
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor
        return descriptor

    def release(self) -> None:
        """Give it up; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _read_holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 20, 0)
    return int(text) if text.isdigit() else None
