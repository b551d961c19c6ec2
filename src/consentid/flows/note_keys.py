"""Which keys are published is in the log: noted whenever they are others than those noted last.

Keys are files, and rotated where there is no database: a worker notices within a minute.
"""

from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.stage_entry import stage_body
from consentid.kit import canonical
from consentid.ledger.leaf import Kind
from consentid.store import clock, ledger


async def note_keys(context: Context) -> int:
    """Stage the digest of ``/jwks.json``, unless it is the last one noted; how many it were."""
    published = context.keyring.public_jwks()
    commitment = canonical.digest(published)
    async with context.database.writing() as connection:
        await ledger.lock_keys(connection)
        newest = await ledger.newest_keys(connection)
        if newest is not None and commitment.hex().encode() in newest:
            return 0
        origin = log_origin(context, await context.book(connection))
        now = await clock.now(connection)
        await stage_body(
            connection,
            Kind.KEY,
            published,
            origin=origin,
            at=now,
            randomness=context.randomness,
        )
    return 1
