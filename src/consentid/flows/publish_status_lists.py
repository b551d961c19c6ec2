"""Publish the status lists: flips in windows, with decoys, signed anew before they grow stale.

Within a window the flips of one withdrawal appear together with those of others and with decoys on
indices that nobody holds, so two partners that compare moments learn little.
"""

from typing import Final

from consentid.brandbook.book import Book
from consentid.flows.context import Context
from consentid.kit.instants import SECOND, Instant, to_seconds
from consentid.store import clock, status_lists
from consentid.store.status_lists import PublishedList
from consentid.store.statuses import LIST_BITS, StatusIndex
from consentid.telemetry.tracing import step
from consentid.tokens.status import PATH, TTL_S, assemble, unsigned_list

RESIGN_S: Final = TTL_S // 5
"""A list without flips is signed anew after this long, so that a fetched one is always fresh."""
_HEARD_S: Final = 10
"""After a revocation everybody has heard of it: whoever began to publish before is done."""
MIN_DECOYS: Final = 1
MAX_DECOYS: Final = 4


async def publish_status_lists(context: Context) -> int:
    """Publish every list that has flips or grows old; returns how many were published."""
    async with context.database.reading() as connection:
        numbers = await status_lists.every(connection)
    return sum([await publish_status_list(context, number) for number in numbers])


@step("publish_status_list")
async def publish_status_list(context: Context, list_no: int) -> bool:
    """Publish one list where that is due.  Two publishers of one list wait for each other."""
    async with context.database.writing() as connection:
        book = await context.book(connection)
        bits, signed_at = await status_lists.lock_bits(connection, list_no)
        now = await clock.now(connection)
        flips = list(await status_lists.take_unpublished(connection, list_no))
        if not flips and signed_at is not None and not _is_due(context, signed_at, now):
            return False
        if flips:
            # A decoy is flipped now, and stands among the flips of this very window.
            for _ in range(MIN_DECOYS + context.draw(MAX_DECOYS)):
                decoy = StatusIndex(list_no=list_no, idx=context.draw(LIST_BITS))
                if await status_lists.add_decoy(connection, decoy, at=now):
                    flips.append(decoy.idx)
        changed = bytearray(bits)
        for idx in flips:
            changed[idx >> 3] |= 1 << (idx & 7)
        await status_lists.save(
            connection,
            list_no=list_no,
            bits=bytes(changed),
            token=_sign(context, book, list_no, bytes(changed), now),
            signed_at=now,
        )
    return True


def _is_due(context: Context, signed_at: Instant, now: Instant) -> bool:
    """Whether a list grows old, or may be signed by a key that was revoked meanwhile."""
    revoked_at = context.revoked_at
    if revoked_at is not None and signed_at < revoked_at + _HEARD_S * SECOND:
        return True
    # One that was signed by a clock ahead of time is believed by nobody until then.
    return not 0 <= now - signed_at < RESIGN_S * SECOND


async def show_status_list(context: Context, list_no: int) -> PublishedList | None:
    """The newest signed form of a list; one just opened is published on the spot."""
    async with context.database.reading() as connection:
        found = await status_lists.find_published(connection, list_no)
        exists = list_no in await status_lists.every(connection)
    if found is not None or not exists:
        return found
    await publish_status_list(context, list_no)
    async with context.database.reading() as connection:
        return await status_lists.find_published(connection, list_no)


def _sign(context: Context, book: Book, list_no: int, bits: bytes, now: Instant) -> str:
    key = context.keyring.active("consent")
    signing_input = unsigned_list(
        f"{book.group.issuer.rstrip('/')}{PATH}{list_no}",
        bits,
        kid=key.kid,
        iat_s=to_seconds(now),
    )
    return assemble(signing_input, key.sign(signing_input))
