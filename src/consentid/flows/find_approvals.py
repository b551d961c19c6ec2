"""What waits for a person who is signed in: who asks, for whom, and what their agent reads out.

Of those that wait at most three are shown, of each who asks the oldest first; the others come when
these are answered.
What is addressed to a device without login reaches nobody: whoever approves proves who they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.party import Party
from consentid.flows.approval import open_asked, own_addresses
from consentid.flows.context import Context
from consentid.flows.find_need import answered_for
from consentid.flows.hub_session import Browser, Visitor, find_visitor
from consentid.flows.interaction_state import ApprovalTask
from consentid.kit.instants import Instant
from consentid.store import approvals, clients, clock
from consentid.store.clients import Client
from consentid.store.device_codes import DeviceCode

MOST_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingApproval:
    """One question that waits for the person who looks."""

    client: Client
    task: ApprovalTask
    answered_for: Party
    """The client's own party, or the brand that it asks for."""
    created_at: Instant
    expires_at: Instant

    @property
    def name(self) -> str:
        """How the page's forms name it: a hash of what the client polls with, of no other use."""
        return self.task.code_hash.hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """Who looks, and what waits for them."""

    book: Book
    visitor: Visitor
    waiting: Sequence[WaitingApproval]
    now: Instant

    def find(self, unverified_name: str) -> WaitingApproval | None:
        """The one that a form names."""
        return next((each for each in self.waiting if each.name == unverified_name), None)


async def show_approvals(context: Context, browser: Browser) -> Approvals:
    """Who looks, and what waits for them.  Nothing is written.

    Raises:
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    async with context.database.reading() as connection:
        return await find_approvals(context, connection, browser)


async def find_approvals(
    context: Context, connection: AsyncConnection, browser: Browser, *, lock: bool = False
) -> Approvals:
    """The same, in the caller's transaction.  ``lock`` keeps other writers of the person out."""
    now = await clock.now(connection)
    visitor = await find_visitor(context, connection, browser, now=now, lock=lock)
    book = await context.book(connection)
    codes = await find_codes(context, connection, book, visitor, now=now)
    found = [await _waiting(context, connection, book, code) for code in codes]
    return Approvals(
        book=book,
        visitor=visitor,
        waiting=tuple(each for each in found if each is not None),
        now=now,
    )


async def find_codes(
    context: Context, connection: AsyncConnection, book: Book, visitor: Visitor, *, now: Instant
) -> Sequence[DeviceCode]:
    """What waits for somebody, as it is kept; nothing for who is not signed in."""
    if visitor.session is None or visitor.login is None:
        return ()
    addresses = own_addresses(context, book, visitor.session.subject.id)
    return await approvals.find_open(connection, addresses, now=now, most=MOST_SHOWN)


async def _waiting(
    context: Context, connection: AsyncConnection, book: Book, code: DeviceCode
) -> WaitingApproval | None:
    """None where the client, or whom it asks for, has left."""
    client = await clients.find(connection, code.client_id)
    if client is None or code.addressee is None or code.sealed_request is None:
        return None
    asked = open_asked(context, code.sealed_request, code_hash=code.device_code_hash)
    task = ApprovalTask(
        code_hash=code.device_code_hash,
        addressee=code.addressee,
        message=asked.message,
        details=code.details,
        capture=asked.capture,
    )
    for_whom = answered_for(client, task.on_behalf_of)
    if not {client.party, for_whom} <= set(book.catalogue.parties):
        return None
    return WaitingApproval(
        client=client,
        task=task,
        answered_for=for_whom,
        created_at=code.created_at,
        expires_at=code.expires_at,
    )
