"""The log, for whoever reads it: its head, its tiles, and proofs out of them.

Only what was published is shown: a tree that grew and is not signed yet does not exist.  What was
published never changes, so no two statements here need to see the same moment.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.kit.errors import MalformedError, NotFoundError, UnavailableError
from consentid.ledger import bundle
from consentid.ledger.bundle import Bundle
from consentid.ledger.tiles import (
    WIDTH,
    TileId,
    encode_bundle,
    encode_tile,
    is_within,
)
from consentid.ledger.tree import Range, consistency_ranges, inclusion_ranges
from consentid.store import ledger, ledger_tiles
from consentid.store.ledger import LogRow, PublishedRow


async def show_checkpoint(context: Context) -> str:
    """The newest checkpoint, signed.

    Raises:
        UnavailableError: nothing was published yet.
    """
    async with context.database.glancing() as connection:
        _, published = await _newest(connection)
    return published.note


async def show_log_key(context: Context) -> str:
    """The public key of the log, as C2SP writes it.

    Raises:
        UnavailableError: nothing was published yet.
    """
    async with context.database.glancing() as connection:
        log, _ = await _newest(connection)
    return log.key


async def show_log_keys(context: Context) -> list[str]:
    """The public keys of all logs, the one that grows first: proofs of earlier entries stay."""
    async with context.database.glancing() as connection:
        logs = await ledger.every_log(connection)
    return [log.key for log in reversed(logs)]


async def show_tile(context: Context, tile: TileId) -> bytes:
    """A tile, or a bundle of entries.

    Raises:
        NotFoundError: the log has not grown that far.
        UnavailableError: nothing was published yet, or something is missing.
    """
    async with context.database.glancing() as connection:
        log, published = await _newest(connection)
        if not is_within(tile, published.size):
            raise NotFoundError(
                "no_such_tile",
                f"The log has {published.size} entries, and no such tile yet.",
                where="path",
            )
        if tile.level is None:
            first = tile.number * WIDTH
            return encode_bundle(
                await ledger_tiles.leaves(connection, log.log_no, first, tile.width)
            )
        found = await ledger_tiles.tiles(connection, log.log_no, [tile])
    return encode_tile(found[tile])


async def prove_inclusion(context: Context, *, index: int, size: int) -> tuple[bytes, list[bytes]]:
    """That an entry stands at an index of the tree of some size: its hash, and the proof.

    Raises:
        MalformedError: there is no such tree, or no such entry in it.
        UnavailableError: nothing was published yet, or something is missing.
    """
    ranges = [Range(index, index + 1), *inclusion_ranges(index, size)]
    leaf, *hashes = await _hashes(context, ranges, size=size)
    return leaf, hashes


async def prove_consistency(context: Context, *, first: int, second: int) -> list[bytes]:
    """That the tree of one size grew into the tree of another.

    Raises:
        MalformedError: there are no such trees.
        UnavailableError: nothing was published yet, or something is missing.
    """
    return await _hashes(context, consistency_ranges(first, second), size=second)


async def prove_entry(context: Context, event_id: UUID) -> str:
    """A proof that stands alone: that an event is in the log.  Spec: C2SP tlog-proof.

    Raises:
        NotFoundError: the log never heard of it.
        UnavailableError: it waits to be integrated, or something is missing.
    """
    async with context.database.glancing() as connection:
        found = await find_proof(context, connection, event_id)
        if found is not None:
            return bundle.encode(found)
        # Staged first: whoever leaves there is in the log in the same moment.
        if (
            await ledger.is_staged(connection, event_id)
            or await ledger.find_place(connection, event_id) is not None
        ):
            raise UnavailableError(
                "entry_waiting",
                "The entry is not in a published checkpoint yet.",
                retry_after_s=1,
            )
    raise NotFoundError("entry_unknown", "The log has no such entry.", where="event_id")


async def find_proof(
    context: Context, connection: AsyncConnection, event_id: UUID
) -> Bundle | None:
    """The same as it is made; None where no published checkpoint covers the event.

    Raises:
        UnavailableError: something is missing.
    """
    place = await ledger.find_place(connection, event_id)
    if place is None:
        return None
    log_no, index, published = place
    if published is None:
        return None
    ranges = inclusion_ranges(index, published.size)
    hashes = await context.subtrees.hashes(connection, log_no, ranges, size=published.size)
    return Bundle(index=index, proof=tuple(hashes), note=published.note)


async def _hashes(context: Context, ranges: list[Range], *, size: int) -> list[bytes]:
    async with context.database.glancing() as connection:
        log, published = await _newest(connection)
        if size > published.size:
            raise MalformedError(
                "bad_tree_size", f"The log has {published.size} entries yet.", where="size"
            )
        return await context.subtrees.hashes(connection, log.log_no, ranges, size=size)


async def _newest(connection: AsyncConnection) -> tuple[LogRow, PublishedRow]:
    found = await ledger.newest_published(connection)
    if found is None:
        raise UnavailableError(
            "ledger_empty", "No checkpoint was published yet: does a worker run?", retry_after_s=5
        )
    return found
