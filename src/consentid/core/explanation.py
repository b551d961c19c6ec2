"""Why the answer is what it is, for the person whose answer it is.

An explanation names the decision that tipped the scales, and when it was made.  It adds nothing to
the rule: ``resolve`` decides, and this looks up what it decided by.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from consentid.core.catalogue import Catalogue, Terms, find_terms
from consentid.core.decision import DecisionId, SignalSource
from consentid.core.party import Named, Party, PartyKind, Reach
from consentid.core.projection import Grant, Key, Projection, Refusal, holder
from consentid.core.purpose import PurposeId, lineage
from consentid.core.resolution import Resolution, State, resolve
from consentid.kit.instants import SECOND, Instant


class Why(StrEnum):
    """What an answer rests on, or what stands in its way."""

    AGREED = "agreed"
    """The person said yes: for the group or for the asked alone, see ``reach``."""
    ASSISTED = "assisted"
    """Somebody else keyed in that the person said yes, and may."""
    REFUSED = "refused"
    """The person said no."""
    SIGNAL = "signal"
    """The browser's signal says no on the person's behalf."""
    EXPIRED = "expired"
    """A yes ran out, at ``at``."""
    OUTDATED = "outdated"
    """What was agreed to was changed since."""
    FORGOTTEN = "forgotten"
    """A no that is too old to keep anybody from asking again."""
    OWN = "own"
    """The group's yes does not count here: the brand asks for its own."""
    NOT_NAMED = "not_named"
    """The yes for the group was given before this brand was named."""
    UNASKED = "unasked"
    """Nothing was answered."""
    ADULTS = "adults"
    """For adults only, and the portal does not say that the person is one."""
    WAITING = "waiting"
    """A yes that counts once the person follows the link that is sent to them."""
    OFF = "off"
    """Not done here at all."""
    UNOPPOSED = "unopposed"
    """Legitimate interest, and nobody objected."""
    NOT_NEEDED = "not_needed"
    """Rests neither on consent nor on legitimate interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why, and by which decision."""

    why: Why
    at: Instant | None = None
    """When it was decided, or when the yes ran out."""
    reach: Reach = None
    """Of the decision: None is the group."""
    purpose: PurposeId | None = None
    """What the decision was about: the purpose itself, or one that it is part of."""
    decision: DecisionId | None = None
    withdrew: bool = False
    """Whether the no took back a yes."""


_LOUDNESS: Final = {None: 1, SignalSource.GPC: 0}


def explain(  # noqa: PLR0911 - one answer per state
    found: Resolution,
    projection: Projection,
    catalogue: Catalogue,
    asked: Party,
    purpose: PurposeId,
    *,
    adult: bool,
) -> Explanation:
    """Say why ``found`` is what ``resolve`` says of the same projection, party and purpose."""
    if found.waiting is not None:
        return replace(_agreed(found.waiting), why=Why.WAITING)
    terms = find_terms(catalogue, asked, purpose)
    match found.state:
        case State.NOT_OFFERED:
            is_for_adults = terms is not None and terms.adults_only and not adult
            return Explanation(why=Why.ADULTS if is_for_adults else Why.OFF)
        case State.NOT_NEEDED:
            return Explanation(why=Why.NOT_NEEDED)
        case State.GIVEN:
            return _agreed(found.grant)
        case State.PERMITTED:
            return Explanation(why=Why.UNOPPOSED)
        case State.REFUSED | State.WITHDRAWN | State.OBJECTED:
            return _refused(found, asked)
        case State.EXPIRED | State.OUTDATED:
            return _lapsed(found, projection, catalogue, asked, purpose)
        case State.UNASKED:
            return _unasked(found, projection, terms, asked, purpose)
        case _:
            assert_never(found.state)


