"""What is asked at the same time is done together: a lane, and who waits in it.

Whoever comes when nothing is under way is served at once and alone.  Those who come while a group
is under way are the next one.  Each hears of their own, and only when the whole group is done; one
that cannot go with others goes alone; whoever goes away while waiting is left out, and whoever goes
away later takes nobody along.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar, final

A = TypeVar("A")
T = TypeVar("T")


@final
class Alone:
    """Said of one that was left undone among others: it is asked again, by itself."""


ALONE: Final = Alone()

Work: TypeAlias = Callable[[Sequence[A]], Awaitable[Sequence[T | Exception | Alone]]]
"""Does what is asked, all or nothing; tells of each, in order, what came of it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seat:
    asked: Any
    work: Work[Any, Any]
    apart: frozenset[Hashable]
    told: "asyncio.Future[Any]"


@final
class Lane:
    """One group at a time, of at most ``most``."""

    def __init__(self, *, most: int) -> None:
        self._most: Final = most
        self._waiting: Final[deque[_Seat]] = deque()
        self._under_way: Final[set[asyncio.Task[None]]] = set()
        self._is_served: bool = False

    async def join(self, asked: A, work: Work[A, T], *, apart: Sequence[Hashable] = ()) -> T:
        """Have it done with what others ask meanwhile.

        No two that share one of ``apart`` are done in one group: they take turns.

        Raises:
            Exception: what came of it, if that is one.
        """
        told: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Seat(asked, work, frozenset(apart), told))
        if not self._is_served:
            self._is_served = True
            self._start(self._serve())
        return await told

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _serve(self) -> None:
        try:
            while group := self._next_group():
                await self._do(group)
        finally:
            self._is_served = False
            for seat in self._waiting:  # nobody but a process that ends comes here with any left
                seat.told.cancel()
            self._waiting.clear()

    def _next_group(self) -> list[_Seat]:
        group: list[_Seat] = []
        later: list[_Seat] = []
        taken: set[Hashable] = set()
        while self._waiting and len(group) < self._most:
            seat = self._waiting.popleft()
            if seat.told.done():
                continue
            # Whoever has to wait goes on standing before those who come after.
            (group if taken.isdisjoint(seat.apart) else later).append(seat)
            taken |= seat.apart
        self._waiting.extendleft(reversed(later))
        return group

    async def _do(self, group: Sequence[_Seat]) -> None:
        try:
            outcomes = await group[0].work([seat.asked for seat in group])
        except asyncio.CancelledError:
            for seat in group:
                seat.told.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is told to whoever asked
            if len(group) == 1:
                _tell(group[0], error)
            else:
                # One of them is to blame, and the others shall not suffer for it.
                for seat in group:
                    self._start(self._do([seat]))
            return
        for seat, outcome in zip(group, outcomes, strict=True):
            if outcome is ALONE:
                self._start(self._do([seat]))
            else:
                _tell(seat, outcome)


def _tell(seat: _Seat, outcome: object) -> None:
    if seat.told.done():
        return
    if isinstance(outcome, Exception):
        seat.told.set_exception(outcome)
    else:
        seat.told.set_result(outcome)
