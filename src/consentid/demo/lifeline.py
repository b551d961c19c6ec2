"""A child process's tie to its parent: standard input, whose other end the parent holds.

However the parent ends, the kernel closes its end; the child reads the end of input, asks itself to
stop as a polite SIGTERM would, and goes for good if that takes too long.  Works on every system
that has pipes, and for every thread that may have started us.
"""

import os
import signal
import threading
import time
from typing import Final

_GRACE_S: Final = 10.0


def hold() -> None:
    """Watch standard input from now on; the process ends soon after it does."""
    threading.Thread(target=_watch, name="lifeline", daemon=True).start()


def _watch() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)
