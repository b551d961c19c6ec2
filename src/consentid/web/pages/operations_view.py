"""From how systems stand to what the operators' page shows."""

from datetime import timedelta
from urllib.parse import urlsplit

from consentid.flows.show_operations import Operations
from consentid.kit.instants import Instant, to_datetime
from consentid.store.deliveries import LogEntry
from consentid.store.systems import System
from consentid.web.pages.operations import DeadLetter, Moment, SystemItem
from consentid.web.pages.preferences_list_views import party_name


def system_items(found: Operations) -> tuple[SystemItem, ...]:
    """Every system; those that need somebody first."""
    items = (_item(found, each) for each in found.systems)
    return tuple(sorted(items, key=lambda each: each.is_well))


def _item(found: Operations, system: System) -> SystemItem:
    letters = () if system.number is None else found.dead.get(system.number, ())
    oldest = system.oldest_at
    return SystemItem(
        name=system.name,
        number=system.number,
        client_id=system.client_id,
        party=party_name(found.book, system.party),
        address=None if system.url is None else urlsplit(system.url).hostname,
        is_webhook=system.way == "webhook",
        waiting=system.waiting,
        oldest=None if oldest is None else timedelta(microseconds=found.now - oldest),
        last=None if system.arrived_at is None else moment_of(system.arrived_at),
        failures=system.failures,
        failing_since=None if system.failing_since is None else moment_of(system.failing_since),
        disabled_why=system.disabled_why,
        late=system.late,
        dead=system.dead,
        letters=tuple(_letter(each) for each in letters),
    )


def _letter(entry: LogEntry) -> DeadLetter:
    return DeadLetter(
        sequence=entry.seq,
        id=entry.id,
        since=moment_of(entry.queued_at),
        attempts=entry.attempts,
        outcome=entry.outcome or "-",
    )


def moment_of(instant: Instant) -> Moment:
    """When it was, as the page says it."""
    moment = to_datetime(instant)
    return Moment(on=moment.date(), at=moment.strftime("%H:%M"))
