"""What applies to a question, how specific it is, and who speaks.

Paragraphs 2 and 3 of the resolution rule ("Resolution" in consent-rules).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from consentid.core.catalogue import Catalogue, Terms
from consentid.core.party import Named, Party, PartyKind
from consentid.core.projection import Grant, Key, Projection, Refusal, holder
from consentid.core.purpose import PurposeId, lineage

_GROUP: Final = 0
_PARTY: Final = 1
_NOTHING: Final[Mapping[PurposeId, Key]] = {}


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """What applies to the question at one key, and how specific the key is."""

    narrowness: int
    """Of the reach: a party is more specific than the group."""
    distance: int
    """Of the purpose: steps up from the asked one; fewer is more specific."""
    grants: Sequence[Grant]
    """The newest made without being told of a signal, and the newest made after being told; where
    assisted ones count, the newest of these too.
    """
    refusals: Sequence[Refusal]
    speaking: Sequence[Refusal]


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What of a projection one party can see."""

    whose: str
    """Whose grants are its own."""
    is_brand: bool
    by_group: Mapping[PurposeId, Key]
    by_party: Mapping[PurposeId, Key]


def sight_of(projection: Projection, catalogue: Catalogue, asked: Party) -> Sight:
    """What of a projection the asked party can see."""
    return Sight(
        whose=holder(Named(party=asked, entity=catalogue.parties[asked].entity)),
        is_brand=asked.kind is PartyKind.BRAND,
        by_group=projection.keys.get(None, _NOTHING),
        by_party=projection.keys.get(asked, _NOTHING),
    )


def look(sight: Sight, purpose: PurposeId, terms: Terms) -> Sequence[Seat]:
    """Find what applies, and who speaks at each key: paragraphs 2 and 3.

    What somebody else keyed in applies where the catalogue lets it count, and nowhere else; where
    it wants a yes confirmed, nothing applies but what was said by a link.
    """
    group_grants_apply = sight.is_brand and not terms.own
    seats: list[Seat] = []
    for distance, id_ in enumerate(lineage(purpose)):
        if (key := sight.by_group.get(id_)) is not None:
            whose = sight.whose if group_grants_apply else None
            seats.append(_seat(key, _GROUP, distance, whose, terms))
        if (key := sight.by_party.get(id_)) is not None:
            seats.append(_seat(key, _PARTY, distance, sight.whose, terms))
    return [seat for seat in seats if seat.grants or seat.refusals]


def _seat(key: Key, narrowness: int, distance: int, whose: str | None, terms: Terms) -> Seat:
    grants: list[Grant] = []
    if whose is not None:
        grants = key.grants_of(whose, assisted=terms.assisted, confirmed=terms.confirmed)
    refusals = list(key.refusals.values())
    # Only the person's own yes takes their no back: else another yes of theirs would rest on it.
    own = own_acts(grants)
    return Seat(
        narrowness=narrowness,
        distance=distance,
        grants=grants,
        refusals=refusals,
        speaking=[refusal for refusal in refusals if not is_silenced(refusal, own)],
    )


def is_silenced(refusal: Refusal, grants: Iterable[Grant]) -> bool:
    """Whether one of the grants that apply at the refusal's key speaks in its place.

    Only a grant made after being told of a signal silences the signal.
    """
    return any(
        is_newer(grant, refusal) and (refusal.source is None or grant.told) for grant in grants
    )


def is_newer(grant: Grant, refusal: Refusal) -> bool:
    """Whether the grant certainly came after the refusal.  A tie is a no."""
    return grant.early > refusal.late


def judge(seats: Sequence[Seat]) -> tuple[Sequence[Grant], Sequence[Refusal]]:
    """The grants that hold, and the refusals that speak: paragraph 3."""
    speaking = [refusal for seat in seats for refusal in seat.speaking]
    must_be_told = any(refusal.source is not None for refusal in speaking)
    holding = [
        grant
        for seat in seats
        for grant in seat.grants
        if (grant.told or not must_be_told)
        and all(is_newer(grant, refusal) for other in seats for refusal in other.refusals)
        and all(_is_as_specific(seat, other) for other in seats if other.speaking)
    ]
    return holding, speaking


def _is_as_specific(seat: Seat, other: Seat) -> bool:
    return seat.narrowness >= other.narrowness and seat.distance <= other.distance


def own_acts(grants: Sequence[Grant]) -> Sequence[Grant]:
    """What the person gave themselves: it goes before what others say that they gave."""
    return [grant for grant in grants if not grant.assisted]
