"""What a grant works in: one transaction, one instant, one version of the configuration."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.flows.context import Context
from consentid.kit.instants import Instant
from consentid.net.portal_keys import KeySource
from consentid.store.clients import Client
from consentid.store.token_grounds import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """Open for the length of one request to an OAuth endpoint."""

    context: Context
    connection: AsyncConnection
    book: Book
    now: Instant
    arrived_at: Instant
    """When the request came in, before it waited for anything."""
    portal_key: KeySource
    """For the portal's ID token that came with the request, looked up before."""
    claimed: Client | None
    """The client that the request names; it has proven nothing yet."""
    link: Link | None
    """What the code of a link stands for, where one is redeemed; its subject is locked."""
