"""What a token says: resolutions as two lists, and whether a later saying takes a yes back.

``yes`` holds what is given, and what legitimate interest permits; ``no`` what was refused,
withdrawn or objected to.  What needs no choice (``not_needed``) is no matter of a token; whatever
else is in neither list, and so is a no to whoever verifies.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State
from consentid.kit.instants import Instant, to_seconds

_YES: Final = frozenset({State.GIVEN, State.PERMITTED})
_NO: Final = frozenset({State.REFUSED, State.WITHDRAWN, State.OBJECTED})


class Saying(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one subject to one audience."""

    yes: tuple[PurposeId, ...]
    """Sorted."""
    no: tuple[PurposeId, ...]
    """Sorted, and disjoint from ``yes``."""
    ends_at: Instant | None = None
    """When the first yes ends by itself."""
    assisted: tuple[PurposeId, ...] = ()
    """Those of ``yes`` that rest on what somebody else keyed in.  Sorted."""

    @property
    def own(self) -> frozenset[PurposeId]:
        """What the person said yes to themselves."""
        return frozenset(self.yes) - frozenset(self.assisted)

    def narrows(self, before: "Saying") -> bool:
        """Whether a yes of ``before`` is one no longer, or not by the person: its tokens end."""
        return not (set(before.yes) <= set(self.yes) and before.own <= self.own)

    def differs(self, other: "Saying") -> bool:
        """Whether the lists differ; when they end is no part of what is said."""
        return (self.yes, self.no, self.assisted) != (other.yes, other.no, other.assisted)

    def within(self, allowed: Collection[PurposeId]) -> "Saying":
        """The same, and yes to nothing else than what is allowed."""
        return msgspec.structs.replace(
            self,
            yes=tuple(each for each in self.yes if each in allowed),
            assisted=tuple(each for each in self.assisted if each in allowed),
        )


def say(resolutions: Mapping[PurposeId, Resolution], now: Instant) -> Saying:
    """Put resolutions into words.

    A yes that ends within this very second is in neither list: no token could carry it.
    """
    held = {
        purpose: resolution
        for purpose, resolution in resolutions.items()
        if resolution.state in _YES
        and (resolution.expires_at is None or to_seconds(resolution.expires_at) > to_seconds(now))
    }
    ends = [resolution.expires_at for resolution in held.values() if resolution.expires_at]
    return Saying(
        yes=tuple(sorted(held)),
        no=tuple(sorted(purpose for purpose, found in resolutions.items() if found.state in _NO)),
        ends_at=min(ends, default=None),
        assisted=tuple(
            sorted(
                purpose
                for purpose, found in held.items()
                if found.grant is not None and found.grant.assisted
            )
        ),
    )
