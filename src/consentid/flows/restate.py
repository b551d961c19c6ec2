"""Keep what tokens say in step with what holds: one row per subject and audience.

The row follows the subject alone.  A token for a person signed in on a device may say less than the
row (the device's objections stand), never more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.catalogue import find_party
from consentid.core.party import Party
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, resolve_all
from consentid.core.saying import Saying
from consentid.core.sharing import Line, say_on
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, seal_for
from consentid.keyring import wrapping
from consentid.kit.instants import Instant
from consentid.store import statuses
from consentid.store.statuses import AudienceState

_SAYING: Final = b"saying/1\0"
_VIA: Final = " via "
"""Between the parts of a row's key; no audience and no party holds a blank."""


class _Lists(msgspec.Struct, frozen=True, kw_only=True):
    yes: tuple[str, ...]
    no: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """A row and what it says."""

    state: AudienceState
    saying: Saying


def row_key(line: Line, audience: str) -> str:
    """Which row speaks for a line: an audience of its holder's, and over whom the answer came."""
    before = (line.origin, *line.actors)[:-1]
    return _VIA.join((audience, *map(str, before)))


def find_line(book: Book, key: str) -> Line | None:
    """The line that a row speaks for; None where one of its parties has left."""
    audience, *before = key.split(_VIA)
    names = {str(party): party for party in book.catalogue.parties}
    holder = find_party(book.catalogue, audience)
    if holder is None or any(name not in names for name in before):
        return None
    origin, *actors = (*(names[name] for name in before), holder)
    return Line(origin=origin, actors=tuple(actors))


def say_now(book: Book, subject: OpenSubject, line: Line, *, at: Instant) -> Saying:
    """What is said of a subject to a line's holder."""

    def resolve(party: Party) -> Mapping[PurposeId, Resolution]:
        return resolve_all(subject.projection, book.catalogue, party, at, adult=subject.adult)

    return say_on(line, book.shares, book.catalogue, resolve, at)


async def restate_all(
    context: Context, connection: AsyncConnection, book: Book, subject: OpenSubject, *, at: Instant
) -> None:
    """Bring every row of a subject up to date.  The caller holds the subject's lock."""
    for state in await statuses.of_subject(connection, subject.id):
        line = find_line(book, state.audience)
        saying = Saying(yes=(), no=()) if line is None else say_now(book, subject, line, at=at)
        await _bring(context, connection, book, subject, state, saying=saying, at=at)


async def restate(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    line: Line,
    *,
    audience: str,
    at: Instant,
) -> Restated:
    """The row of a line and of an audience of its holder's, made when first needed.

    The caller holds the subject's lock.
    """
    key = row_key(line, audience)
    saying = say_now(book, subject, line, at=at)
    for state in await statuses.of_subject(connection, subject.id):
        if state.audience == key:
            brought = await _bring(context, connection, book, subject, state, saying=saying, at=at)
            return Restated(state=brought, saying=saying)
    state = AudienceState(
        audience=key,
        rev=1,
        sealed=_seal(context, subject, key, saying),
        status=await statuses.allocate(
            connection, subject=subject.id, audience=key, draw=context.draw, at=at
        ),
        catalogue=book.catalogue.version,
    )
    await statuses.save(connection, subject.id, state)
    return Restated(state=state, saying=saying)


async def _bring(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    state: AudienceState,
    *,
    saying: Saying,
    at: Instant,
) -> AudienceState:
    before = _open(subject, state)
    if not saying.differs(before):
        if state.catalogue == book.catalogue.version:
            return state
        reached = replace(state, catalogue=book.catalogue.version)
        await statuses.save(connection, subject.id, reached)
        return reached
    status = state.status
    if saying.narrows(before):
        context.suspects.note(status, at=at)
        await statuses.revoke(connection, status, at=at)
        status = await statuses.allocate(
            connection, subject=subject.id, audience=state.audience, draw=context.draw, at=at
        )
    brought = AudienceState(
        audience=state.audience,
        rev=state.rev + 1,
        sealed=_seal(context, subject, state.audience, saying),
        status=status,
        catalogue=book.catalogue.version,
    )
    await statuses.save(connection, subject.id, brought)
    return brought


def _seal(context: Context, subject: OpenSubject, audience: str, saying: Saying) -> bytes:
    body = msgspec.msgpack.encode(_Lists(yes=saying.yes, no=saying.no))
    return seal_for(context, subject.key, body, aad=_SAYING + audience.encode())


def _open(subject: OpenSubject, state: AudienceState) -> Saying:
    body = wrapping.open_sealed(subject.key, state.sealed, aad=_SAYING + state.audience.encode())
    lists = msgspec.msgpack.decode(body, type=_Lists)
    return Saying(
        yes=tuple(PurposeId(purpose) for purpose in lists.yes),
        no=tuple(PurposeId(purpose) for purpose in lists.no),
    )
