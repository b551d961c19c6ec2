"""How fast a device may capture, by what can be proven of it and not by its own clock.

Its captures may lie anywhere between its last sync and their receipt, so each takes a turn from
that sync on, and a minute's worth may come ahead.  Who spreads invented times gains nothing, nor
who syncs all the time; who was away for a day has a day's turns.
Spec: ITU-T I.371 (generic cell rate algorithm).
"""

import logging
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.kit.instants import MINUTE, Instant
from consentid.store.field_devices import FieldDevice

_log: Final = logging.getLogger("consentid.captures")


def next_turn(paced_until: Instant | None, *, synced_at: Instant, most: int) -> Instant:
    """How far a device has come with one capture more, at ``most`` a minute."""
    return Instant(max(paced_until or synced_at, synced_at) + MINUTE // most)


def is_ahead(turn: Instant, *, received_at: Instant) -> bool:
    """Whether a turn is further than time itself has come."""
    return turn > received_at + MINUTE


def tell_held(context: Context, connection: AsyncConnection, device: FieldDevice) -> None:
    """Say that what a device captured is held, once it has committed."""

    def tell() -> None:
        _log.warning(
            "device %s of client %s captured too fast: see `consentid captures held`",
            device.id,
            device.client_id,
        )
        context.counts.held_captures.add((device.client_id,))

    context.database.after_commit(connection, tell)
