"""Servers that outlived their guard.

Happens only when the guard was killed by force.  Called under the folder's lock, so nobody uses
what is found.
"""

import os
import signal
import time
from pathlib import Path
from typing import Final

from consentid.embedded.errors import EmbeddedServerError

_PROCESSES: Final = Path("/proc")
_END_WITHIN_S: Final = 20.0
_POLL_S: Final = 0.02


def end_leftovers(data: Path) -> None:
    """End the server that still works in ``data``, and forget one that is dead.

    A dead server's process id may have gone to somebody else, for whose sake PostgreSQL would
    refuse to start; so its file is removed where it is proven that no server is left.  Without
    ``/proc`` nothing is proven, nothing is done, and PostgreSQL decides.

    Raises:
        EmbeddedServerError: what is left does not end.
    """
    pid_file = data / "postmaster.pid"
    if not _PROCESSES.joinpath("self").exists() or not pid_file.exists():
        return
    server = int(pid_file.read_text().splitlines()[0])
    give_up_at = time.monotonic() + _END_WITHIN_S
    asked = False
    while left := _working_in(data):
        if server in left and not asked:
            os.kill(server, signal.SIGINT)
            asked = True
        if time.monotonic() > give_up_at:
            raise EmbeddedServerError(
                "leftover", f"processes {left} still work in {data}: end them first"
            )
        time.sleep(_POLL_S)
    pid_file.unlink(missing_ok=True)


def _working_in(folder: Path) -> list[int]:
    """The processes whose current folder it is; a server and its workers never leave theirs."""
    found: list[int] = []
    for process in _PROCESSES.iterdir():
        if process.name.isdigit():
            try:
                if (process / "cwd").readlink() == folder:
                    found.append(int(process.name))
            except OSError:  # it ended, or is another user's
                continue
    return found
