"""Reads of people's data that this process served and has not written down yet.

Noting appends to a list and waits for nothing.  What is noted is written within about
a second; a process that is killed loses that second's, one that ends in order loses none.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias, final

from consentid.core.decision import SubjectId
from consentid.store.statuses import StatusIndex

MAX_NOTED: Final = 20_000
MAX_KEYS: Final = 200_000
"""While the database is away: about 60 MB.  Beyond it, what is new is counted as lost."""


class ReadKind(StrEnum):
    """What of a person a client was told."""

    STATE = "state"
    """What holds, purpose by purpose."""
    HISTORY = "history"
    """Their decisions."""
    VERIFY = "verify"
    """Whether a consent token of theirs holds."""
    INTROSPECTION = "introspection"
    """What a token of theirs stands for."""
    USERINFO = "userinfo"
    """Their pairwise identifier."""
    TOKEN = "token"  # noqa: S105 - a kind's name
    """Tokens that speak of them, also beside the answer to a decision."""
    EXCHANGE = "exchange"
    """A token for one party, taken over from another."""
    EVENT = "event"
    """A change, in its feed of events: noted by the feed itself, not here."""
    SNAPSHOT = "snapshot"
    """What holds, among what holds of everybody."""
    CAPTURE = "capture"
    """What was captured of them elsewhere, and what became of it."""
    PROOF = "proof"
    """Evidence of what they decided."""
    EXPORT = "export"
    """Their records, among those of everybody."""
    SUPPORT = "support"
    """What they chose, shown to whom they gave a code of theirs."""


Read: TypeAlias = tuple[SubjectId | StatusIndex, str, ReadKind]
"""Whose data, the client that read, and what.

Whoever answers from memory knows a token's place in a status list, and not its subject: that is
looked up when the read is written.
"""


@final
class ReadBuffer:
    """What was read, one by one at first, then counted."""

    def __init__(self) -> None:
        self._noted: list[Read] = []
        self._counts: Counter[Read] = Counter()
        """What could not be written before."""
        self.lost: int = 0
        """How many were not kept in all, for want of room."""

    def note(self, read: Read) -> None:
        """Remember one.  Counting is left to whoever writes."""
        self._noted.append(read)
        if len(self._noted) >= MAX_NOTED:
            self._count()

    def take(self) -> Mapping[Read, int]:
        """All that was read since; the caller writes it down, or gives it back."""
        self._count()
        taken, self._counts = self._counts, Counter()
        return taken

    def give_back(self, taken: Mapping[Read, int]) -> None:
        """Put back what could not be written."""
        self._counts.update(taken)

    def __len__(self) -> int:
        """How many wait to be written; those of one subject, client and kind may be one."""
        return len(self._noted) + len(self._counts)

    def _count(self) -> None:
        noted, self._noted = self._noted, []
        for read, times in Counter(noted).items():
            if read in self._counts or len(self._counts) < MAX_KEYS:
                self._counts[read] += times
            else:
                self.lost += times
