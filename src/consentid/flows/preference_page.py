"""What the preference centre is made from: who is there, the notices shown, what was sealed.

An answer to the group is given under the notice that names the most brands (the visitor's own
brand's where that names several), an answer to one brand or partner under its own.  What a form was
made from travels with it, sealed: a form made from another configuration, or for somebody else, is
stale.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import Surface
from consentid.brandbook.notice import Notice
from consentid.core import projection
from consentid.core.decision import CatalogueVersion, ServedId, SignalSource
from consentid.core.party import Party, PartyKind, Reach
from consentid.core.projection import Projection, Refusal
from consentid.core.purpose import PurposeId
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, Visitor, find_visitor, hash_browser
from consentid.flows.record_choices import HUB, Shown
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.kit.errors import ConflictError, ForbiddenError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store import clients, clock
from consentid.store.clients import Client, Registration

_MAX_CLIENT_ID: Final = 128
_MAX_RETURN: Final = 2_048
_HALF: Final = 8


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """What the forms of a page were made from."""

    served: bytes
    catalogue: int
    language: str
    group: str | None
    subject: bytes | None
    is_told: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Where a person comes from, as far as it can be believed."""

    client_id: str | None = None
    party: Party | None = None
    """Whose look the page wears; None for the group's."""
    return_to: str | None = None
    """An address at an origin that this brand or partner registered."""


@dataclass(frozen=True, kw_only=True)
class PreferencePage:
    """Who is there, at one instant, under one configuration."""

    book: Book
    visitor: Visitor
    language: str
    group_notice: Notice | None
    """What an answer for the group is given under; None where no notice names two brands."""
    now: Instant

    @property
    def projection(self) -> Projection:
        """What the person decided; for somebody unknown, nothing."""
        session = self.visitor.session
        return projection.EMPTY if session is None else session.subject.projection

    @property
    def adult(self) -> bool:
        """Whether the portal recorded the person as an adult."""
        session = self.visitor.session
        return session is not None and session.subject.adult

    @cached_property
    def signalled(self) -> frozenset[PurposeId]:
        """What a browser's signal said no to, and still does."""
        return frozenset(
            fact.purpose
            for fact in self.projection.facts()
            if isinstance(fact, Refusal) and fact.source is SignalSource.GPC
        )

    def find_notice(self, purpose: PurposeId, reach: Reach) -> Notice | None:
        """The notice that an answer of this reach is given under; None where none asks it."""
        if reach is None:
            notice = self.group_notice
        else:
            notice = self.book.find_notice(reach.slug, self.language)
        return notice if notice is not None and purpose in notice.asks else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """What a browser asks a page with, none of it verified."""

    browser: Browser
    languages: Sequence[str]
    client_id: str | None = None
    return_to: str | None = None


async def find_errand(
    connection: AsyncConnection, book: Book, *, client_id: str | None, return_to: str | None
) -> Errand:
    """Believe of an errand what is registered, and pass over the rest."""
    if client_id is None or len(client_id) > _MAX_CLIENT_ID:
        return Errand()
    client = await clients.find(connection, client_id)
    profile = None if client is None else book.find_profile(client.party)
    if client is None or profile is None:
        return Errand()
    return Errand(
        client_id=client_id,
        party=client.party,
        return_to=return_to if _is_at(return_to, profile.origins) else None,
    )


async def receive(
    context: Context, connection: AsyncConnection, coming: Coming
) -> tuple[PreferencePage, Errand]:
    """Find out who comes, where from, and what they are shown."""
    errand = await find_errand(
        connection,
        await context.book(connection),
        client_id=coming.client_id,
        return_to=coming.return_to,
    )
    page = await load_page(
        context, connection, coming.browser, party=errand.party, languages=coming.languages
    )
    return page, errand


async def load_page(
    context: Context,
    connection: AsyncConnection,
    browser: Browser,
    *,
    party: Party | None,
    languages: Sequence[str],
    lock: bool = False,
) -> PreferencePage:
    """Find out who is there, and what they are shown.  ``lock`` keeps the person's writers out."""
    now = await clock.now(connection)
    visitor = await find_visitor(context, connection, browser, now=now, lock=lock)
    book = await context.book(connection)
    return page_of(book, visitor, party=party, languages=languages, now=now)


