"""How often a code may be tried that leads nowhere: by a browser, from an address, by everybody.

An attempt is counted before it is looked at, and given back where it was right: so any number at
the same time are no more than any number in turn.  Of whoever has none left nothing is looked at,
right or wrong, until the window ends.

What all have together, a few addresses could use up, and nobody would connect a television any
more.  So whoever comes from a neighbourhood that has hardly guessed goes on then, up to what all
have at most.  And whoever follows the device's own link does not guess: for them only the limit of
their browser counts, whatever others did.  Spec: RFC 8628 section 5.1.
"""

from dataclasses import dataclass
from typing import Final

from consentid.cache.limits import Limit
from consentid.flows.code_link import is_proven
from consentid.flows.context import Context
from consentid.flows.match_device import WaitingDevice, find_waiting_device
from consentid.kit.errors import RateLimitedError
from consentid.oidc.user_code import read_user_code

_WINDOW_S: Final = 600
"""As long as a code lives."""
OF_BROWSER: Final = Limit(name="device_guesses_browser", most=10, window_s=_WINDOW_S)
OF_ADDRESS: Final = Limit(name="device_guesses_address", most=100, window_s=_WINDOW_S)
"""Behind one address may be a whole mobile network."""
OF_NEIGHBOURHOOD: Final = Limit(name="device_guesses_neighbourhood", most=5, window_s=_WINDOW_S)
"""Beyond what all have."""
OF_ALL: Final = Limit(name="device_guesses", most=1_000, window_s=_WINDOW_S)
"""1,000 guesses at 10,000 codes that wait: one in 700 to hit any, from however many addresses."""
AT_MOST: Final = Limit(name="device_guesses_at_most", most=10_000, window_s=_WINDOW_S)
"""One in 70, and for that somebody needs addresses in 1,800 neighbourhoods."""
_EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesser:
    """Who tries a code."""

    browser_secret: str
    network: str
    neighbourhood: str
    """More than one holder has of addresses, as a rule."""
    unverified_proof: str = ""
    """What the link said beside the code, where one was followed."""


async def find_by_code(
    context: Context, unverified_user_code: str, guesser: Guesser, *, now_s: float
) -> WaitingDevice:
    """The device that waits under a code.

    Raises:
        NotFoundError: none does; that was a guess.
        RateLimitedError: there were too many guesses.
    """
    of_browser = (OF_BROWSER, guesser.browser_secret)
    user_code = read_user_code(unverified_user_code) or ""
    if is_proven(context, user_code, guesser.unverified_proof, now_s=now_s):
        await context.limiter.check(*of_browser, now_s=now_s)
        found = await find_waiting_device(context, unverified_user_code)
        await context.limiter.give_back(*of_browser)
        return found
    own = (of_browser, (OF_ADDRESS, guesser.network))
    near, of_all = (OF_NEIGHBOURHOOD, guesser.neighbourhood), (OF_ALL, _EVERYBODY)
    at_most = (AT_MOST, _EVERYBODY)
    for limit, caller in own:
        await context.limiter.check(limit, caller, now_s=now_s)
    refused = [await _refusal(context, *each, now_s=now_s) for each in (near, of_all)]
    if refused[0] is not None and refused[1] is not None:
        raise refused[1]
    await context.limiter.check(*at_most, now_s=now_s)  # last: of what is refused nothing counts
    found = await find_waiting_device(context, unverified_user_code)
    for limit, caller in (*own, near, of_all, at_most):
        await context.limiter.give_back(limit, caller)
    return found


async def _refusal(
    context: Context, limit: Limit, caller: str, *, now_s: float
) -> RateLimitedError | None:
    try:
        await context.limiter.check(limit, caller, now_s=now_s)
    except RateLimitedError as error:
        return error
    return None
