"""What holds now: the resolution rule.

For a subject's projection, an asked brand or partner, a purpose and an instant.  The paragraphs of
the rule ("Resolution" in consent-rules) are named where the code follows them.

Invariants: a refusal never turns a no into a yes; an override never widens; time alone never turns
a no into a yes; ties and doubt are a no.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

import msgspec

from consentid.core.catalogue import Catalogue, Terms, find_terms, terms_of
from consentid.core.party import Party
from consentid.core.projection import Grant, Projection, Refusal
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.core.seats import Seat, Sight, is_newer, judge, look, own_acts, sight_of
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
_ANSWERABLE: Final = frozenset({LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST})
CONFIRM_WITHIN_S: Final = 30 * 86_400
"""How long a yes may wait for its link: as long as a link lives."""


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
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


_NOT_OFFERED: Final = Resolution(state=State.NOT_OFFERED)
_NOT_NEEDED: Final = Resolution(state=State.NOT_NEEDED)
_NEVER_ASKED: Final = Resolution(state=State.UNASKED, is_askable=True)
_NEVER_OBJECTED: Final = Resolution(state=State.PERMITTED)


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
    sight = sight_of(projection, catalogue, asked)
    return _resolve(sight, catalogue, purpose, terms, now=now, adult=adult)


def resolve_all(
    projection: Projection, catalogue: Catalogue, asked: Party, now: Instant, *, adult: bool
) -> Mapping[PurposeId, Resolution]:
    """Say what holds for one party, for every purpose that it offers."""
    held = terms_of(catalogue, asked)
    return resolve_each(projection, catalogue, asked, held, now, adult=adult)


def resolve_each(
    projection: Projection,
    catalogue: Catalogue,
    asked: Party,
    held: Mapping[PurposeId, Terms],
    now: Instant,
    *,
    adult: bool,
) -> Mapping[PurposeId, Resolution]:
    """Say what holds for one party and purposes that it offers, on the terms that they have."""
    if not held:
        return {}
    sight = sight_of(projection, catalogue, asked)
    return {
        purpose: _resolve(sight, catalogue, purpose, terms, now=now, adult=adult)
        for purpose, terms in held.items()
    }


def _resolve(
    sight: Sight,
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
    seats = look(sight, purpose, terms)
    if not seats:  # of most purposes: what paragraphs 4 and 5 come to then
        found = _NEVER_ASKED if terms.basis is LegalBasis.CONSENT else _NEVER_OBJECTED
    else:
        holding, speaking = judge(seats)
        if terms.basis is LegalBasis.LEGITIMATE_INTEREST:
            return _interest(seats, holding, speaking)
        found = _consent(seats, holding, speaking, catalogue=catalogue, terms=terms, now=now)
    if not terms.confirmed or found.state is State.GIVEN:
        return found
    return _await(found, sight, catalogue, purpose, terms, now=now)


def _await(
    found: Resolution,
    sight: Sight,
    catalogue: Catalogue,
    purpose: PurposeId,
    terms: Terms,
    *,
    now: Instant,
) -> Resolution:
    """Note the yes that only wants its link: no answer changes by it, but nobody is asked again."""
    as_if = replace(terms, confirmed=False)
    seats = look(sight, purpose, as_if)
    holding, speaking = judge(seats)
    would = _consent(seats, holding, speaking, catalogue=catalogue, terms=as_if, now=now)
    waiting = would.grant
    if waiting is None or now >= waiting.early + CONFIRM_WITHIN_S * SECOND:
        return found
    return msgspec.structs.replace(found, waiting=waiting)


def _consent(
    seats: Sequence[Seat],
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
        newest = max(own_acts(counting) or counting, key=_age)
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
        not is_newer(max(seat.grants, key=_age), refusal)
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
    seats: Sequence[Seat], holding: Sequence[Grant], speaking: Sequence[Refusal]
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
    resting_on = own_acts(holding) or (holding if speaking else ())
    return Resolution(
        state=State.PERMITTED,
        grant=max(resting_on, key=_age, default=None),
        answered=bool(seats),
    )


def _age(grant: Grant) -> tuple[int, int, object]:
    return grant.age


def _all_in_doubt(refusals: Sequence[Refusal], seats: Sequence[Seat]) -> bool:
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
