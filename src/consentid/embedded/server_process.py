"""A server under guard: started, awaited, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from consentid.embedded import guard
from consentid.embedded.account import Account
from consentid.embedded.errors import EmbeddedServerError

_READY_WITHIN_S: Final = 30.0
_POLL_S: Final = 0.01
_LOG_TAIL_BYTES: Final = 2000


class ServerProcess:
    """One running server and its guard."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        account: Account,
        environ: Mapping[str, str],
        folder: Path,
        log: Path,
        lock_descriptor: int,
        stop_signal: signal.Signals,
    ) -> None:
        self._name: str = Path(command[0]).name
        self._log: Path = log
        with log.open("ab") as output:
            self._guard: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  our own command
                [
                    *(sys.executable, "-I", "-S", guard.__file__),
                    *(str(account.uid), str(account.gid), str(int(stop_signal))),
                    *command,
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environ),
                pass_fds=(lock_descriptor,),
                start_new_session=True,  # Ctrl-C is for us; we stop the server in our own time
            )

    def await_ready(self, is_ready: Callable[[], bool]) -> None:
        """Wait until the server answers.

        Raises:
            EmbeddedServerError: it ended, or was not ready in time; its last words are shown.
        """
        give_up_at = time.monotonic() + _READY_WITHIN_S
        while not is_ready():
            if self._guard.poll() is not None or time.monotonic() > give_up_at:
                self.stop()
                raise EmbeddedServerError(
                    "not_started", f"{self._name} did not start: {self.last_words()}"
                )
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Stop the server cleanly and wait for its end; harmless when it has ended."""
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        self._guard.wait(guard.GRACE_S + 10)

    @property
    def is_running(self) -> bool:
        """Whether the server runs."""
        return self._guard.poll() is None

    def last_words(self) -> str:
        """The end of the server's log."""
        with self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").strip()


def server_environ() -> Mapping[str, str]:
    """What a server sees of our environment: nothing that would change what it does."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def run_as(
    account: Account,
    command: Sequence[str],
    *,
    folder: Path,
    environ: Mapping[str, str],
    text: str = "",
) -> None:
    """Run a command to its end as the server's account, ``text`` being its input.

    Raises:
        EmbeddedServerError: it failed; its output is shown.
    """
    done = subprocess.run(  # noqa: S603  our own command
        command,
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=dict(environ),
        check=False,
        umask=0o077,
        user=None if account.is_ours else account.uid,
        group=None if account.is_ours else account.gid,
        extra_groups=None if account.is_ours else [],
    )
    if done.returncode != 0:
        words = done.stdout.decode(errors="replace")[-_LOG_TAIL_BYTES:].strip()
        raise EmbeddedServerError("failed", f"{Path(command[0]).name} failed: {words}")
