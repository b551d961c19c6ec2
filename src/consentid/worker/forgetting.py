"""Who forgets, forgets by the database's clock; where that and ours disagree, nobody does.

What expired by a clock that jumped years ahead for a moment would else be gone for good: devices,
reads, the sealed decisions of whoever is erased.  Everything else may go by a wrong clock, which
errs towards a no and can be mended.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from consentid.flows.context import Context
from consentid.kit.errors import UnavailableError
from consentid.kit.instants import to_seconds
from consentid.store import clock

APART_S: Final = 600
"""So far apart clocks may be."""


def carefully(
    work: Callable[[Context], Awaitable[int]], wall_clock: Callable[[], float] = time.time
) -> Callable[[Context], Awaitable[int]]:
    """A round that is done only while the clocks agree.

    Raises:
        UnavailableError: in that round, they do not; nothing was done.
    """

    async def work_carefully(context: Context) -> int:
        async with context.database.reading() as connection:
            apart_s = abs(to_seconds(await clock.now(connection)) - wall_clock())
        if apart_s > APART_S:
            raise UnavailableError(
                "clocks_apart",
                f"the database's clock and ours are {apart_s:.0f} s apart: nothing is forgotten"
                " until both are right",
                retry_after_s=APART_S,
            )
        return await work(context)

    return work_carefully
