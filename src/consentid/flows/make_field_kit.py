"""What a capture device takes along: its brand's notices in every language, and the hub's time.

The kit is a text; the sync proof signs its digest with the hub's time, after the commit.  The
device checks both, and shows the proof with whatever it captures until it is here again.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from consentid.flows.context import Context
from consentid.flows.enrol_field_device import may_capture
from consentid.flows.field_keys import key_of
from consentid.flows.show_catalogue import (
    CatalogueOut,
    NamedOut,
    NoticeRefOut,
    PurposeOut,
    show_catalogue,
)
from consentid.kit.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from consentid.kit.instants import to_seconds
from consentid.store import clients, clock, field_devices
from consentid.store.clients import Client
from consentid.store.field_devices import FieldDevice
from consentid.telemetry.tracing import step
from consentid.tokens import device_proof, field_sync
from consentid.tokens.field_sync import SyncClaims
from consentid.tokens.reasons import Inactive

_ATTEMPTS: Final = 3


class KitNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown in one language."""

    notice: NoticeRefOut
    text: Mapping[str, str]
    names: Sequence[NamedOut]
    purposes: Sequence[PurposeOut]


class Kit(msgspec.Struct, frozen=True, kw_only=True):
    """All that a device needs without network."""

    issuer: str
    device: str
    name: str
    """The device's own."""
    client: str
    brand: str
    """The brand's or partner's slug."""
    catalogue: int
    look: Mapping[str, str]
    notices: Sequence[KitNotice]


class KitOut(msgspec.Struct, frozen=True, kw_only=True):
    """A kit, and the hub's word for it."""

    kit: str
    """JSON, as text: its digest is what is signed."""
    sync: str
    """Compact JWS, type ``field-sync+jwt``."""


@step("make_field_kit")
async def make_field_kit(context: Context, unverified_proof: str) -> KitOut:
    """Answer a device that proves itself.

    Raises:
        UnauthenticatedError: it does not.
        ForbiddenError: it was revoked, or its client may not capture any more.
    """
    unverified_device = device_proof.asker_of(unverified_proof)
    if isinstance(unverified_device, Inactive):
        raise _unproven(unverified_device)
    async with context.database.writing() as connection:
        device = await field_devices.find(connection, unverified_device, lock=True)
        if device is None or device.public_key is None:
            raise UnauthenticatedError("device_unknown", "No device of this name is enrolled.")
        proof = device_proof.open_request(unverified_proof, device.id, key_of(device.public_key))
        if isinstance(proof, Inactive):
            raise _unproven(proof)
        client = await clients.find(connection, device.client_id)
        book = await context.book(connection)
        if proof.claims.aud != book.group.issuer:
            raise UnauthenticatedError("bad_proof", "The request is for another hub.")
        if device.revoked_at is not None:
            raise ForbiddenError("device_revoked", "This device was revoked: enrol it anew.")
        if client is None or not may_capture(client):
            raise ForbiddenError("client_may_not_capture", "Its client may not capture any more.")
        now = await clock.now(connection)
        await field_devices.note_sync(connection, device.id, at=now)
    shown = await _show(context, client)
    kit = msgspec.json.encode(_kit(device, book.group.issuer, shown)).decode()
    claims = SyncClaims(
        iss=book.group.issuer,
        sub=device.id,
        iat=to_seconds(now),
        nonce=proof.claims.nonce,
        cat=shown[0].catalogue,
        kit=field_sync.digest_of(kit),
    )
    key = context.keyring.active("consent")
    signing_input = field_sync.unsigned(claims, key.kid)
    return KitOut(kit=kit, sync=field_sync.assemble(signing_input, key.sign(signing_input)))


async def _show(context: Context, client: Client) -> Sequence[CatalogueOut]:
    """The notice in each of its languages, all of one catalogue version."""
    brand = client.party.slug
    for _ in range(_ATTEMPTS):
        first = await show_catalogue(context, brand=brand, languages=())
        shown = [
            await show_catalogue(context, brand=brand, languages=(language,))
            for language in first.languages
        ]
        if {each.catalogue for each in shown} == {first.catalogue}:
            return shown
    raise UnavailableError(
        "catalogue_changing", "The catalogue is changing: ask again.", retry_after_s=1
    )


def _kit(device: FieldDevice, issuer: str, shown: Sequence[CatalogueOut]) -> Kit:
    return Kit(
        issuer=issuer,
        device=device.id,
        name=device.name,
        client=device.client_id,
        brand=shown[0].brand,
        catalogue=shown[0].catalogue,
        look=shown[0].look,
        notices=[
            KitNotice(notice=each.notice, text=each.text, names=each.names, purposes=each.purposes)
            for each in shown
        ],
    )


def _unproven(found: Inactive) -> UnauthenticatedError:
    return UnauthenticatedError(
        "bad_proof", f"The device does not prove itself ({found.reason}).", where="proof"
    )
