"""What is done in the administration is in the log: the act, by whom, on what.

Everybody may read it, so it names neither a secret nor where events go, and whoever did it by a
pseudonym (``by``); what came from the command line names nobody.
"""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.encoding import decode
from consentid.flows.stage_entry import stage_body
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, origin_of
from consentid.store import catalogues


async def stage_act(
    connection: AsyncConnection,
    act: str,
    *,
    ledger_origin: str | None,
    at: Instant,
    randomness: Callable[[int], bytes],
    **about: Json,
) -> None:
    """Stage one, in the transaction of the act.  ``ledger_origin``: as the operator chose it."""
    applied = await catalogues.find(connection)
    if applied is None:  # nor is there a log then
        return
    await stage_body(
        connection,
        Kind.ADMIN,
        {"v": 1, "act": act, **about},
        origin=ledger_origin or origin_of(decode(applied.body).group.issuer),
        at=at,
        randomness=randomness,
    )
