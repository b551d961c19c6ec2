"""Apply a folder of configuration as an immutable catalogue version.

Applying the same files again changes nothing.  The clients that the files declare are registered,
those that they no longer declare are disabled, in the same transaction.
"""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import ClientId, Scope
from consentid.brandbook.encoding import decode, encode
from consentid.brandbook.folder import Draft
from consentid.brandbook.publication import publish
from consentid.flows.event_seal import Told
from consentid.flows.registration import check_withheld, registered
from consentid.flows.stage_act import Noting
from consentid.flows.stage_changes import stage_changes
from consentid.flows.stage_entry import stage_public
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, origin_of
from consentid.settings import COMMAND_LINE
from consentid.store import catalogues, clients, clock, journal
from consentid.store.catalogues import CatalogueRow
from consentid.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What applying did."""

    book: Book
    previous: Book | None
    is_new: bool


async def publish_catalogue(
    database: Database,
    draft: Draft,
    *,
    randomness: Callable[[int], bytes],
    ledger_origin: str | None = None,
    by: str = COMMAND_LINE,
    withheld: Collection[Scope] = (),
) -> Published:
    """Apply a checked draft.  Needs the owner's database: the serving role only reads catalogues.

    ``ledger_origin`` is the log's name where the operator chose one, ``by`` whoever applies,
    ``withheld`` what they may give to no client.

    Raises:
        ForbiddenError: a client with a scope that is withheld would become another.
        BrandbookError: the draft removes, reuses or re-means a slug of the version in force.
    """
    async with database.writing() as connection:
        await catalogues.lock(connection)
        published = await _succeed(connection, draft, withheld)
        if not published.is_new:
            return published
        book, previous = published.book, published.previous
        now = await clock.now(connection)
        origin = ledger_origin or origin_of(book.group.issuer)
        await _add(connection, book, at=now, origin=origin, randomness=randomness)
        if previous is not None:
            await stage_changes(
                connection, previous, book, origin=origin, at=now, randomness=randomness
            )
        await _register_clients(connection, book, at=now)
        noted = Noting(by=by, randomness=randomness, ledger_origin=ledger_origin)
        await noted.note(connection, "brands/apply", at=now, version=book.catalogue.version)
    return published


async def preview_catalogue(
    database: Database, draft: Draft, *, withheld: Collection[Scope] = ()
) -> Published:
    """What applying would do, of which nothing is done.

    Raises:
        BrandbookError, ForbiddenError: as there.
    """
    async with database.reading() as connection:
        return await _succeed(connection, draft, withheld)


async def _succeed(
    connection: AsyncConnection, draft: Draft, withheld: Collection[Scope]
) -> Published:
    newest = await catalogues.find(connection)
    previous = None if newest is None else decode(newest.body)
    if withheld:
        await _check_kept(connection, previous, draft.book, withheld)
    book = publish(previous, draft)
    if book is not None:
        return Published(book=book, previous=previous, is_new=True)
    if previous is None:
        msg = "a first draft always makes a version"
        raise RuntimeError(msg)
    return Published(book=previous, previous=previous, is_new=False)


async def _check_kept(
    connection: AsyncConnection, previous: Book | None, draft: Book, withheld: Collection[Scope]
) -> None:
    """Who has what is withheld stays as it is: whoever puts a key of theirs there has it all.

    The files neither name one anew nor drop one, nor take the id of one that they did not declare.
    """
    scopes = {ClientId(each.client_id): each.scopes for each in await clients.every(connection)}
    for id_ in scopes.keys() | draft.clients.keys():
        before = None if previous is None else previous.clients.get(id_)
        now = draft.clients.get(id_)
        if before != now:
            where = f"clients.{id_}"
            check_withheld(scopes.get(id_, frozenset()), withheld, where=where)
            check_withheld(frozenset() if now is None else now.scopes, withheld, where=where)


async def find_applied(database: Database) -> Book | None:
    """The version in force."""
    async with database.reading() as connection:
        row = await catalogues.find(connection)
    return None if row is None else decode(row.body)


async def _add(
    connection: AsyncConnection,
    book: Book,
    *,
    at: Instant,
    origin: str,
    randomness: Callable[[int], bytes],
) -> None:
    body = encode(book)
    digest = hashlib.sha256(body).digest()
    await catalogues.add(
        connection,
        CatalogueRow(version=book.catalogue.version, digest=digest, body=body, applied_at=at),
    )
    event_id = await stage_public(
        connection, Kind.CATALOGUE, digest, origin=origin, at=at, randomness=randomness
    )
    await journal.add_event(
        connection,
        event_id=event_id,
        kind=Kind.CATALOGUE,
        subject=None,
        subject_version=None,
        # Everybody may know it: nothing is sealed.
        told=msgspec.json.encode(Told(catalogue=book.catalogue.version)),
        at=at,
    )


async def _register_clients(connection: AsyncConnection, book: Book, *, at: Instant) -> None:
    for declared in book.clients.values():
        await clients.save(connection, registered(declared, source="files"), at=at)
    await clients.disable_all_but(
        connection, [str(id_) for id_ in book.clients], source="files", at=at
    )
