"""What a worker tells Prometheus of the systems that hear of changes; each worker the same."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from consentid.flows.show_propagation import SystemOut
from consentid.telemetry.families import Family, gauges

_TOLD: Final[Sequence[tuple[str, str, Callable[[SystemOut], float]]]] = (
    ("lag_events", "Events that a system has not confirmed.", lambda each: each.lag_events),
    ("lag_seconds", "How long the oldest of these has waited.", lambda each: each.lag_s),
    ("failures", "Failures in a row of what is sent to it.", lambda each: each.failures),
    ("dead_letters", "What was given up for it, until redriven.", lambda each: each.dead_letters),
    (
        "disabled",
        "1 while nothing is sent to it: gone, failing for long, or an operator's choice.",
        lambda each: each.disabled is not None,
    ),
    (
        "unconfirmed_withdrawals",
        "What takes something away and was not confirmed within the deadline; alert on 1.",
        lambda each: each.unconfirmed_withdrawals,
    ),
)


def arrival_families(systems: Sequence[SystemOut]) -> Iterator[Family]:
    """All families, by system."""
    for name, said, of in _TOLD:
        yield gauges(f"system_{name}", said, "system", {each.system: of(each) for each in systems})
