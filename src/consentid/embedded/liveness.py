"""Whether a process still does anything."""

import os
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether the process runs.  One that ended and that nobody has reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another account's
    try:
        # The name, in parentheses, may hold anything; the state is the first field after it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return not Path("/proc/self/stat").exists()
