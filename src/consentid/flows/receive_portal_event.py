"""The portal tells that an account is gone or that sessions ended: both are done here, once.

A purge is an erasure as any client may ask for it; sessions end as by back-channel logout, those
that began later than the token excepted.
Spec: RISC 1.0 section 2.2 (account-purged), CAEP 1.0 section 3.1 (session-revoked).
"""

import hashlib
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.events.portal_events import PortalEvent, PortalSet
from consentid.flows.context import Context
from consentid.flows.portal_identity import identity_hash, portal_sid_hash
from consentid.flows.restrict_subject import Asked, Reason, restrict_subject
from consentid.flows.tell_of_end import tell_of_end
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import SECOND, Instant
from consentid.net.portal_events import verify_portal_set
from consentid.store import access_tokens, clock, hub_sessions, subjects
from consentid.telemetry.tracing import step

PORTAL: Final = "portal"
"""Who asked for an erasure, where the portal did."""


@step("receive_portal_event")
async def receive_portal_event(context: Context, unverified: str) -> None:
    """Do what a token tells; one that was here before has done it.

    Raises:
        MalformedError: this is no such token of the portal.
        NotFoundError: nothing of the kind is heard here.
        UnauthenticatedError: it does not hold.
        UnavailableError: the portal's keys cannot be fetched, or the database cannot be reached.
    """
    audience = context.settings.portal_events_audience
    if audience is None:
        raise NotFoundError("not_found", "There is nothing at this address.")
    async with context.database.reading() as connection:
        issuer = (await context.book(connection)).group.portal.issuer
    # Before the transaction: a slow portal is not to hold a connection.
    key = await context.portal.look_up(issuer, unverified)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        portal = (await context.book(connection)).group.portal
        found = await verify_portal_set(
            unverified, keys=key, issuer=portal.issuer, audience=audience, now=now
        )
        mark = hashlib.sha256(f"set\0{portal.issuer}\0{found.jti}".encode()).digest()
        if await access_tokens.mark_used(connection, mark, expires_at=found.forget_at):
            for event in found.events:
                await _act(context, connection, event, found, issuer=portal.issuer, at=now)


async def _act(
    context: Context,
    connection: AsyncConnection,
    event: PortalEvent,
    told: PortalSet,
    *,
    issuer: str,
    at: Instant,
) -> None:
    of_person = None if event.sub is None else identity_hash(context, issuer=issuer, sub=event.sub)
    if event.is_purge and of_person is not None:
        subject = await subjects.find_known(connection, of_person)
        if subject is not None:
            asked = Asked(reason=Reason.NO_LONGER_NECESSARY, asked_by=PORTAL)
            await restrict_subject(context, connection, subject, asked)
        return
    ended = await hub_sessions.end_of_portal(
        connection,
        sid_hash=None
        if event.sid is None
        else portal_sid_hash(context, issuer=issuer, sid=event.sid),
        identity_hash=of_person,
        begun_until=Instant(told.issued_at + SECOND),  # it is told to the second
    )
    await tell_of_end(context, connection, ended, at=at)
