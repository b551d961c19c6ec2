"""What the status lists have come to show, told to who listens: flips as they are published.

Told is the difference between one published list and the next, decoys and all, as anybody sees it
who fetches every list in every window; never an end that no list shows yet.  So a listener learns
sooner than who polls, and nothing more.

A process remembers what it told, in bounded number.  An instant is the database's, of the look that
showed a publication: whoever names the last it was told gets the rest from any process, as far as
that one remembers; else it is told from when the account is complete, and fetches older lists.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, floor
from typing import Final, final

MOST_KEPT: Final = 100_000
"""Flips, some ten megabytes: an hour's of a very large group."""
OVERLAP_S: Final = 5
"""Two processes see one publication within a second; who changes between them is told it twice."""
FRESH_S: Final = 60
"""Who names no instant is told what was published in so many seconds before."""
HEARTBEAT_S: Final = 10.0
_LOOK_S: Final = 3.0
"""Longer than a look takes: its clock is read first, and the lists after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """What one look showed anew."""

    at_s: float
    indices: Mapping[int, Sequence[int]]
    """By list.  In ascending order, which says nothing of who holds one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """From this instant on (Unix seconds) nothing is left out: lists signed before are too old."""

    since_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that was published until this instant has been told.  Unix seconds."""

    until_s: int
    indices: Mapping[int, Sequence[int]]
    """By list; empty where there is nothing new."""


@final
class RevocationStream:
    """One per process.  ``RevocationWatch`` feeds it, listeners walk along it."""

    def __init__(self, *, most: int) -> None:
        """``most`` may listen at once."""
        self._most: Final = most
        self._kept: Final[deque[Flips]] = deque()
        self._size = 0
        self._first: int = 0
        """The number of the first that is kept still."""
        self._complete_s: float | None = None
        self._seen_s: float = 0.0
        self._changed: asyncio.Event = asyncio.Event()
        self._listening = 0
        self.is_stopped: bool = False

    def __len__(self) -> int:
        """How many listen now."""
        return self._listening

    @property
    def is_ready(self) -> bool:
        """Whether a look has shown what the lists are, and there is room."""
        is_open = not self.is_stopped and self._complete_s is not None
        return is_open and self._listening < self._most

    def note(self, at_s: float, indices: Mapping[int, Sequence[int]]) -> None:
        """What a look showed.  The first shows the lists as they are, and no flips."""
        if self._complete_s is None:
            self._complete_s = at_s + _LOOK_S
        self._seen_s = at_s
        if not indices:
            return
        self._kept.append(Flips(at_s=at_s, indices=indices))
        self._size += sum(map(len, indices.values()))
        while self._size > MOST_KEPT and len(self._kept) > 1:
            gone = self._kept.popleft()
            self._size -= sum(map(len, gone.indices.values()))
            self._first += 1
            self._complete_s = max(self._complete_s, gone.at_s + OVERLAP_S + 1)
        self._wake()

    def stop(self) -> None:
        """Let everybody go, and let nobody listen any more.  Safe from a signal handler."""
        self.is_stopped = True
        self._wake()

    @contextmanager
    def listening(self) -> Generator[None]:
        """Take a place; the caller has seen that it ``is_ready``."""
        self._listening += 1
        try:
            yield
        finally:
            self._listening -= 1

    async def walk(self, after_s: int | None) -> AsyncGenerator[Complete | Told]:
        """What is published from now on, and before it what is new since ``after_s``.

        Ends when the process does.
        """
        complete_s = ceil(self._complete_s or 0.0)
        if after_s is None or not complete_s <= after_s <= self._seen_s + OVERLAP_S:
            after_s = max(complete_s, ceil(self._seen_s) - FRESH_S)
        place, from_s = self._first, after_s - OVERLAP_S
        yield Complete(since_s=after_s)
        while not self.is_stopped:
            if place < self._first:
                # Too slow, or away for too long: what it missed is in the lists.
                yield Complete(since_s=ceil(self._complete_s or 0.0))
                place = self._first
            while place < self._first + len(self._kept) and place >= self._first:
                flips = self._kept[place - self._first]
                place += 1
                if flips.at_s >= from_s:
                    yield Told(until_s=floor(flips.at_s), indices=flips.indices)
            if place == self._first + len(self._kept) and not await self._wait(place):
                yield Told(until_s=floor(self._seen_s), indices={})

    async def _wait(self, place: int) -> bool:
        """Whether there is something at a place now, or the end has come; else time is up."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                while not self.is_stopped and place == self._first + len(self._kept):
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        woken, self._changed = self._changed, asyncio.Event()
        woken.set()