def page_of(
    book: Book,
    visitor: Visitor,
    *,
    party: Party | None,
    languages: Sequence[str],
    now: Instant,
) -> PreferencePage:
    """What somebody is shown; ``party``: whose notice is preferred."""
    language = next(
        (each for each in languages if each in book.group.languages), book.group.languages[0]
    )
    return PreferencePage(
        book=book,
        visitor=visitor,
        language=language,
        group_notice=_group_notice(book, language, party),
        now=now,
    )


def seal_page(context: Context, page: PreferencePage, browser: Browser, *, is_told: bool) -> str:
    """Say what the page's forms are made from.  ``is_told``: it says that a signal is honoured."""
    return seal_reference(
        context,
        ReferenceKind.SERVED,
        holder=_holder(browser),
        content=_Sealed(
            served=uuid7(page.now, context.randomness(RANDOM_BYTES)).bytes,
            catalogue=page.book.catalogue.version,
            language=page.language,
            group=None if page.group_notice is None else page.group_notice.id,
            subject=_subject(page),
            is_told=is_told,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPage:
    """A page that a form came from, and that would be made the same now."""

    page: PreferencePage
    served: bytes
    is_told: bool

    def shown(self, notice: Notice) -> Shown:
        """One of its notices.  Each was served by itself: its id follows from the page's."""
        half = hashlib.sha256(self.served + notice.id.encode()).digest()[:_HALF]
        marked = bytes([half[0] & 0x3F | 0x80]) + half[1:]  # RFC 9562: the variant
        return Shown(
            notice=notice,
            served=ServedId(UUID(bytes=self.served[:_HALF] + marked)),
            catalogue=CatalogueVersion(self.page.book.catalogue.version),
        )


async def open_page(
    context: Context, connection: AsyncConnection, browser: Browser, unverified_page: str
) -> ShownPage:
    """Insist that what a form was made from is what it would be made from now.

    The person's other writers are kept out until the caller's transaction has ended.

    Raises:
        ForbiddenError: the browser presents no secret of its own.
        MalformedError: the page was not made by us for this browser.
        ConflictError: the configuration, or who is there, is another now.
    """
    sealed = open_reference(
        context, ReferenceKind.SERVED, unverified_page, holder=_holder(browser), into=_Sealed
    )
    page = await load_page(
        context, connection, browser, party=None, languages=[sealed.language], lock=True
    )
    book = page.book
    if book.catalogue.version != sealed.catalogue or _subject(page) != sealed.subject:
        raise ConflictError(
            "form_stale",
            "What was shown is not current any more: look at the page again, then answer.",
        )
    notice = None if sealed.group is None else book.notices[sealed.group, sealed.language]
    return ShownPage(
        page=PreferencePage(
            book=book,
            visitor=page.visitor,
            language=sealed.language,
            group_notice=notice,
            now=page.now,
        ),
        served=sealed.served,
        is_told=sealed.is_told,
    )


def hub_client(party: Party) -> Client:
    """The hub as whoever shows a party's notice on a page of its own."""
    return Client(
        client_id=HUB,
        party=party,
        source="hub",
        auth_method="none",
        scopes=frozenset(),
        collects_for_group=True,
        surface=Surface.WEB,
        token_class="web",  # noqa: S106 - a class's name
        registration=Registration(),
    )


def _group_notice(book: Book, language: str, party: Party | None) -> Notice | None:
    """The visitor's own brand's notice where it names several; else the one that names most."""
    found: Mapping[Party, Notice] = {
        notice.party: notice
        for (_, of), notice in book.notices.items()
        if of == language and notice.party.kind is PartyKind.BRAND and _brands(notice) > 1
    }
    if party in found:
        return found[party]
    return min(found.values(), key=lambda each: (-_brands(each), each.id), default=None)


def _brands(notice: Notice) -> int:
    return sum(named.party.kind is PartyKind.BRAND for named in notice.names)


def _subject(page: PreferencePage) -> bytes | None:
    session = page.visitor.session
    return None if session is None else session.subject.id.bytes


def _holder(browser: Browser) -> str:
    browser_hash = hash_browser(browser)
    if browser_hash is None:
        raise ForbiddenError(
            "browser_unknown", "This browser keeps no cookies of ours: allow them, then try again."
        )
    return f"preferences/{browser_hash.hex()}"


def _is_at(unverified: str | None, origins: Sequence[str]) -> bool:
    """Whether an address lies at one of the origins, letter by letter."""
    if unverified is None or len(unverified) > _MAX_RETURN or not unverified.isprintable():
        return False
    return any(unverified == each or unverified.startswith(f"{each}/") for each in origins)
