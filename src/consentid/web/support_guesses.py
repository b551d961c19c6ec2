"""How often a code for support may be tried that shows nobody: by one agent, and by all together.

An attempt is counted before it is looked at, and given back where it was right.
"""

from collections.abc import Sequence
from typing import Final

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.look_up_person import LookedUp, look_up_person
from consentid.flows.stage_act import noting_of
from consentid.web.callers import wall_clock_s

OF_ONE: Final = Limit(name="support_guesses", most=10, window_s=600)
OF_ALL: Final = Limit(name="support_guesses_all", most=200, window_s=600)
"""200 guesses at 10,000 codes of 50 bits that wait: one in 500 million to hit any."""


async def look_up_counted(
    context: Context, unverified_code: str, *, by: str, reader: str, languages: Sequence[str]
) -> LookedUp:
    """See what somebody chose, by their code; ``by`` is who asks, as the log knows them.

    Raises:
        NotFoundError: the code is not good; that was a guess.
        RateLimitedError: there were too many guesses.
        UnavailableError: the database cannot be reached.
    """
    limits = ((OF_ONE, by), (OF_ALL, "everybody"))
    for limit, caller in limits:
        await context.limiter.check(limit, caller, now_s=wall_clock_s())
    found = await look_up_person(
        context, noting_of(context, by), unverified_code, reader=reader, languages=languages
    )
    for limit, caller in limits:
        await context.limiter.give_back(limit, caller)
    return found
