"""Leaves that an audit finds nothing wrong with, brought quickly: each with its public body."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit import canonical
from consentid.kit.instants import from_seconds
from consentid.ledger.leaf import Kind, encode_leaf
from consentid.store.arrays import fetch

_KIND: Final = Kind.NOTICE
_BRING: Final = f"""
WITH given AS (
  SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS given (id, body, leaf)
), kept AS (
  INSERT INTO entry_bodies (event_id, kind, recorded_at, body)
  SELECT id, '{_KIND}', to_timestamp($4), body FROM given
)
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
SELECT id, '{_KIND}', leaf, pg_catalog.clock_timestamp() FROM given
"""


async def bring(connection: AsyncConnection, ids: Sequence[UUID], *, origin: str) -> None:
    """Stage so many in one transaction of the caller's; ``origin`` names the log."""
    at_s = int(time.time())
    bodies = [canonical.encode({"v": 1, "id": str(each)}) for each in ids]
    leaves = [*_leaves(ids, bodies, origin=origin, at_s=at_s)]
    await fetch(connection, _BRING, list(ids), bodies, leaves, at_s)


def _leaves(
    ids: Iterable[UUID], bodies: Iterable[bytes], *, origin: str, at_s: int
) -> Iterable[bytes]:
    for id_, body in zip(ids, bodies, strict=True):
        yield encode_leaf(
            kind=_KIND,
            event_id=id_,
            at=from_seconds(at_s),
            origin=origin,
            commitment=hashlib.sha256(body).digest(),
        )
