"""Which keys are published is in the log: noted whenever they are others than those noted last.

Keys are files, and rotated where there is no database: a worker notices within a minute.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.stage_entry import stage_body
from consentid.kit import canonical
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind
from consentid.store import clock, entry_bodies, ledger


async def note_keys(context: Context) -> int:
    """Stage the digest of ``/jwks.json``, unless it is the last one noted; how many it were."""
    async with context.database.writing() as connection:
        return await stage_keys(
            connection,
            context.keyring.public_jwks(),
            origin=log_origin(context, await context.book(connection)),
            at=await clock.now(connection),
            randomness=context.randomness,
        )


async def stage_keys(
    connection: AsyncConnection,
    published: Mapping[str, Json],
    *,
    origin: str,
    at: Instant,
    randomness: Callable[[int], bytes],
) -> int:
    """The same for a key set, in a transaction of somebody's own."""
    await ledger.lock_keys(connection)
    newest = await ledger.newest_keys(connection)
    if newest is not None and canonical.digest(published).hex().encode() in newest:
        return 0
    await stage_body(connection, Kind.KEY, published, origin=origin, at=at, randomness=randomness)
    return 1


async def published_ever(connection: AsyncConnection) -> frozenset[str]:
    """The names of all keys that the log says were published."""
    ids = await ledger.key_entries(connection)
    rows = await entry_bodies.by_ids(connection, ids)
    return frozenset(key.kid for row in rows for key in _published.decode(row.body).keys)


class _Named(msgspec.Struct, frozen=True):
    kid: str


class _Published(msgspec.Struct, frozen=True):
    keys: list[_Named]


_published: Final = msgspec.json.Decoder(_Published)
