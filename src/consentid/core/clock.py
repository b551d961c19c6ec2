"""When a decision happened: an interval, and whether the device's clock can be believed.

Invariant: the early end is never later, and the late end never earlier, than what can be proven;
so a grant, which counts from its early end, and a refusal, which counts from its late end, can only
err towards a no.
"""

from dataclasses import dataclass

from consentid.core.decision import Interval
from consentid.kit.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """An act's interval, and whether its device's clock contradicted what is known."""

    interval: Interval
    clock_unproven: bool


def online(recorded_at: Instant) -> Timing:
    """The person acts in this request: the database's instant is both ends."""
    return Timing(interval=Interval(early=recorded_at, late=recorded_at), clock_unproven=False)


def offline(*, claimed: Instant, receipt: Instant, last_sync: Instant, bound: int | None) -> Timing:
    """The act was captured away from us, or keyed in later.

    ``claimed`` is the time the decision claims, by the device's clock or on paper; ``last_sync``
    the last one that the capturing device can prove, which counts as ``receipt`` where it claims to
    lie after it.  ``bound`` is how far, in microseconds, a checked clock may be off; None for a
    clock that nobody checked.

    A clock that says the act happened before the last sync or after receipt, by more than its
    bound, is unproven: it is not used, and the decision is flagged.

    Raises:
        ValueError: ``bound`` is negative.
    """
    if bound is not None and bound < 0:
        msg = "a clock's bound is a distance, never negative"
        raise ValueError(msg)
    last_sync = min(last_sync, receipt)
    margin = bound or 0
    unproven = claimed + margin < last_sync or claimed - margin > receipt
    early, late = last_sync, receipt
    if bound is not None and not unproven:
        early = Instant(max(last_sync, claimed - bound))
        late = Instant(min(claimed + bound, receipt))
    return Timing(interval=Interval(early=min(early, claimed), late=late), clock_unproven=unproven)
