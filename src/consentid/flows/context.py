"""What every flow of one process needs: the database, the keys, the configuration in force."""

import asyncio
from collections.abc import Callable, Collection
from math import inf
from typing import Final, final

import httpx2
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.encoding import decode
from consentid.cache.limits import Limiter
from consentid.core.decision import CatalogueVersion
from consentid.flows.counts import Counts
from consentid.flows.polls import Polls
from consentid.flows.read_buffer import ReadBuffer
from consentid.flows.subtree_memory import SubtreeMemory
from consentid.flows.suspects import Suspects
from consentid.keyring.loading import Keyring, load
from consentid.kit.errors import UnavailableError, UnreadableError
from consentid.kit.instants import Instant
from consentid.kit.lane import Lane
from consentid.net.portal_keys import PortalKeys
from consentid.settings import Settings
from consentid.store import catalogues
from consentid.store.catalogues import InForce
from consentid.store.engine import Database

_RECORDED_TOGETHER: Final = 32
_RECORDED_BESIDE: Final = 16
"""Fewer do not begin while a group's commit is waited for: what a group costs is shared by all of
it, and that saves more than the wait would.
"""
_FOUND_TOGETHER: Final = 256
_OWNED_AT_ONCE: Final = 2
_KEYRING_LOOK_S: Final = 0.05


@final
class Context:
    """One per process.  Holds nothing that a restart would lose."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        portal: PortalKeys,
        staff: PortalKeys,
        outside: httpx2.AsyncClient,
        limiter: Limiter,
        randomness: Callable[[int], bytes],
        monotonic: Callable[[], float],
    ) -> None:
        self.settings: Settings = settings
        self.database: Database = database
        self.portal: PortalKeys = portal
        self.staff: PortalKeys = staff
        """The issuer that staff sign in at, where one is set."""
        self.outside: httpx2.AsyncClient = outside
        """For addresses that clients registered: it reaches the public internet only."""
        self.limiter: Limiter = limiter
        self.randomness: Callable[[int], bytes] = randomness
        self.monotonic: Callable[[], float] = monotonic
        """Seconds, for how long something took here; never for when it was."""
        self.reads: ReadBuffer = ReadBuffer()
        self.positions: dict[int, int] = {}
        """How far consumers have come in their streams, as this process has yet to write down."""
        self.suspects: Suspects = Suspects()
        self.subtrees: SubtreeMemory = SubtreeMemory()
        self.polls: Polls = Polls(lambda: self.monotonic())  # noqa: PLW0108 - whichever it is then
        self.recording: Lane = Lane(most=_RECORDED_TOGETHER, beside=_RECORDED_BESIDE)
        """Where those who decide meet: one transaction makes a group's decisions durable."""
        self.authenticating: Lane = Lane(most=_FOUND_TOGETHER)
        """Where those who show an access token meet: one statement finds a group's holders."""
        self.owning: asyncio.Semaphore = asyncio.Semaphore(_OWNED_AT_ONCE)
        """Who is let in as the owner of the database."""
        self.exporting: asyncio.Lock = asyncio.Lock()
        """Held by the program that copies the log: one at a time."""
        self.counts: Counts = Counts()
        self._keyring: Keyring = load(settings.keys_dir)
        self._revoked: frozenset[str] = frozenset()
        self.revoked_at: Instant | None = None
        """When a signing key was last revoked, as far as this process has heard."""
        self._keyring_seen_at: float = monotonic()
        self._book: Book | None = None

    @property
    def keyring(self) -> Keyring:
        """The keys as the folder held them a moment ago: a decision asks for them a dozen times."""
        now = self.monotonic()
        if now - self._keyring_seen_at > _KEYRING_LOOK_S:
            self._keyring_seen_at = now
            if self._keyring.changed():
                self._keyring = load(self.settings.keys_dir).without(self._revoked)
        return self._keyring

    def look_again(self) -> None:
        """The folder was changed just now: whoever asks for the keys next sees it."""
        self._keyring_seen_at = -inf

    def heed(self, revoked: Collection[str]) -> None:
        """Neither sign with revoked keys any more, nor believe or publish them.

        The database says so, whatever the folder holds yet: it may be a secret's mount, which
        another machine brings up to date.
        """
        if not self._revoked.issuperset(revoked):
            self._revoked = self._revoked.union(revoked)
            self._keyring = self._keyring.without(self._revoked)

    async def book(self, connection: AsyncConnection) -> Book:
        """The configuration in force, asked of the database in this very transaction.

        What is asked along with it, which keys are revoked, holds from now on.

        Raises:
            UnavailableError: none was applied yet.
        """
        return await self.book_in_force(connection, await catalogues.in_force(connection))

    async def book_in_force(self, connection: AsyncConnection, found: InForce) -> Book:
        """The same, where something else was asked along with it.

        Raises:
            UnavailableError: as ``book``.
        """
        self.heed(found.revoked)
        self.revoked_at = found.revoked_at
        return await self.book_of(connection, found.version)

    async def book_of(self, connection: AsyncConnection, version: CatalogueVersion | None) -> Book:
        """The configuration of a version that was found in force in this very transaction.

        Raises:
            UnavailableError: none was applied yet.
        """
        if version is None:
            raise UnavailableError(
                "no_catalogue",
                "No configuration is in force yet: run `consentid brands apply`.",
                retry_after_s=5,
            )
        if self._book is None or self._book.catalogue.version != version:
            self._book = await read_book(connection, version)
        return self._book

    @property
    def last_book(self) -> Book | None:
        """The configuration last seen in force: for how a page looks, never for what is true."""
        return self._book

    def draw(self, below: int) -> int:
        """A random number from 0 up to, not including, ``below``; every one equally likely."""
        size = (below.bit_length() + 7) // 8 + 8
        return int.from_bytes(self.randomness(size)) % below


async def read_book(connection: AsyncConnection, version: CatalogueVersion) -> Book:
    """One applied version.

    Raises:
        UnreadableError: the version is not there, or cannot be read.
    """
    what = f"catalogue version {version}"
    row = await catalogues.find(connection, version)
    if row is None:
        raise UnreadableError("catalogue_missing", "It is missing.", where=what)
    try:
        return decode(row.body)
    except (ValueError, LookupError) as error:
        raise UnreadableError(
            "catalogue_unreadable",
            "It was changed since, or a later release wrote it: run `consentid ledger verify`.",
            where=what,
        ) from error
