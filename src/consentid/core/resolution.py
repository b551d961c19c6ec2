"""What holds now: the resolution rule.

For a subject's projection, an asked brand or partner, a purpose and an instant.  The paragraphs of
the rule ("Resolution" in consent-rules) are named where the code follows them.

Invariants: a refusal never turns a no into a yes; an override never widens; time alone never turns
a no into a yes; ties and doubt are a no.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from consentid.core.catalogue import Catalogue, Terms, find_terms, terms_of
from consentid.core.party import Named, Party, PartyKind
from consentid.core.projection import Grant, Key, Projection, Refusal, holder
from consentid.core.purpose import LegalBasis, PurposeId, lineage
from consentid.kit.instants import SECOND, Instant


class State(StrEnum):
    """What resolving says."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OUTDATED = "outdated"
    UNASKED = "unasked"
    PERMITTED = "permitted"
    OBJECTED = "objected"
    NOT_NEEDED = "not_needed"
    NOT_OFFERED = "not_offered"


_YES: Final = frozenset({State.GIVEN, State.PERMITTED, State.NOT_NEEDED})
_LAPSED: Final = frozenset({State.EXPIRED, State.OUTDATED})
_OPEN: Final = _LAPSED | {State.UNASKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The answer, and why."""

    state: State
    grant: Grant | None = None
    """What a yes rests on.  None for a no, and where a yes needs no grant."""
    expires_at: Instant | None = None
    """When a given yes ends by itself: at that instant it is a yes no more."""
    speaking: tuple[Refusal, ...] = ()
    """Where the answer is no: the refusals that speak."""
    in_doubt: bool = False
    """Whether each remembered refusal in the way may have come before a grant that it defeats."""
    answered: bool = False
    """Whether any decision applies at all."""
    is_askable: bool = False
    """Whether the purpose rests on consent here, so that there is something to ask for."""
    waiting: Grant | None = None
    """What would be a yes, were it confirmed by a link; None once that took too long."""

    @property
    def permitted(self) -> bool:
        """Yes or no: all that a verifier acts on."""
        return self.state in _YES

    @property
    def standing(self) -> tuple[Refusal, ...]:
        """The refusals that stand in the way of a yes: they speak, and no grant holds."""
        return () if self.state in _LAPSED else self.speaking

    @property
    def may_ask(self) -> bool:
        """Whether the person may be asked now.  An objection is never asked about again."""
        is_open = self.state in _OPEN or self.in_doubt
        return self.is_askable and is_open and self.waiting is None


def resolve(
    projection: Projection,
    catalogue: Catalogue,
    asked: Party,
    purpose: PurposeId,
    now: Instant,
    *,
    adult: bool,
) -> Resolution:
    """Say what holds for one party and purpose at an instant.

    ``adult`` is whether the portal recorded the subject as an adult; unknown is no.
    """
    terms = find_terms(catalogue, asked, purpose)
    if terms is None:
        return _NOT_OFFERED
    sight = _sight(projection, catalogue, asked)
    return _resolve(sight, catalogue, purpose, terms, now=now, adult=adult)


def resolve_all(
    projection: Projection, catalogue: Catalogue, asked: Party, now: Instant, *, adult: bool
) -> Mapping[PurposeId, Resolution]:
    """Say what holds for one party, for every purpose that it offers."""
    held = terms_of(catalogue, asked)
    if not held:
        return {}
    sight = _sight(projection, catalogue, asked)
    return {
        purpose: _resolve(sight, catalogue, purpose, terms, now=now, adult=adult)
        for purpose, terms in held.items()
    }


def _resolve(
    sight: "_Sight",
    catalogue: Catalogue,
    purpose: PurposeId,
    terms: Terms,
    *,
    now: Instant,
    adult: bool,
) -> Resolution:
    if terms.adults_only and not adult:
        return _NOT_OFFERED
    if terms.basis not in _ANSWERABLE:
        return _NOT_NEEDED
    seats = _look(sight, purpose, terms)
    if not seats:  # of most purposes: what paragraphs 4 and 5 come to then
        found = _NEVER_ASKED if terms.basis is LegalBasis.CONSENT else _NEVER_OBJECTED
    else:
        holding, speaking = _judge(seats)
        if terms.basis is LegalBasis.LEGITIMATE_INTEREST:
            return _interest(seats, holding, speaking)
        found = _consent(seats, holding, speaking, catalogue=catalogue, terms=terms, now=now)
    if not terms.confirmed or found.state is State.GIVEN:
        return found
    return _await(found, sight, catalogue, purpose, terms, now=now)


def _await(
    found: Resolution,
    sight: "_Sight",
    catalogue: Catalogue,
    purpose: PurposeId,
    terms: Terms,
    *,
    now: Instant,
) -> Resolution:
    """Note the yes that only wants its link: no answer changes by it, but nobody is asked again."""
    as_if = replace(terms, confirmed=False)
    seats = _look(sight, purpose, as_if)
    holding, speaking = _judge(seats)
    would = _consent(seats, holding, speaking, catalogue=catalogue, terms=as_if, now=now)
    waiting = would.grant
    if waiting is None or now >= waiting.early + CONFIRM_WITHIN_S * SECOND:
        return found
    return replace(found, waiting=waiting)


CONFIRM_WITHIN_S: Final = 30 * 86_400
"""How long a yes may wait for its link: as long as a link lives."""


_ANSWERABLE: Final = frozenset({LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST})
_NOT_OFFERED: Final = Resolution(state=State.NOT_OFFERED)
_NOT_NEEDED: Final = Resolution(state=State.NOT_NEEDED)
_NEVER_ASKED: Final = Resolution(state=State.UNASKED, is_askable=True)
_NEVER_OBJECTED: Final = Resolution(state=State.PERMITTED)

_GROUP: Final = 0
_PARTY: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seat:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What of a projection one party can see."""

    whose: str
    """Whose grants are its own."""
    is_brand: bool
    by_group: Mapping[PurposeId, Key]
    by_party: Mapping[PurposeId, Key]


def _sight(projection: Projection, catalogue: Catalogue, asked: Party) -> _Sight:
    return _Sight(
        whose=holder(Named(party=asked, entity=catalogue.parties[asked].entity)),
        is_brand=asked.kind is PartyKind.BRAND,
        by_group=projection.keys.get(None, _NOTHING),
        by_party=projection.keys.get(asked, _NOTHING),
    )


_NOTHING: Final[Mapping[PurposeId, Key]] = {}


def _look(sight: _Sight, purpose: PurposeId, terms: Terms) -> Sequence[_Seat]:
    """Find what applies, and who speaks at each key: paragraphs 2 and 3.

    What somebody else keyed in applies where the catalogue lets it count, and nowhere else; where
    it wants a yes confirmed, nothing applies but what was said by a link.
    """
    group_grants_apply = sight.is_brand and not terms.own
    seats: list[_Seat] = []
    for distance, id_ in enumerate(lineage(purpose)):
        if (key := sight.by_group.get(id_)) is not None:
            whose = sight.whose if group_grants_apply else None
            seats.append(_seat(key, _GROUP, distance, whose, terms))
        if (key := sight.by_party.get(id_)) is not None:
            seats.append(_seat(key, _PARTY, distance, sight.whose, terms))
    return [seat for seat in seats if seat.grants or seat.refusals]


def _seat(key: Key, narrowness: int, distance: int, whose: str | None, terms: Terms) -> _Seat:
    grants: list[Grant] = []
    if whose is not None:
        grants = key.grants_of(whose, assisted=terms.assisted, confirmed=terms.confirmed)
    refusals = list(key.refusals.values())
    # Only the person's own yes takes their no back: else another yes of theirs would rest on it.
    own = _own(grants)
    return _Seat(
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
        _is_newer(grant, refusal) and (refusal.source is None or grant.told) for grant in grants
    )


def _is_newer(grant: Grant, refusal: Refusal) -> bool:
    """Whether the grant certainly came after the refusal.  A tie is a no."""
    return grant.early > refusal.late


def _judge(seats: Sequence[_Seat]) -> tuple[Sequence[Grant], Sequence[Refusal]]:
    """The grants that hold, and the refusals that speak: paragraph 3."""
    speaking = [refusal for seat in seats for refusal in seat.speaking]
    must_be_told = any(refusal.source is not None for refusal in speaking)
    holding = [
        grant
        for seat in seats
        for grant in seat.grants
        if (grant.told or not must_be_told)
        and all(_is_newer(grant, refusal) for other in seats for refusal in other.refusals)
        and all(_is_as_specific(seat, other) for other in seats if other.speaking)
    ]
    return holding, speaking


def _is_as_specific(seat: _Seat, other: _Seat) -> bool:
    return seat.narrowness >= other.narrowness and seat.distance <= other.distance


def _consent(
    seats: Sequence[_Seat],
    holding: Sequence[Grant],
    speaking: Sequence[Refusal],
    *,
    catalogue: Catalogue,
    terms: Terms,
    now: Instant,
) -> Resolution:
    """Paragraph 4."""
    validity = terms.validity_s * SECOND
    unexpired = [grant for grant in holding if now < grant.early + validity]
    counting = [grant for grant in unexpired if grant.catalogue >= terms.revised_in]
    if counting:
        newest = max(_own(counting) or counting, key=_age)
        return Resolution(
            state=State.GIVEN,
            grant=newest,
            expires_at=Instant(newest.early + validity),
            answered=True,
            is_askable=True,
        )
    if holding:
        state = State.OUTDATED if unexpired else State.EXPIRED
        return Resolution(state=state, speaking=tuple(speaking), answered=True, is_askable=True)
    memory = catalogue.refusal_memory_s * SECOND
    remembered = [
        refusal
        for refusal in speaking
        if now - refusal.late < memory and refusal.catalogue >= terms.revised_in
    ]
    if not remembered:
        state = State.UNASKED
    elif any(
        not _is_newer(max(seat.grants, key=_age), refusal)
        for seat in seats
        if seat.grants
        for refusal in speaking
    ):
        state = State.WITHDRAWN
    else:
        state = State.REFUSED
    return Resolution(
        state=state,
        speaking=tuple(speaking),
        in_doubt=_all_in_doubt(remembered, seats),
        answered=bool(seats),
        is_askable=True,
    )


def _interest(
    seats: Sequence[_Seat], holding: Sequence[Grant], speaking: Sequence[Refusal]
) -> Resolution:
    """Paragraph 5: an objection never grows old."""
    if speaking and not holding:
        return Resolution(
            state=State.OBJECTED,
            speaking=tuple(speaking),
            in_doubt=_all_in_doubt(speaking, seats),
            answered=True,
        )
    # Unless it lifts an objection, what somebody else keyed in is not what this rests on.
    resting_on = _own(holding) or (holding if speaking else ())
    return Resolution(
        state=State.PERMITTED,
        grant=max(resting_on, key=_age, default=None),
        answered=bool(seats),
    )


def _own(grants: Sequence[Grant]) -> Sequence[Grant]:
    """What the person gave themselves: it goes before what others say that they gave."""
    return [grant for grant in grants if not grant.assisted]


def _age(grant: Grant) -> tuple[int, int, object]:
    return grant.age


def _all_in_doubt(refusals: Sequence[Refusal], seats: Sequence[_Seat]) -> bool:
    """Whether each refusal may have come before a grant that it defeats by time.

    Two offline acts of one device share their early end, the last sync, and carry no order: so a
    refusal that was not online is in doubt also where the early ends are equal.
    """
    return bool(refusals) and all(
        refusal.early < refusal.late
        and any(
            refusal.early <= grant.early <= refusal.late for seat in seats for grant in seat.grants
        )
        for refusal in refusals
    )
