"""What a person is to be told at the hub, once: a new device, and answers that contradict.

It is shown until it was answered or acknowledged.  Spec: CNIL deliberation 2025-131.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.contradiction import Contradiction, find_contradictions
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, Visitor
from consentid.flows.known_here import is_new_here, remember_here
from consentid.flows.told import keep_told, open_told
from consentid.kit.instants import Instant
from consentid.store import subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """What nobody said yet."""

    contradictions: tuple[Contradiction, ...]
    is_new_device: bool


async def find_untold(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    browser: Browser,
    visitor: Visitor,
    *,
    now: Instant,
) -> Untold:
    """What to tell whoever is signed in; nobody else has anything to be told."""
    return Untold(
        contradictions=(await _contradictions(connection, book, visitor, now=now))[1],
        is_new_device=await is_new_here(context, connection, browser, visitor),
    )


async def note_told(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    browser: Browser,
    visitor: Visitor,
    *,
    now: Instant,
) -> str | None:
    """Keep that the person was told; the new value of the cookie that remembers, if it changes.

    The caller commits, then sets the cookie.
    """
    known_here = await remember_here(context, connection, browser, visitor, at=now)
    told, found = await _contradictions(connection, book, visitor, now=now)
    session = visitor.session
    if found and session is not None and session.device is not None:
        await keep_told(
            context, connection, session.subject, session.device.id, told=told, new=found
        )
    return known_here


async def _contradictions(
    connection: AsyncConnection, book: Book, visitor: Visitor, *, now: Instant
) -> tuple[tuple[Contradiction, ...], tuple[Contradiction, ...]]:
    """What was told before, and what is to be told now."""
    session = visitor.session
    if session is None or session.device is None or visitor.login is None:
        return (), ()
    account, device = session.subject, session.device
    sealed = await subjects.find_told(connection, account=account.id, device=device.id)
    told = open_told(account, device.id, sealed)
    found = find_contradictions(
        account.projection,
        device.projection,
        book.catalogue,
        now,
        adult=account.adult,
        told=frozenset(told),
    )
    return told, found
