"""What would go on speaking for a person after a withdrawal: tokens, codes, device codes."""

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.kit.instants import Instant
from consentid.store.tables import authorization_codes, clients, device_codes, refresh_tokens


async def end_of(
    connection: AsyncConnection, subject: SubjectId, *, party: Party | None, at: Instant
) -> None:
    """End them for the clients of one brand or partner; None: for everybody's."""
    within = None if party is None else _clients_of(party)
    tokens = (
        update(refresh_tokens)
        .where(refresh_tokens.c.subject_id == subject, refresh_tokens.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    codes = delete(authorization_codes).where(authorization_codes.c.subject_id == subject)
    devices = (
        update(device_codes)
        .where(device_codes.c.subject_id == subject, device_codes.c.status == "approved")
        .values(status="denied")
    )
    if within is not None:
        tokens = tokens.where(refresh_tokens.c.client_id.in_(within))
        codes = codes.where(authorization_codes.c.client_id.in_(within))
        devices = devices.where(device_codes.c.client_id.in_(within))
    for statement in (tokens, codes, devices):
        await connection.execute(statement)


def _clients_of(party: Party) -> Select[tuple[str]]:
    return select(clients.c.client_id).where(
        clients.c.party_kind == party.kind, clients.c.party_slug == party.slug
    )
