"""Lets people come as chance has it, whatever the answers take, for so long.

Open loop: the moments are drawn beforehand (Poisson), and each answer is timed from the moment at
which its question was due.  So a node that stands still for a second is charged for everybody who
came meanwhile, not only for the one who was first.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.bench.day import calls, visits, wire
from tests.bench.day.asking import Asking, RefusedError
from tests.bench.day.proportions import PER_THOUSAND, Visit

Act = Callable[[Asking, float], Awaitable[None]]
ACTS: Final[Mapping[Visit, Act]] = {
    Visit.VERIFIED: calls.verified,
    Visit.VERIFIED_TOGETHER: calls.verified_together,
    Visit.STATUS_LIST: calls.status_list,
    Visit.RETURN: visits.return_state,
    Visit.RETURN_REFRESH: visits.return_refresh,
    Visit.RETURN_SILENT: visits.return_silent,
    Visit.FIRST_BANNER: visits.first_banner,
    Visit.FIRST_HUB: visits.first_hub,
    Visit.DISMISSED: visits.dismissed,
    Visit.SIGN_IN: visits.sign_in,
    Visit.CHANGE: visits.change,
    Visit.WITHDRAWAL: calls.withdrawal,
    Visit.CAPTURE: calls.capture,
    Visit.LINK: calls.link,
    Visit.TELEVISION: calls.television,
}
_FIRST: Final = {Visit.FIRST_BANNER: 0.65, Visit.FIRST_HUB: 0.15, Visit.SIGN_IN: 0.2}
"""Who the people are that were there before."""
_AT_ONCE: Final = 12
_GRACE_S: Final = 60.0


async def people_came(asking: Asking, many: int, heard: Callable[[int], None]) -> None:
    """Fill the group: so many people were there before, a few at a time, as fast as they can."""
    kinds = [*_FIRST]

    async def come() -> None:
        while len(asking.people.everybody) < many:
            visit = asking.draw.choices(kinds, [*_FIRST.values()])[0]
            with contextlib.suppress(RefusedError):
                await ACTS[visit](asking, wire.now_s())
            heard(len(asking.people.everybody))

    await asyncio.gather(*(come() for _ in range(_AT_ONCE)))


async def only(asking: Asking, visit: Visit, many: int) -> None:
    """So many of one kind, a few at a time, as fast as they can."""
    left = iter(range(many))

    async def come() -> None:
        for _ in left:
            with contextlib.suppress(RefusedError):
                await ACTS[visit](asking, wire.now_s())

    await asyncio.gather(*(come() for _ in range(_AT_ONCE)))


async def everybody_once(asking: Asking) -> None:
    """One visit of each kind, so that none is the first; failures are told as before the day."""
    await asyncio.gather(*(_come(asking, visit, wire.now_s()) for visit in ACTS))


async def day(asking: Asking, *, rate: float, seconds: float) -> None:
    """Everybody comes; returns when all who came have been answered."""
    kinds, shares = [*PER_THOUSAND], [*PER_THOUSAND.values()]
    under_way: set[asyncio.Task[None]] = set()
    begun_s = due_s = wire.now_s()
    while due_s < begun_s + seconds:
        due_s += asking.draw.expovariate(rate)
        if (early_s := due_s - wire.now_s()) > 0:
            await asyncio.sleep(early_s)
        visit = asking.draw.choices(kinds, shares)[0]
        task = asyncio.create_task(_come(asking, visit, due_s))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        _, late = await asyncio.wait(under_way, timeout=_GRACE_S)
        for each in late:
            asking.fail("any", f"not over {_GRACE_S:.0f} s after the end")
            each.cancel()


async def _come(asking: Asking, visit: Visit, due_s: float) -> None:
    if asking.seen.is_measuring:
        asking.seen.late_s.append(wire.now_s() - due_s)
        asking.seen.visits[visit] += 1
    with contextlib.suppress(RefusedError):
        await ACTS[visit](asking, due_s)
