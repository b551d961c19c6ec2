"""What partners outside the group hold of a person, and over whom it came to them.

A partner holds a yes of its own, a yes that it asked for a brand, and what a brand's yes lets it
take over, over one hop or two.  One that has left the configuration holds nothing any more; whoever
said yes to it is told so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import CatalogueVersion, DecisionId
from consentid.core.party import Party, PartyKind
from consentid.core.projection import Grant
from consentid.core.purpose import PurposeId
from consentid.core.sharing import Line
from consentid.flows.context import read_book
from consentid.flows.lines import find_line, say_now
from consentid.flows.open_decision import open_readable
from consentid.flows.open_subject import OpenSubject
from consentid.flows.preference_page import PreferencePage
from consentid.store import decisions, statuses

_LOOKED_AT: Final = 200
"""How many of the newest decisions are looked at for who asked them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """What goes from a brand to a partner, perhaps over another."""

    path: tuple[Party, ...]
    """The brand first, the partner last."""
    rests_on: tuple[PurposeId, ...]
    """The purpose that each hop rests on."""
    purposes: tuple[PurposeId, ...]
    """What the partner may act on."""
    is_used: bool
    """Whether a token was ever made for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """A partner that the person said yes to, and that has left."""

    name: str
    on: date | None
    """None where the files do not say."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Partners:
    """All of it."""

    asked_by: Mapping[DecisionId, Party]
    """Which partner asked for a decision that holds for a brand."""
    passings: tuple[Passing, ...]
    departed: tuple[Departed, ...]


NOTHING: Final = Partners(asked_by={}, passings=(), departed=())


async def find_partners(connection: AsyncConnection, page: PreferencePage) -> Partners:
    """What partners hold of the person who is there."""
    session = page.visitor.session
    if session is None:
        return NOTHING
    return Partners(
        asked_by=await _asked_by(connection, page, session.subject),
        passings=tuple(await _passings(connection, page, session.subject)),
        departed=tuple(await _departed(connection, page)),
    )


async def _asked_by(
    connection: AsyncConnection, page: PreferencePage, subject: OpenSubject
) -> Mapping[DecisionId, Party]:
    askers = {
        str(id_): client.party
        for id_, client in page.book.clients.items()
        if client.party.kind is PartyKind.PARTNER
    }
    rows = await decisions.page(connection, subject.id, before=None, limit=_LOOKED_AT)
    opened = open_readable(subject, rows)  # history tells of the others
    return {each.id: askers[each.actor] for each in opened.readable if each.actor in askers}


async def _passings(
    connection: AsyncConnection, page: PreferencePage, subject: OpenSubject
) -> Sequence[Passing]:
    book = page.book
    states = await statuses.of_subject(connection, subject.id)
    used = {line for state in states if (line := find_line(book, state.audience)) is not None}
    lines = dict.fromkeys(
        Line(origin=giver, actors=(receiver,))
        for receiver, givers in book.shares.items()
        for giver in givers
    ) | dict.fromkeys(line for line in used if len(line.actors) > 1)
    found: list[Passing] = []
    for line in lines:
        said = say_now(book, subject, line, at=page.now)
        if said.yes:
            path = (line.origin, *line.actors)
            found.append(
                Passing(
                    path=path,
                    rests_on=tuple(
                        book.shares[receiver][giver]
                        for giver, receiver in zip(path, line.actors, strict=False)
                    ),
                    purposes=said.yes,
                    is_used=line in used,
                )
            )
    return found


async def _departed(connection: AsyncConnection, page: PreferencePage) -> Sequence[Departed]:
    found: list[Departed] = []
    for party, version in sorted(_yes_to_departed(page), key=lambda each: each[0]):
        then = await read_book(connection, version)
        profile = then.find_profile(party)
        retired = page.book.group.retired_parties.get(party.slug)
        found.append(
            Departed(
                name=str(party.slug) if profile is None else profile.name,
                on=None if retired is None else retired.on,
                reason="" if retired is None else retired.reason,
            )
        )
    return found


def _yes_to_departed(page: PreferencePage) -> Iterator[tuple[Party, CatalogueVersion]]:
    """Partners outside the catalogue that a yes named, and the version of the last one."""
    versions: dict[Party, CatalogueVersion] = {}
    for fact in page.projection.facts():
        if not isinstance(fact, Grant) or fact.named.party.kind is not PartyKind.PARTNER:
            continue
        party = fact.named.party
        if party not in page.book.catalogue.parties:
            versions[party] = max(fact.catalogue, versions.get(party, fact.catalogue))
    yield from versions.items()
