"""Note that a notice was shown or dismissed.  No choice is recorded by it."""

from consentid.core.decision import CatalogueVersion
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.show_catalogue import open_served
from consentid.kit.errors import ConflictError
from consentid.store import clock, served
from consentid.store.served import ServedNotice


async def note_served(
    context: Context, caller: Caller, *, unverified_served: str, event: str, layout: bytes | None
) -> None:
    """Keep what became of a served notice; a repeat counts once.

    Raises:
        MalformedError: not a served-notice id of the caller's brand or partner.
        ConflictError: the notice is not current any more, or was served more than a day ago.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        shown = open_served(context, unverified_served, party=caller.client.party.slug, now=now)
        book = await context.book(connection)
        notice = book.notices.get((shown.notice_id, shown.language))
        if notice is None or notice.version != shown.version:
            raise ConflictError(
                "notice_not_current",
                "This version of the notice is not current: ask for the catalogue again.",
                where="served",
            )
        await served.add(
            connection,
            ServedNotice(
                id=shown.id,
                client_id=caller.client.client_id,
                notice_id=shown.notice_id,
                version=shown.version,
                language=shown.language,
                digest=notice.digest,
                catalogue=CatalogueVersion(shown.catalogue),
            ),
            at=now,
        )
        await served.note_event(connection, shown.id, event=event, layout=layout, at=now)
