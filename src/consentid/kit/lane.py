"""What is asked at the same time is done together: a lane, and who waits in it.

Whoever comes when nothing is under way is served at once and alone.  Those who come while a group
is under way are the next one.  Each hears of their own, and only when the whole group is done; one
that cannot go with others goes alone; whoever goes away while waiting is left out, and whoever goes
away later takes nobody along.

Where a lane allows it, a group that has nothing left to do but wait makes way: then the next begins
beside it, once enough have come to be one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar, final

A = TypeVar("A")
T = TypeVar("T")

_ABREAST: Final = 2


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
    alone: Work[Any, Any]
    apart: frozenset[Hashable]
    told: "asyncio.Future[Any]"


@final
class Lane:
    """Groups of at most ``most``: one at a time, or two where the former made way."""

    def __init__(self, *, most: int, beside: int | None = None) -> None:
        """``beside``: at least so many begin beside a group that made way; None: nobody does."""
        self._most: Final = most
        self._beside: Final = beside
        self._waiting: Final[deque[_Seat]] = deque()
        self._taken: Final[set[Hashable]] = set()
        """What keeps others apart from those under way."""
        self._under_way: Final[set[asyncio.Task[None]]] = set()
        self._groups: Final[set[asyncio.Task[None]]] = set()
        """Those under way but for whoever goes alone after all."""
        self._in_the_way: asyncio.Task[None] | None = None
        """The newest group, until it makes way."""
        self._is_looking = False

    async def join(
        self,
        asked: A,
        work: Work[A, T],
        *,
        alone: Work[A, T] | None = None,
        apart: Sequence[Hashable] = (),
    ) -> T:
        """Have it done with what others ask meanwhile.

        ``alone`` does what was left undone, while nobody waits for it; None: ``work`` does.
        No two that share one of ``apart`` are ever under way at the same time: they take turns.

        Raises:
            Exception: what came of it, if that is one.
        """
        told: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Seat(asked, work, alone or work, frozenset(apart), told))
        self._look()
        return await told

    def make_way(self) -> None:
        """Said by the work of a group that has nothing left to do but wait for somebody else."""
        if self._beside is not None and asyncio.current_task() is self._in_the_way:
            self._in_the_way = None
            self._look()

    def _look(self) -> None:
        """Begin once all who come at this moment are there."""
        if not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._is_looking = False
        if self._in_the_way is not None or len(self._groups) == _ABREAST:
            return
        group = self._next_group(least=self._beside or 1 if self._groups else 1)
        if group:
            self._in_the_way = self._start(group, group[0].work)
            self._groups.add(self._in_the_way)

    def _next_group(self, *, least: int) -> list[_Seat]:
        """Who goes next; nobody where those are fewer than ``least``."""
        group: list[_Seat] = []
        later: list[_Seat] = []
        there: list[_Seat] = []
        taken = set(self._taken)
        while self._waiting and len(group) < self._most:
            seat = self._waiting.popleft()
            if seat.told.done():
                continue
            # Whoever has to wait goes on standing before those who come after.
            (group if taken.isdisjoint(seat.apart) else later).append(seat)
            there.append(seat)
            taken |= seat.apart
        if len(group) < least:
            group, later = [], there
        self._waiting.extendleft(reversed(later))
        return group

    def _start(self, group: Sequence[_Seat], work: Work[Any, Any]) -> asyncio.Task[None]:
        self._taken.update(*(seat.apart for seat in group))
        task = asyncio.ensure_future(self._serve(group, work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _serve(self, group: Sequence[_Seat], work: Work[Any, Any]) -> None:
        try:
            outcomes = await _do(group, work)
        except asyncio.CancelledError:  # of a process that ends, and of nobody else
            for seat in (*group, *self._waiting):
                seat.told.cancel()
            self._waiting.clear()
            raise
        finally:
            self._leave(group)
        ended = list(zip(group, outcomes, strict=True))
        for seat, outcome in ended:
            if outcome is ALONE:
                self._start([seat], seat.alone)
        self._begin()  # before those who are told have anything else to do
        for seat, outcome in ended:
            _tell(seat, outcome)

    def _leave(self, group: Sequence[_Seat]) -> None:
        self._taken.difference_update(*(seat.apart for seat in group))
        task = asyncio.current_task()
        self._groups.discard(task)
        if task is self._in_the_way:
            self._in_the_way = None


async def _do(group: Sequence[_Seat], work: Work[Any, Any]) -> Sequence[object]:
    try:
        return await work([seat.asked for seat in group])
    except Exception as error:  # noqa: BLE001 - it is told to whoever asked
        # One of them is to blame, and the others shall not suffer for it.
        return [error] if len(group) == 1 else [ALONE] * len(group)


def _tell(seat: _Seat, outcome: object) -> None:
    if outcome is ALONE or seat.told.done():
        return
    if isinstance(outcome, Exception):
        seat.told.set_exception(outcome)
    else:
        seat.told.set_result(outcome)
