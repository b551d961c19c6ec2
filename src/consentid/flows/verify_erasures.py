"""Hold the log against what it says of erasures: what left, left because the log says so."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.store import erasure_audit

_PAGE: Final = 256


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """Of an erasure's record, what can be counted."""

    decisions: int
    digest: str


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
