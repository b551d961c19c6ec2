"""A session at the hub is ended: what spoke for it ends, and whoever took part in it is to be told.

Its codes end, and with them the tokens that the brands' pages hold of it: whoever sits at that
browser next has them, and an account's choices apply only while the person is signed in.  What
other clients were given to be used offline stays: what they keep elsewhere is theirs to look after,
once they are told.  That a session's time is over ends nothing.

All this is done, and what is to be told is written, in the transaction that ends the session; the
worker says it after the commit.  Spec: OpenID Connect Back-Channel Logout 1.0 sections 2.5 and 2.7
(tokens for ``offline_access`` should stay).
"""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store import authorization_codes, clients, dependents, hub_sessions, logout_notices
from consentid.store.hub_sessions import HubSessionRow
from consentid.store.logout_notices import LogoutNotice


async def tell_of_end(
    context: Context, connection: AsyncConnection, ended: Iterable[HubSessionRow], *, at: Instant
) -> None:
    """End what pages hold of these sessions, and write down who is to be told.  The caller commits.

    A client that registered no address for it is told nothing, as before.
    """
    for session in ended:
        await authorization_codes.end_of_session(connection, session.id)
        pages: list[str] = []
        for client_id in await hub_sessions.leave(connection, session.id):
            client = await clients.find_ever(connection, client_id)
            if client is None:
                continue
            if client.is_brand_page:
                pages.append(client_id)
            if client.disabled_at is not None or client.registration.backchannel_logout_uri is None:
                continue
            notice = LogoutNotice(
                id=uuid7(at, context.randomness(RANDOM_BYTES)),
                client_id=client_id,
                session_id=session.id,
                subject=session.account,
                queued_at=at,
            )
            await logout_notices.add(connection, notice)
        await dependents.end_of_session(
            connection, session.id, session.account, held_by=pages, at=at
        )
