"""Capture devices as operators see them: which there are, how far each came, which is lost."""

from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.stage_act import Noting
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import Instant, to_rfc3339
from consentid.store import clock, field_devices
from consentid.store.field_devices import FieldDevice


class FieldDeviceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A device, and how far it has come."""

    device: str
    name: str
    client: str
    state: str
    """``invited``, ``enrolled`` or ``revoked``."""
    enrolled_at: str | None
    synced_at: str | None
    """When it last had its kit."""
    revoked_at: str | None
    last_bundle: int
    """The last number of its unbroken chain."""
    bundles: dict[str, int]
    """How many, by state."""


async def list_devices(
    connection: AsyncConnection, client_id: str | None
) -> Sequence[FieldDeviceOut]:
    """The devices of a client, or all of them; the latest first."""
    found = await field_devices.known(connection, client_id)
    counted: dict[str, dict[str, int]] = {each.id: {} for each in found}
    for tally in await field_devices.tallies(connection, [each.id for each in found]):
        counted[tally.device][tally.state] = tally.bundles
    return [_describe(each, counted[each.id]) for each in found]


async def revoke_device(
    connection: AsyncConnection, noted: Noting, unverified_device: str, *, client_id: str | None
) -> None:
    """Believe a device no more; what it brought before stays, and is marked.

    ``client_id`` is whose it has to be; None for an operator of the service.

    Raises:
        NotFoundError: there is no such device, or not for this caller.
    """
    device = await field_devices.find(connection, unverified_device, lock=True)
    if device is None or client_id not in (None, device.client_id):
        raise NotFoundError("device_unknown", "There is no such device.", where="device")
    if device.revoked_at is not None:
        return
    now = await clock.now(connection)
    await field_devices.revoke(connection, device.id, at=now)
    await noted.note(connection, "field/revoke", at=now, device=device.id, client=device.client_id)


def _describe(device: FieldDevice, bundles: dict[str, int]) -> FieldDeviceOut:
    state = "invited" if device.enrolled_at is None else "enrolled"
    return FieldDeviceOut(
        device=device.id,
        name=device.name,
        client=device.client_id,
        state=state if device.revoked_at is None else "revoked",
        enrolled_at=_moment(device.enrolled_at),
        synced_at=_moment(device.synced_at),
        revoked_at=_moment(device.revoked_at),
        last_bundle=device.head_seq,
        bundles=bundles,
    )


def _moment(at: Instant | None) -> str | None:
    return None if at is None else to_rfc3339(at)
