"""Take note of a browser's signals: recorded once, and again only after they were seen off."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from consentid.brandbook.book import Book
from consentid.brandbook.client import Surface
from consentid.core.decision import Channel, Decision, DecisionId, SignalSource
from consentid.core.signal import Seen, observe, signal_decision
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What follows from signals that were looked at."""

    decisions: Sequence[Decision]
    """The refusals that newly seen ones make, each a microsecond after the one before."""
    remembered: Mapping[SignalSource, bool]
    """How each was seen, for the next time."""


def observe_signals(
    context: Context,
    book: Book,
    caller: Caller,
    subject: OpenSubject,
    *,
    seen: Mapping[SignalSource, bool],
    on_before: Collection[SignalSource],
    at: Instant,
) -> Observed:
    """Look at the signals that came.  The caller holds the subject's lock, and writes the rest."""
    decisions: list[Decision] = []
    remembered: dict[SignalSource, bool] = {}
    for source, is_on in sorted(seen.items()):
        before = Seen.ON if source in on_before else Seen.OFF
        now, is_new = observe(before, is_on=is_on)
        remembered[source] = now is Seen.ON
        if not is_new:
            continue
        recorded_at = Instant(at + len(decisions))
        decision = signal_decision(
            id_=DecisionId(uuid7(recorded_at, context.randomness(RANDOM_BYTES))),
            subject=subject.id,
            source=source,
            mapped=book.group.signals.get(source, ()),
            catalogue=book.catalogue,
            channel=Channel(Surface(caller.client.surface)),
            actor=caller.client.client_id,
            recorded_at=recorded_at,
        )
        if decision is not None:
            decisions.append(decision)
    return Observed(decisions=decisions, remembered=remembered)
