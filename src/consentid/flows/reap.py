"""Remove what is past its time, each kind at the limit that the settings name.

What expires by itself goes at once; what may still come again is known for a while longer.  Devices
that nobody can come with any more are set aside, as if somebody had asked for it.
"""

from typing import Final

from consentid.flows.context import Context
from consentid.flows.restrict_subject import Asked, Reason, restrict_subject
from consentid.kit.instants import DAY, HOUR, MINUTE, Instant
from consentid.store import (
    access_tokens,
    authorization_codes,
    captures,
    clock,
    confirmations,
    deliveries,
    device_codes,
    feed,
    field_bundles,
    field_devices,
    hand_offs,
    hub_sessions,
    idempotency,
    interactions,
    linked_devices,
    mails,
    operators,
    outbox,
    portal_logins,
    pushed_requests,
    reads,
    refresh_tokens,
    staff,
    support_codes,
)

RETENTION: Final = "retention"
"""Who asked for an erasure, where it is the limit that was set."""
_UNDER_WAY_M: Final = 10
"""How long after a session tokens may still come of it: a code lives for one, a request less."""
_DEVICES_AT_ONCE: Final = 500
_STAFF_KNOWN_D: Final = 396
"""How long it is known what somebody of the staff is called who did not come again."""


async def reap(context: Context) -> int:
    """Remove it; returns how many rows went, and devices with them."""
    limits = context.settings
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        gone = await access_tokens.delete_expired(connection, before=now)
        gone += await idempotency.delete_before(
            connection, Instant(now - limits.keep_repeats_h * HOUR)
        )
        ended = Instant(now - limits.keep_ended_h * HOUR)
        gone += await authorization_codes.delete_expired(connection, before=ended)
        gone += await interactions.delete_expired(connection, before=ended)
        gone += await device_codes.delete_expired(connection, before=ended)
        gone += await hand_offs.delete_expired(connection, before=ended)
        gone += await pushed_requests.delete_expired(connection, before=now)
        gone += await hub_sessions.delete_expired(
            connection, before=Instant(now - _UNDER_WAY_M * MINUTE)
        )
        gone += await portal_logins.delete_expired(connection, before=now)
        gone += await refresh_tokens.delete_expired(connection, before=now)
        gone += await operators.delete_expired(connection, before=now)
        gone += await staff.delete_expired(
            connection, before=now, seen_before=Instant(now - _STAFF_KNOWN_D * DAY)
        )
        gone += await support_codes.delete_expired(connection, before=now)
        gone += await captures.expire(connection, now=now)
        gone += await captures.forget(connection, before=Instant(now - limits.keep_events_d * DAY))
        gone += await mails.delete_expired(connection, before=now)
        gone += await reads.delete_before(connection, Instant(now - limits.keep_reads_d * DAY))
        read_again = Instant(now - limits.keep_events_d * DAY)
        gone += await field_devices.delete_uninvited(connection, before=ended)
        gone += await field_bundles.forget(connection, before=read_again)
        gone += await feed.forget(connection, before=read_again)
        gone += await confirmations.forget(connection, before=read_again, now=now)
        gone += await outbox.forget_drained(connection, before=read_again)
        gone += await deliveries.forget(connection, before=read_again)
    return gone + await _set_devices_aside(context)


async def _set_devices_aside(context: Context) -> int:
    asked = Asked(reason=Reason.NO_LONGER_NECESSARY, asked_by=RETENTION)
    async with context.database.reading() as connection:
        now = await clock.now(connection)
        before = Instant(now - context.settings.keep_expired_devices_d * DAY)
        expired = await linked_devices.expired(connection, before=before, limit=_DEVICES_AT_ONCE)
    for device in expired:
        async with context.database.writing() as connection:
            await restrict_subject(context, connection, device, asked)
    return len(expired)
