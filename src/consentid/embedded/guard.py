"""Run one server and stop it when whoever started us is gone.

A program, not a module to import: ``python guard.py UID GID SIGNAL COMMAND...`` runs the command as
that account in the current folder.  When standard input ends (the starter closed it, or was killed
in whatever manner) or SIGTERM comes, the server gets the signal that stops it cleanly, and SIGKILL
if it takes longer than the grace.  Uses the standard library only, to start fast.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_S = 20.0


def _stop(server: subprocess.Popen[bytes], clean: signal.Signals) -> None:
    server.send_signal(clean)
    try:
        server.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        server.kill()


def main(argv: list[str]) -> int:
    """Guard one server until it ends; its exit status."""
    uid, gid, clean = int(argv[1]), int(argv[2]), signal.Signals(int(argv[3]))
    drops = os.geteuid() == 0
    server = subprocess.Popen(  # noqa: S603  the starter names the command, no user does
        argv[4:],
        stdin=subprocess.DEVNULL,
        umask=0o077,
        user=uid if drops else None,
        group=gid if drops else None,
        extra_groups=[] if drops else None,
    )

    def stop_at_end_of_input() -> None:
        while os.read(0, 1):
            pass
        _stop(server, clean)

    def stop_at_signal(_signal: int, _frame: object) -> None:
        threading.Thread(target=_stop, args=(server, clean), daemon=True).start()

    signal.signal(signal.SIGTERM, stop_at_signal)
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    return server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
