"""Indices that this process may just have ended: until that is known, the database is asked.

Noted before the transaction commits, so that whoever was told of a withdrawal here finds it in
force here, at once, and whoever rolls back has done no harm.
"""

from typing import Final, final

from consentid.kit.instants import MINUTE, SECOND, Instant
from consentid.store.statuses import StatusIndex

KEPT: Final = 2 * MINUTE
"""Longer than any transaction lives, and than the longest pause between two looks."""
_SWEEP: Final = 10 * SECOND


@final
class Suspects:
    """Places in the status lists, each for a while."""

    def __init__(self) -> None:
        self._noted: dict[StatusIndex, Instant] = {}
        self._swept_at: Instant = Instant(0)

    def note(self, status: StatusIndex, *, at: Instant) -> None:
        """Suspect an index from now on."""
        self._noted[status] = at
        if abs(at - self._swept_at) > _SWEEP:
            self._swept_at = at
            self._noted = {
                place: noted_at
                for place, noted_at in self._noted.items()
                if abs(at - noted_at) < KEPT
            }

    def __contains__(self, place: StatusIndex) -> bool:
        """Whether a place is suspected."""
        return place in self._noted

    def __len__(self) -> int:
        """How many are suspected."""
        return len(self._noted)
