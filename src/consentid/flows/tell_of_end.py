"""A session at the hub ends: its codes end with it, and whoever took part in it is to be told.

What is to be told is written in the transaction that ends the session; the worker says it after
the commit.  Spec: OpenID Connect Back-Channel Logout 1.0 section 2.5.
"""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store import authorization_codes, clients, hub_sessions, logout_notices
from consentid.store.hub_sessions import HubSessionRow
from consentid.store.logout_notices import LogoutNotice


async def tell_of_end(
    context: Context, connection: AsyncConnection, ended: Iterable[HubSessionRow], *, at: Instant
) -> None:
    """Write down who is to be told that these sessions have ended.  The caller commits.

    A client that registered no address for it is told nothing, as before.
    """
    for session in ended:
        await authorization_codes.end_of_session(connection, session.id)
        for client_id in await hub_sessions.leave(connection, session.id):
            client = await clients.find(connection, client_id)
            if client is None or client.registration.backchannel_logout_uri is None:
                continue
            notice = LogoutNotice(
                id=uuid7(at, context.randomness(RANDOM_BYTES)),
                client_id=client_id,
                session_id=session.id,
                subject=session.account,
                queued_at=at,
            )
            await logout_notices.add(connection, notice)
