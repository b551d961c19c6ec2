"""Plain integers by labels: what is counted while a request is answered, and read by who scrapes.

Written by the event loop alone.  Readers may be other threads: they copy in one step.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final, final

OTHER: Final = "other"
"""Stands for all values beyond the bound."""
BOUNDS_S: Final = (
    *(0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
"""Seconds.  Answers from memory take a tenth of a millisecond, waits for a change half a minute."""


@final
class Tally:
    """How often something happened, by the values of some labels; ``most`` different ones."""

    def __init__(self, *labels: str, most: int = 2_000) -> None:
        self.labels: Final = labels
        self._most: Final = most
        self._counts: Final[dict[tuple[str, ...], int]] = {}

    def add(self, values: tuple[str, ...], times: int = 1) -> None:
        """Count; ``values`` are the labels' in order."""
        counts = self._counts
        known = counts.get(values)
        if known is None:
            if len(counts) >= self._most:
                values = (OTHER,) * len(self.labels)
                known = counts.get(values)
            known = known or 0
        counts[values] = known + times

    def read(self) -> Mapping[tuple[str, ...], int]:
        """What was counted so far."""
        return dict(self._counts)


@final
class Durations:
    """How long one thing took, again and again: a count per bucket, and the sum."""

    def __init__(self) -> None:
        self.counts: Final = [0] * (len(BOUNDS_S) + 1)
        """Of each bucket alone; the last is for what took longer than all bounds."""
        self.sum_s: float = 0.0

    def add(self, took_s: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s


@final
class Timings:
    """Durations by the values of some labels; ``most`` different ones."""

    def __init__(self, *labels: str, most: int = 2_000) -> None:
        self.labels: Final = labels
        self._most: Final = most
        self._found: Final[dict[tuple[str, ...], Durations]] = {}

    def of(self, values: tuple[str, ...]) -> Durations:
        """The durations of these values, to add to; ``values`` are the labels' in order."""
        found = self._found.get(values)
        if found is None:
            if len(self._found) >= self._most:
                values = (OTHER,) * len(self.labels)
            found = self._found.setdefault(values, Durations())
        return found

    def read(self) -> Mapping[tuple[str, ...], Durations]:
        """What was timed so far."""
        return dict(self._found)
