"""A line is whose answer it is and over whom it was passed on; its holder's tokens say it."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from consentid.brandbook.book import Book
from consentid.core.catalogue import find_party
from consentid.core.party import Party
from consentid.core.party import find_party as find_named
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, resolve_all
from consentid.core.saying import Saying
from consentid.core.sharing import Line, Resolve, say_on
from consentid.flows.open_subject import OpenSubject
from consentid.kit.instants import Instant
from consentid.store.statuses import AudienceState

_VIA: Final = " via "
"""Between the parts of a row's key; no audience and no party holds a blank."""


def row_key(line: Line, audience: str) -> str:
    """Which row speaks for a line: an audience of its holder's, and over whom the answer came."""
    before = (line.origin, *line.actors)[:-1]
    return _VIA.join((audience, *map(str, before)))


def audience_of(state: AudienceState) -> str:
    """Whom the tokens of a row are for."""
    return audience_of_key(state.audience)


def audience_of_key(key: str) -> str:
    """The same by the row's key."""
    return key.partition(_VIA)[0]


def find_line(book: Book, key: str) -> Line | None:
    """The line that a row speaks for; None where one of its parties has left."""
    audience, *before = key.split(_VIA)
    path = [*map(find_named, before), find_party(book.catalogue, audience)]
    there = [each for each in path if each is not None and each in book.catalogue.parties]
    if len(there) < len(path):
        return None
    origin, *actors = there
    return Line(origin=origin, actors=tuple(actors))


def resolver(book: Book, subject: OpenSubject, *, at: Instant) -> Resolve:
    """Says what holds of a subject for a brand or partner, and finds it out once."""

    @cache
    def resolve(party: Party) -> Mapping[PurposeId, Resolution]:
        return resolve_all(subject.projection, book.catalogue, party, at, adult=subject.adult)

    return resolve


def say_now(
    book: Book, subject: OpenSubject, line: Line, *, at: Instant, resolve: Resolve | None = None
) -> Saying:
    """What is said of a subject to a line's holder."""
    resolve = resolve or resolver(book, subject, at=at)
    return say_on(line, book.shares, book.catalogue, resolve, at)
