"""What a person is to be told at the hub, once: a new device, and answers that contradict.

It is shown until it was answered or acknowledged.  Spec: CNIL deliberation 2025-131.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.contradiction import Contradiction, find_contradictions
from consentid.flows.context import Context
from consentid.flows.hub_session import Visitor
from consentid.flows.told import keep_told, open_told
from consentid.kit.instants import Instant
from consentid.store import subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """What nobody said yet."""

    contradictions: tuple[Contradiction, ...] = ()
    is_new_device: bool = False


_NOTHING: Final = Untold()


async def find_untold(
    connection: AsyncConnection, book: Book, visitor: Visitor, *, now: Instant
) -> Untold:
    """What to tell whoever is signed in on a device that has choices of its own."""
    session = visitor.session
    if session is None or session.device is None or visitor.login is None:
        return _NOTHING
    account, device = session.subject, session.device
    sealed = await subjects.find_told(connection, account=account.id, device=device.id)
    told = open_told(account, device.id, sealed)
    return Untold(
        contradictions=find_contradictions(
            account.projection,
            device.projection,
            book.catalogue,
            now,
            adult=account.adult,
            told=frozenset(told),
        ),
        is_new_device=sealed is None,
    )


async def note_told(
    context: Context, connection: AsyncConnection, book: Book, visitor: Visitor, *, now: Instant
) -> None:
    """Keep that the person was told.  The caller commits."""
    session = visitor.session
    untold = await find_untold(connection, book, visitor, now=now)
    if session is None or session.device is None or untold == _NOTHING:
        return
    account, device = session.subject.id, session.device.id
    sealed = await subjects.link_device(connection, account=account, device=device, at=now)
    told = open_told(session.subject, device, sealed)
    await keep_told(
        context, connection, session.subject, device, told=told, new=untold.contradictions
    )
