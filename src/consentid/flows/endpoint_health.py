"""How an endpoint does, and when what it did not take is tried again.

An endpoint that fails is tried with one event at a time, less and less often; after three days it
is disabled.  An event that an endpoint refuses while it takes others is given up after three days:
a dead letter.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from consentid.kit.instants import HOUR, MINUTE, SECOND, Instant
from consentid.net.webhook_sender import Delivered
from consentid.store.deliveries import DEAD, DELIVERED, PENDING, Due, Settled
from consentid.store.webhooks import Endpoint

Draw: TypeAlias = Callable[[int], int]
"""A whole number below another, at random."""

RETRIES: Final = (
    *(5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR),
    *(20 * HOUR, 20 * HOUR),
)
"""Waits after each attempt, give or take a fifth: three days in all."""
GIVE_UP: Final = 72 * HOUR
"""How long an endpoint may fail before it is disabled."""
LEAST_FAILURES: Final = 8
"""As many as one event alone has come to by then: a clock that is set forward disables nobody."""
FAILING: Final = 3
"""Failures in a row that are the endpoint's, and no longer one event's."""
_FIRST_PAUSE: Final = 5 * SECOND
_LONGEST_PAUSE: Final = HOUR
_MOST_DOUBLINGS: Final = 12

_log: Final = logging.getLogger("consentid.webhooks")


class Health(NamedTuple):
    """Whether an endpoint fails, since when, and until when it is left alone."""

    failures: int
    since: Instant | None
    until: Instant | None

    def is_lost(self, now: Instant) -> bool:
        """Whether it has failed for too long, and not by the clock alone."""
        is_long = self.since is not None and now - self.since >= GIVE_UP
        return is_long and self.failures >= LEAST_FAILURES

    def after(self, outcomes: Sequence[Delivered], *, now: Instant, draw: Draw) -> "Health":
        """How it does after some more attempts."""
        failures, since, until = self
        for each in outcomes:
            if each.is_taken:
                failures, since, until = 0, None, None
                continue
            failures, since = failures + 1, since or now
            if each.retry_after_s is not None:
                until = _later(now, each.retry_after_s * SECOND)
            elif failures >= FAILING:
                doublings = min(failures - FAILING, _MOST_DOUBLINGS)
                pause = min(_FIRST_PAUSE * 2**doublings, _LONGEST_PAUSE)
                until = _later(now, _give_or_take(pause, draw))
        return Health(failures, since, until)


def health_of(endpoint: Endpoint) -> Health:
    """How it did when it was read."""
    return Health(endpoint.failures, endpoint.failing_since, endpoint.paused_until)


def settled_of(due: Due, delivered: Delivered, *, now: Instant, draw: Draw) -> Settled:
    """What an attempt makes of a delivery."""
    state, attempts, due_at = PENDING, due.attempts + 1, now
    if delivered.is_taken:
        state = DELIVERED
    elif delivered.retry_after_s is not None:
        # It asked for a pause: that is no refusal of this event.
        attempts, due_at = due.attempts, _later(now, delivered.retry_after_s * SECOND)
    elif delivered.is_gone:
        attempts = due.attempts
    elif attempts > len(RETRIES):
        state = DEAD
        _log.warning("an event was given up for webhook %d", due.endpoint_no)
    else:
        due_at = _later(now, _give_or_take(RETRIES[attempts - 1], draw))
    return Settled(
        endpoint_no=due.endpoint_no,
        stream_no=due.stream_no,
        seq=due.seq,
        state=state,
        attempts=attempts,
        due_at=due_at,
        outcome=delivered.outcome,
        took_ms=delivered.took_ms,
    )


def _give_or_take(wait: int, draw: Draw) -> int:
    """A fifth more or less, so that what failed together does not come back together."""
    return wait * 4 // 5 + draw(wait * 2 // 5)


def _later(now: Instant, wait: int) -> Instant:
    return Instant(now + wait)
