"""Hold the log against what it says of erasures: what left, left because the log says so."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.restrict_subject import request_commitment
from consentid.ledger.leaf import Kind
from consentid.store import erasure_audit, ledger_audit
from consentid.store.ledger_audit import CommittedRow

_PAGE: Final = 256


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """Of an erasure's record, what can be counted."""

    decisions: int
    digest: str


async def spoken_of(
    connection: AsyncConnection, ids: Sequence[UUID]
) -> Mapping[UUID, CommittedRow]:
    """What these events committed to: decisions, requests for an erasure, erasures."""
    found = dict(await ledger_audit.committed(connection, ids))
    for each in await erasure_audit.requested(connection, ids):
        found[each.id] = CommittedRow(
            commitment=request_commitment(each), recorded_at=each.restricted_at, kind=Kind.REQUEST
        )
    for done in await erasure_audit.shredded_by(connection, ids):
        found[done.event_id] = CommittedRow(
            commitment=hashlib.sha256(done.record).digest(),
            recorded_at=done.shredded_at,
            kind=Kind.ERASE,
        )
    return found


async def erasure_faults(connection: AsyncConnection) -> AsyncIterator[str]:
    """What is wrong with erasures that were done: of decisions that vanished as if in one."""
    after = UUID(int=0)
    while page := await erasure_audit.shredded_after(connection, after, limit=_PAGE):
        for done in page:
            if not done.is_logged:
                yield f"{done.id} is in no log"
            try:
                said = msgspec.json.decode(done.record, type=_Record)
            except msgspec.DecodeError:
                yield f"{done.id} has no record"
                continue
            if (said.decisions, said.digest) != (done.decisions, done.digest.hex()):
                yield f"{done.id} took other decisions along than it says"
        after = page[-1].id
