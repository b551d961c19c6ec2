"""What is promised, with the figures that say how much was seen of it.

Where nothing was broken in *n* looks, less than 3 in *n* are, with 95 % certainty (the rule of
three, which takes looks for independent).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults import flushes, syncs
from tests.faults.promises import STALE_S
from tests.faults.runs import Report
from typing_extensions import override

_THREE: Final = 3
LOOKED_INTO: Final = ("flushes", "syncs")
"""Runs that look at what the server did around each acknowledgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise over all runs."""

    name: str
    looked_at: int
    of_what: str
    broken: int
    more: str = ""

    @override
    def __str__(self) -> str:
        bound = (
            f", less than 1 in {self.looked_at // _THREE:,}"
            if self.looked_at >= _THREE and not self.broken
            else ""
        )
        more = f"; {self.more}" if self.more else ""
        return f"{self.name}: {self.broken} of {self.looked_at:,} {self.of_what}{bound}{more}"


def promises_of(reports: Sequence[Report]) -> list[Promise]:
    """Each promise, and what it was held against."""
    worst_ms = max((each.worst_staleness_ms for each in reports), default=0)
    knowing = sum(each.verified_knowing for each in reports)
    looked_into = [each for each in reports if each.name in LOOKED_INTO]
    synced = Promise(
        name="every acknowledged commit synced before",
        looked_at=sum(each.acknowledged for each in looked_into),
        of_what="acknowledged",
        broken=sum(
            found.promise in {flushes.PROMISE, syncs.PROMISE}
            for each in looked_into
            for found in each.violations
        ),
    )
    return [
        Promise(
            name="no acknowledged decision lost",
            looked_at=sum(each.acknowledged for each in reports),
            of_what="acknowledged",
            broken=_broken(reports, "lost"),
        ),
        Promise(
            name="none doubled",
            looked_at=sum(each.resent for each in reports),
            of_what="sent more than once",
            broken=_broken(reports, "doubled"),
        ),
        Promise(
            name="no stale yes",
            looked_at=sum(each.verified_after_no for each in reports),
            of_what="asked after an acknowledged withdrawal",
            broken=_broken(reports, "stale"),
            more=f"the worst {worst_ms:,} ms after ({STALE_S:g} s are allowed),"
            f" {knowing:,} said to know of it",
        ),
        *([synced] if looked_into else []),
    ]


def _broken(reports: Sequence[Report], word: str) -> int:
    return sum(word in found.promise for each in reports for found in each.violations)
