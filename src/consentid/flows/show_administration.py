"""What the administration shows besides deliveries: versions, acts, clients; no person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import msgspec

from consentid.brandbook.book import Book
from consentid.brandbook.difference import Change, difference
from consentid.brandbook.encoding import decode
from consentid.core.decision import CatalogueVersion
from consentid.flows.context import Context
from consentid.flows.staff_session import open_name, pseudonym
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant
from consentid.settings import COMMAND_LINE
from consentid.store import catalogues, clients, entry_bodies, staff
from consentid.store.clients import Client

_VERSIONS: Final = 20
_ACTS: Final = 50
_TOLD_APART: Final = frozenset({"v", "act", "by"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One applied version."""

    number: CatalogueVersion
    applied_at: Instant
    digest: bytes
    changes: Sequence[Change]
    """What it changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Something that was done."""

    entry: UUID
    """In the log."""
    at: Instant
    act: str
    by: str
    """Who, as the log knows them."""
    name: str | None
    """What they are called, as long as that is known."""
    about: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of many."""

    book: Book
    versions: Sequence[Version] = ()
    acts: Sequence[Done] = ()
    clients: Sequence[Client] = ()
    next: str | None = None
    """What to go on before; None at the end."""


async def show_versions(context: Context, *, before: int | None) -> Page:
    """The newest versions of the configuration, and what each changed.

    Raises:
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
        rows = await catalogues.newest(connection, before=before, limit=_VERSIONS + 1)
    books = [decode(row.body) for row in rows]
    former = [*books[1:], None][: len(books)]
    shown = [
        Version(
            number=row.version,
            applied_at=row.applied_at,
            digest=row.digest,
            changes=difference(old, new),
        )
        for row, old, new in zip(rows, former, books, strict=True)
    ][:_VERSIONS]
    is_more = len(rows) > _VERSIONS
    return Page(book=book, versions=shown, next=str(shown[-1].number) if is_more else None)


async def show_acts(context: Context, *, before: UUID | None) -> Page:
    """What was done in the administration, as the log has it.

    Raises:
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
        rows = await entry_bodies.newest_acts(connection, before=before, limit=_ACTS + 1)
        sealed = await staff.names(connection)
    names = {pseudonym(who): open_name(context, who, name) for who, name in sealed.items()}
    shown: list[Done] = []
    for row in rows[:_ACTS]:
        told = cast("dict[str, Json]", msgspec.json.decode(row.body))
        by = told.get("by")
        shown.append(
            Done(
                entry=row.event_id,
                at=row.recorded_at,
                act=str(told.get("act")),
                by=by if isinstance(by, str) else COMMAND_LINE,  # as earlier entries left it out
                name=names.get(str(by)),
                about={name: value for name, value in told.items() if name not in _TOLD_APART},
            )
        )
    is_more = len(rows) > _ACTS
    return Page(book=book, acts=shown, next=str(shown[-1].entry) if is_more else None)


async def show_clients(context: Context) -> Page:
    """Every client that was ever registered, without its secrets.

    Raises:
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
        return Page(book=book, clients=await clients.every(connection))