def resolve_for_group(
    projection: Projection,
    catalogue: Catalogue,
    purpose: PurposeId,
    now: Instant,
    *,
    adult: bool,
) -> tuple[Party, Resolution] | None:
    """What the person answered for the group as a whole, and at which brand that was looked up.

    That is what holds where no brand has an answer or a rule of its own: decisions with group
    reach alone, at the brands that take the purpose as the group declares it.  None where no brand
    does.
    """
    declared = catalogue.purposes.get(purpose)
    at_large = projection.keys.get(None)
    alone = Projection(keys={} if at_large is None else {None: at_large})
    found = [
        (party, resolve(alone, catalogue, party, purpose, now, adult=adult))
        for party in catalogue.parties
        if party.kind is PartyKind.BRAND
        and (terms := find_terms(catalogue, party, purpose)) is not None
        and declared is not None
        and terms.basis is declared.basis
        and not terms.own
        and (adult or not terms.adults_only)
    ]
    return min(found, key=lambda each: _RANK[each[1].state], default=None)


_RANK: Final[Mapping[State, int]] = {
    state: rank
    for rank, state in enumerate(
        (
            State.GIVEN,
            State.OBJECTED,
            State.PERMITTED,
            State.WITHDRAWN,
            State.REFUSED,
            State.EXPIRED,
            State.OUTDATED,
            State.UNASKED,
            State.NOT_NEEDED,
            State.NOT_OFFERED,
        )
    )
}


def _agreed(grant: Grant | None) -> Explanation:
    if grant is None:
        return Explanation(why=Why.AGREED)
    return Explanation(
        why=Why.ASSISTED if grant.assisted else Why.AGREED,
        at=grant.early,
        reach=grant.reach,
        purpose=grant.purpose,
        decision=grant.decision,
    )


def _refused(found: Resolution, asked: Party) -> Explanation:
    """The person's own word before a signal's, the asked's own no before the group's."""
    loudest = max(
        found.speaking,
        key=lambda each: (_LOUDNESS[each.source], each.reach == asked, each.age),
    )
    return Explanation(
        why=Why.REFUSED if loudest.source is None else Why.SIGNAL,
        at=loudest.late,
        reach=loudest.reach,
        purpose=loudest.purpose,
        decision=loudest.decision,
        withdrew=found.state is State.WITHDRAWN,
    )


def _lapsed(
    found: Resolution,
    projection: Projection,
    catalogue: Catalogue,
    asked: Party,
    purpose: PurposeId,
) -> Explanation:
    """The yes that ran out last, or that was overtaken."""
    whose = holder(Named(party=asked, entity=catalogue.parties[asked].entity))
    terms = find_terms(catalogue, asked, purpose)
    grants = [
        grant
        for reach, key in _keys(projection, asked, purpose)
        if reach is not None or terms is None or not terms.own
        for grant in key.grants_of(
            whose,
            assisted=terms is not None and terms.assisted,
            confirmed=terms is not None and terms.confirmed,
        )
    ]
    newest = max(grants, key=lambda each: each.age)
    validity = 0 if terms is None else terms.validity_s * SECOND
    has_expired = found.state is State.EXPIRED
    return Explanation(
        why=Why.EXPIRED if has_expired else Why.OUTDATED,
        at=Instant(newest.early + validity) if has_expired else newest.early,
        reach=newest.reach,
        purpose=newest.purpose,
        decision=newest.decision,
    )


def _unasked(
    found: Resolution,
    projection: Projection,
    terms: Terms | None,
    asked: Party,
    purpose: PurposeId,
) -> Explanation:
    if found.speaking:
        last: Refusal = max(found.speaking, key=lambda each: each.age)
        return Explanation(
            why=Why.FORGOTTEN,
            at=last.late,
            reach=last.reach,
            purpose=last.purpose,
            decision=last.decision,
        )
    has_group_grant = asked.kind is PartyKind.BRAND and any(
        reach is None and key.grants for reach, key in _keys(projection, asked, purpose)
    )
    if not has_group_grant or (terms is not None and terms.confirmed):
        return Explanation(why=Why.UNASKED)
    return Explanation(why=Why.OWN if terms is not None and terms.own else Why.NOT_NAMED)


def _keys(projection: Projection, asked: Party, purpose: PurposeId) -> Iterator[tuple[Reach, Key]]:
    for reach in (None, asked):
        purposes = projection.keys.get(reach, {})
        for id_ in lineage(purpose):
            key = purposes.get(id_)
            if key is not None:
                yield reach, key
