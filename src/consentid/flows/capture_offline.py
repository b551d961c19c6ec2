"""What a device captured without network becomes a capture, with the interval that can be proven.

The early end is the last sync that the device can prove, the late end is when its bundle came; what
the device's own clock says never makes an act look later than that, and a clock that contradicts
the two is flagged.  A proof under a key of the hub's that is published no more proves nothing: the
enrolment counts then, which the hub knows by itself.
"""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.capture import Evidence, EvidenceKind
from consentid.core.decision import CatalogueVersion, Channel, Choice, Outcome
from consentid.core.purpose import PurposeId
from consentid.flows.context import Context
from consentid.flows.new_capture import Claimed, NewCapture
from consentid.flows.record_capture import keep_capture
from consentid.flows.show_catalogue import NoticeRefOut
from consentid.kit.errors import ConflictError, MalformedError
from consentid.kit.instants import Instant, from_seconds
from consentid.store.clients import Client
from consentid.store.field_devices import FieldDevice
from consentid.tokens import field_sync
from consentid.tokens.capture_bundle import EntryClaim
from consentid.tokens.reasons import Inactive, Reason

_MILLISECOND: Final = 1_000
_LATEST: Final = Instant(2**53 - 1)
"""In the year 2255: a clock that goes beyond says no more, and the log writes no larger number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a sync proof comes to."""

    at: Instant
    catalogue: CatalogueVersion | None
    """The kit's; None where the proof is too old to be verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineCapture:
    """One entry of a bundle, and what came with it."""

    device: FieldDevice
    client: Client
    synced: Synced
    entry: EntryClaim
    received_at: Instant
    is_held: bool
    """Whether it is one of too many."""


def verify_sync(context: Context, book: Book, device: FieldDevice, unverified_sync: str) -> Synced:
    """The last time that a device can prove to have been in touch.

    Raises:
        MalformedError: the proof is forged, or another device's.
    """
    found = field_sync.open_sync(unverified_sync, context.keyring.verifying_keys())
    if isinstance(found, Inactive):
        if found.reason is not Reason.UNKNOWN_KEY:
            raise MalformedError("bad_sync", f"The sync proof does not hold ({found.reason}).")
        return Synced(at=device.enrolled_at or device.created_at, catalogue=None)
    claims = found.claims
    if claims.iss != book.group.issuer or claims.sub != device.id:
        raise MalformedError("foreign_sync", "The sync proof is another device's.")
    return Synced(at=from_seconds(claims.iat), catalogue=CatalogueVersion(claims.cat))


async def capture_offline(
    context: Context, connection: AsyncConnection, book: Book, given: OfflineCapture
) -> UUID:
    """Make a capture of an entry; its id.  The caller holds the device's lock and commits.

    Raises:
        MalformedError, ForbiddenError, ConflictError: see ``keep_capture``; its evidence was handed
            in before, by whatever way: another entry is another capture, and has evidence of its
            own.
    """
    entry, notice, evidence = given.entry, given.entry.notice, given.entry.evidence
    new = NewCapture(
        asked=given.client.party,
        notice=NoticeRefOut(
            id=notice.id, version=notice.version, language=notice.language, digest=notice.digest
        ),
        choices=tuple(
            Choice(purpose=PurposeId(purpose), outcome=outcome)
            for purposes, outcome in (
                (entry.granted, Outcome.GRANTED),
                (entry.refused, Outcome.REFUSED),
            )
            for purpose in purposes
        ),
        channel=Channel(entry.channel),
        operator=entry.operator,
        evidence=Evidence(
            kind=EvidenceKind(evidence.kind),
            version=evidence.version,
            reference=evidence.reference,
            digest=None if evidence.digest is None else bytes.fromhex(evidence.digest),
        ),
        claimed=Claimed(
            at=Instant(min(entry.at_ms * _MILLISECOND, _LATEST)),
            last_sync=given.synced.at,
            received_at=given.received_at,
            catalogue=given.synced.catalogue,
        ),
        is_paced=False,
        is_held=given.is_held,
    )
    key = hashlib.sha256(f"{given.device.id}\0{entry.id}".encode()).digest()
    kept = await keep_capture(context, connection, book, given.client, new, person=None, key=key)
    if not kept.is_new:
        raise ConflictError("evidence_used", "Each capture has evidence of its own.")
    return kept.row.id
