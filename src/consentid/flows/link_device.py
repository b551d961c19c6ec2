"""An account is used on a device, and the log says so once."""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.stage_entry import stage_link
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind
from consentid.store import subjects


async def link_device(
    context: Context,
    connection: AsyncConnection,
    account: OpenSubject,
    device: SubjectId,
    *,
    at: Instant,
) -> bytes | None:
    """Note that an account is signed in on a device; what was told of it before, sealed."""
    if await subjects.link_device(connection, account=account.id, device=device, at=at):
        book = await context.book(connection)
        await stage_link(
            context, connection, book, Kind.LINK, account=account, device=device, at=at
        )
    return await subjects.find_told(connection, account=account.id, device=device)
