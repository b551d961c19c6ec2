"""How often a login may be tried in vain."""

from collections import OrderedDict
from typing import Final

_FAILURES: Final = 5
_WINDOW_S: Final = 60
_REMEMBERED: Final = 1000


class FailedSignIns:
    """Counts failures per login in a sliding window, in this process's memory.

    A login that fails too often waits, whoever asks; success clears it.  At most a thousand logins
    are remembered, the longest unseen forgotten first, so that made-up logins cannot fill memory.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, login: str, now_s: float) -> int:
        """Seconds until this login may be tried again; 0 if it may be now."""
        recent = [at for at in self._failures.get(login, []) if at > now_s - _WINDOW_S]
        if len(recent) < _FAILURES:
            return 0
        return max(1, int(recent[-_FAILURES] + _WINDOW_S - now_s) + 1)

    def note_failure(self, login: str, now_s: float) -> None:
        """Remember one failure."""
        kept = [at for at in self._failures.pop(login, []) if at > now_s - _WINDOW_S]
        self._failures[login] = [*kept, now_s]
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def note_success(self, login: str) -> None:
        """Forget the failures of this login."""
        self._failures.pop(login, None)

    def __len__(self) -> int:
        """How many logins are remembered."""
        return len(self._failures)
