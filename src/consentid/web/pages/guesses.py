"""How often a code may be tried that leads nowhere: by a browser, from an address, by everybody.

An attempt is counted before it is looked at, three times, and given back where it was right: so
any number at the same time are no more than any number in turn.  Of whoever has none left nothing
is looked at, right or wrong, until the window ends.  Spec: RFC 8628 section 5.1.
"""

from dataclasses import dataclass
from typing import Final

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.match_device import WaitingDevice, find_waiting_device

_WINDOW_S: Final = 600
"""As long as a code lives."""
OF_BROWSER: Final = Limit(name="device_guesses_browser", most=10, window_s=_WINDOW_S)
OF_ADDRESS: Final = Limit(name="device_guesses_address", most=100, window_s=_WINDOW_S)
"""Behind one address may be a whole mobile network."""
OF_ALL: Final = Limit(name="device_guesses", most=1_000, window_s=_WINDOW_S)
"""1,000 guesses at 10,000 codes that wait: one in 700 to hit any, from however many addresses."""
_EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesser:
    """Who tries a code."""

    browser_secret: str
    network: str


async def find_by_code(
    context: Context, unverified_user_code: str, guesser: Guesser, *, now_s: float
) -> WaitingDevice:
    """The device that waits under a code.

    Raises:
        NotFoundError: none does; that was a guess.
        RateLimitedError: there were too many guesses.
    """
    callers = (
        (OF_BROWSER, guesser.browser_secret),
        (OF_ADDRESS, guesser.network),
        (OF_ALL, _EVERYBODY),
    )
    for limit, caller in callers:
        await context.limiter.check(limit, caller, now_s=now_s)
    found = await find_waiting_device(context, unverified_user_code)
    for limit, caller in callers:
        await context.limiter.give_back(limit, caller)
    return found
