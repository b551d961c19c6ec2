"""The text that was read out or printed: one of ours, as it was when it was captured."""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.notice import Notice
from consentid.core.admission import ShownNotice
from consentid.core.decision import CatalogueVersion
from consentid.core.party import Party
from consentid.flows.capture_body import CaptureBody, NoticeSaid
from consentid.flows.context import read_book
from consentid.flows.show_catalogue import NoticeRefOut
from consentid.kit.errors import ConflictError, ForbiddenError
from consentid.kit.instants import Instant
from consentid.store import catalogues


async def find_read_out(
    connection: AsyncConnection,
    book: Book,
    answered: NoticeRefOut,
    *,
    asked: Party,
    since: Instant,
    may_be_old: bool,
    version: CatalogueVersion | None = None,
) -> NoticeSaid:
    """The text that was named, under the catalogue that was in force then, or else is now.

    ``since`` is the earliest that it can have been captured; what is captured now is captured with
    the text of now.  ``version`` is the catalogue's, where that is known.

    Raises:
        ConflictError: it was no text of ours then, nor is it now.
        ForbiddenError: it is another brand's or partner's.
    """
    if version is None and may_be_old:
        version = await catalogues.version_at(connection, since)
    then = book
    if version is not None and version != book.catalogue.version:
        then = await read_book(connection, version)
    for each in (then, book):
        notice = each.notices.get((answered.id, answered.language))
        if notice is not None and _is_same(notice, answered):
            if notice.party != asked:
                raise ForbiddenError(
                    "party_not_yours", f"This text asks for {notice.party}.", where="notice.id"
                )
            return NoticeSaid(
                notice.id,
                notice.version,
                notice.language,
                notice.digest,
                each.catalogue.version,
            )
    raise ConflictError(
        "notice_not_current",
        "No text of ours was this one then: name the notice as the catalogue gave it.",
        where="notice",
    )


async def shown_notice(connection: AsyncConnection, book: Book, body: CaptureBody) -> ShownNotice:
    """The text of a capture, from the configuration that it was read out under.

    ``book`` is the one in force now, which it may well be.

    Raises:
        ConflictError: it is no text of ours.
    """
    said = body.notice
    if body.catalogue != book.catalogue.version:
        book = await read_book(connection, body.catalogue)
    notice = book.notices.get((said.id, said.language))
    if notice is None or notice.digest != said.digest:
        raise ConflictError("notice_unknown", "What was read out is no text of ours.")
    return ShownNotice(ref=notice.ref(), purposes=notice.asks, catalogue=body.catalogue)


def _is_same(notice: Notice, answered: NoticeRefOut) -> bool:
    return notice.version == answered.version and notice.digest.hex() == answered.digest
