"""Whether an event takes something away: what no receiver may miss."""

from consentid.events.contract import ConsentEvent, ErasureEvent, Event


def narrows(event: Event) -> bool:
    """A yes that the receiver was told of is one no more, or the person is to be forgotten."""
    if isinstance(event, ErasureEvent):
        return True
    return isinstance(event, ConsentEvent) and any(
        effect.before is not None and not set(effect.before.granted) <= set(effect.after.granted)
        for effect in event.data.effective
    )
