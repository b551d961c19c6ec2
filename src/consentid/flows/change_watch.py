"""Wake who waits for a change of a subject's choices: one poller per process.

Versions are compared, not counted events: whoever waits says which versions its answer was made
from, so nothing that was committed before, meanwhile or late is missed.  While nobody waits nothing
is asked; no connection is held by who waits.  Whose access token ended is woken too, to be told so.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Final, final

from consentid.core.decision import CatalogueVersion, SubjectId
from consentid.kit.errors import ConsentidError
from consentid.store.changes import Comparing, Versions, comparing
from consentid.store.engine import Database

PACE_S: Final = 0.5
_RETRY_S: Final = 1.0
MOST_OF_A_SUBJECT: Final = 8
_AT_ONCE: Final = 4
"""A new catalogue wakes everybody: they look one after another, and leave others connections."""

_log: Final = logging.getLogger("consentid.flows")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Waiter:
    """Somebody who waits, and what they know."""

    catalogue: CatalogueVersion
    versions: Mapping[SubjectId, int]
    token: bytes | None = None
    """The hash of the access token that let them in, where a sign-out may end it."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def is_told_by(self, found: Versions) -> bool:
        """Whether something is not as they know it."""
        if self.token is not None and self.token not in found.tokens:
            return True
        return found.catalogue != self.catalogue or any(
            found.subjects.get(subject) != version for subject, version in self.versions.items()
        )


@final
class ChangeWatch:
    """Who waits in this process.  ``follow`` wakes them; ``stop`` does so for good."""

    def __init__(self, database: Database, *, most: int) -> None:
        """``most`` may wait at once."""
        self._database: Final = database
        self._most: Final = most
        self._waiting: Final[set[Waiter]] = set()
        self._of_subject: Final[Counter[SubjectId]] = Counter()
        self._somebody: Final = asyncio.Event()
        self.is_stopped: bool = False
        self.turn: Final = asyncio.Semaphore(_AT_ONCE)
        """To be held by who was woken, for looking."""

    @contextlib.contextmanager
    def waiting(
        self,
        *,
        catalogue: CatalogueVersion,
        versions: Mapping[SubjectId, int],
        token: bytes | None = None,
    ) -> Generator[Waiter | None]:
        """Wait for what differs from this, or a token's end; None where there is no room."""
        is_full = len(self._waiting) >= self._most or any(
            self._of_subject[subject] >= MOST_OF_A_SUBJECT for subject in versions
        )
        if is_full or self.is_stopped:
            yield None
            return
        waiter = Waiter(catalogue=catalogue, versions=versions, token=token)
        self._waiting.add(waiter)
        self._of_subject.update(versions.keys())
        self._somebody.set()
        try:
            yield waiter
        finally:
            self._waiting.discard(waiter)
            self._of_subject.subtract(versions.keys())
            for subject in versions:
                if not self._of_subject[subject]:
                    del self._of_subject[subject]

    def __len__(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    async def follow(self) -> None:
        """Ask, compare and wake, until cancelled."""
        while True:
            await self._someone()
            try:
                async with comparing(self._database) as asking:
                    while self._waiting:
                        await self._compare(asking)
                        await asyncio.sleep(PACE_S)
            except ConsentidError as error:
                # Who waits asks for itself in the end, and is told what is wrong.
                _log.warning("nobody is woken for now: %s (%s)", error.message, error.code)
                await asyncio.sleep(_RETRY_S)

    def stop(self) -> None:
        """Let everybody go now, and let nobody wait any more.  Safe from a signal handler."""
        self.is_stopped = True
        for waiter in tuple(self._waiting):
            waiter.woken.set()

    async def _someone(self) -> None:
        while not self._waiting:
            self._somebody.clear()
            await self._somebody.wait()

    async def _compare(self, asking: Comparing) -> None:
        waiting = tuple(self._waiting)
        found = await asking.versions(
            {key for waiter in waiting for key in waiter.versions},
            {waiter.token for waiter in waiting if waiter.token is not None},
        )
        for waiter in waiting:
            if waiter.is_told_by(found):
                waiter.woken.set()
