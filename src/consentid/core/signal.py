"""What a browser's signal decides: a refusal for the group, with its source recorded.

A signal (Global Privacy Control and the like) is recorded once per subject and device, and again
only after it was seen off.  Going off lifts nothing: the refusal stands until the person, told of
it, grants anew.

Spec: W3C Global Privacy Control (``Sec-GPC``).
"""

from collections.abc import Collection
from enum import StrEnum

from consentid.core.catalogue import Catalogue
from consentid.core.clock import online
from consentid.core.decision import (
    Assurance,
    Channel,
    Choice,
    Decision,
    DecisionId,
    Outcome,
    SignalSource,
    SubjectId,
)
from consentid.core.purpose import PurposeId, lineage
from consentid.kit.instants import Instant


class Seen(StrEnum):
    """How a signal was last seen from one subject on one device; kept with the pair."""

    OFF = "off"
    """Not seen yet, or seen off since it was last recorded."""
    ON = "on"
    """Seen on, and recorded."""


def observe(last: Seen, *, is_on: bool) -> tuple[Seen, bool]:
    """Take note of a signal: what to remember, and whether a decision is to be recorded now."""
    if not is_on:
        return Seen.OFF, False
    return Seen.ON, last is Seen.OFF


def signal_decision(
    *,
    id_: DecisionId,
    subject: SubjectId,
    source: SignalSource,
    mapped: Collection[PurposeId],
    catalogue: Catalogue,
    channel: Channel,
    actor: str,
    recorded_at: Instant,
) -> Decision | None:
    """The refusal that a signal makes, for the purposes that the catalogue maps to it.

    A purpose whose ancestor is mapped too goes without saying.  None where nothing is mapped.
    """
    heads = sorted(
        purpose for purpose in set(mapped) if not set(mapped).intersection(lineage(purpose)[1:])
    )
    if not heads:
        return None
    return Decision(
        id=id_,
        subject=subject,
        choices=tuple(Choice(purpose=purpose, outcome=Outcome.REFUSED) for purpose in heads),
        reach=None,
        notice=None,
        catalogue=catalogue.version,
        interval=online(recorded_at).interval,
        recorded_at=recorded_at,
        assurance=Assurance.SIGNAL,
        channel=channel,
        actor=actor,
        signal=source,
    )
