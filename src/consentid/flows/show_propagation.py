"""Whether it has arrived: how each system stands, and which of them has a certain change.

A client is shown the systems of its own brand or partner alone: what happens at another's, and
when, would let two of them find the people whom they have in common.
"""

from collections.abc import Sequence

import msgspec

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import SECOND, Instant, to_rfc3339
from consentid.settings import Settings
from consentid.store import clock, systems
from consentid.store.deliveries import DEAD
from consentid.store.engine import Database
from consentid.store.systems import Arrival, System
from consentid.telemetry.tracing import step


class SystemOut(msgspec.Struct, frozen=True, kw_only=True):
    """A system, and how far behind it is."""

    system: str
    """`webhook:3`, `feed:news-crm`."""
    client_id: str
    party: str
    lag_events: int
    """Told and not confirmed; what was given up is counted apart."""
    lag_s: float
    """How long the oldest of these has waited; 0 where none waits."""
    last_success: str | None
    failures: int
    """In a row."""
    failing_since: str | None
    dead_letters: int
    disabled: str | None
    """Why nothing is sent to it now: `gone`, `failing`, `operator`, or, where its receiver stopped
    it, `paused`, `disabled`; null where it is."""
    unconfirmed_withdrawals: int
    """What takes something away and was not confirmed within the deadline: alert on 1."""


class PropagationOut(msgspec.Struct, frozen=True, kw_only=True):
    """All systems of a brand or partner."""

    deadline_s: int
    """How long a system may take to confirm a withdrawal."""
    systems: list[SystemOut]


class ArrivalOut(msgspec.Struct, frozen=True, kw_only=True):
    """One system that was to hear of a change."""

    system: str
    client_id: str
    state: str
    """`confirmed`, `waiting`, or `given_up`: a dead letter."""
    confirmed_at: str | None


class ChangeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A change, and where it has arrived."""

    id: str
    time: str
    """When the first of them was told."""
    confirmed: int
    systems: list[ArrivalOut]


async def list_systems(database: Database, settings: Settings) -> Sequence[SystemOut]:
    """How every system of the installation stands: for operators.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with database.glancing() as connection:
        now = await clock.now(connection)
        found = await systems.every(connection, before=deadline(settings, now))
    return [system_out(each, now=now) for each in found]


@step("show_propagation")
async def show_propagation(context: Context, caller: Caller) -> PropagationOut:
    """How the systems of the caller's own brand or partner stand.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.glancing() as connection:
        now = await clock.now(connection)
        own = await systems.of_party(
            connection, caller.client.party, before=deadline(context.settings, now)
        )
    return PropagationOut(
        deadline_s=context.settings.confirm_within_s,
        systems=[system_out(each, now=now) for each in own],
    )


@step("show_change")
async def show_change(context: Context, caller: Caller, event: str) -> ChangeOut:
    """Which systems of the caller's own brand or partner have a change.

    Raises:
        NotFoundError: none of them was told of it, or it is kept no more.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.glancing() as connection:
        found = await systems.arrivals_at(connection, caller.client.party, [event])
    if not found:
        raise NotFoundError("event_unknown", "No system of yours was told of such an event.")
    return ChangeOut(
        id=event,
        time=to_rfc3339(min(each.at for each in found)),
        confirmed=sum(each.arrived_at is not None for each in found),
        systems=[_arrival_out(each) for each in found],
    )


def deadline(settings: Settings, now: Instant) -> Instant:
    """What was told before it, and takes something away, should be confirmed by now."""
    return Instant(now - settings.confirm_within_s * SECOND)


def system_out(system: System, *, now: Instant) -> SystemOut:
    """A system, as it is shown."""
    oldest = system.oldest_at
    return SystemOut(
        system=system.name,
        client_id=system.client_id,
        party=str(system.party),
        lag_events=system.waiting,
        lag_s=0.0 if oldest is None else max(0.0, round((now - oldest) / SECOND, 3)),
        last_success=_when(system.arrived_at),
        failures=system.failures,
        failing_since=_when(system.failing_since),
        dead_letters=system.dead,
        disabled=system.disabled_why,
        unconfirmed_withdrawals=system.late,
    )


def _arrival_out(arrival: Arrival) -> ArrivalOut:
    state = "given_up" if arrival.state == DEAD else "waiting"
    return ArrivalOut(
        system=arrival.name,
        client_id=arrival.client_id,
        state=state if arrival.arrived_at is None else "confirmed",
        confirmed_at=_when(arrival.arrived_at),
    )


def _when(instant: Instant | None) -> str | None:
    return None if instant is None else to_rfc3339(instant)
