"""What else a yes is recorded for: the old refusals that asking again may lift.

A yes for the group is less specific than a no that stands at one brand, and a yes to a purpose less
specific than a no to its descendant.  Where such a no is past its memory, was overtaken by a
revision or is in doubt, or where the yes that outranked it has run out, the person may be asked
again; unless the answer were recorded there too, they would be asked for ever.
Spec: consent-rules, Resolution, paragraph 6.

Invariants: a refusal that is still remembered and not in doubt is never lifted this way; a form of
the group never stands in for a brand's own consent; nothing is granted beyond what was answered.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from consentid.core.catalogue import Catalogue, Terms, terms_of
from consentid.core.decision import MAX_CHOICES, Choice, Decision, DecisionId, Outcome
from consentid.core.party import Party, Reach, can_cover
from consentid.core.projection import Projection, Refusal
from consentid.core.purpose import PurposeId, is_within, lineage
from consentid.core.resolution import Resolution, resolve_each
from consentid.kit.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """Grants to be recorded in the same act as a decision, at another reach or purpose."""

    reach: Reach
    choices: tuple[Choice, ...]


def find_lifts(
    projection: Projection, catalogue: Catalogue, decision: Decision, now: Instant, *, adult: bool
) -> tuple[Lift, ...]:
    """Find the refusals that an admitted decision may lift beside those at its own keys.

    ``projection`` is what was decided before.  Empty where the decision grants nothing that was
    refused before.
    """
    answers = {choice.purpose: choice.outcome for choice in decision.choices}
    if Outcome.GRANTED not in answers.values():
        return ()
    before = {
        party: _before(projection, catalogue, party, decision, now, adult=adult)
        for party in _asked(catalogue, decision)
    }
    targets: defaultdict[Reach, set[PurposeId]] = defaultdict(set)
    for party, questions in before.items():
        for purpose, question in questions.items():
            if not question.may_ask:
                continue
            for refusal in question.speaking:
                if refusal.source is not None and not decision.told_of_signal:
                    continue  # only a grant made after being told outlives a signal
                if not _is_reached_from_above(purpose, refusal, answers, questions):
                    reach = _reach_to_record(party, purpose, refusal, decision, before)
                    targets[reach].add(purpose)
    own = {id_ for id_, outcome in answers.items() if outcome is Outcome.GRANTED}
    targets[decision.reach] -= own
    return tuple(_lifts(targets))


def lifting_decision(decision: Decision, lift: Lift, id_: DecisionId) -> Decision:
    """The decision that records one lift: the same act under its own id."""
    return replace(decision, id=id_, reach=lift.reach, choices=lift.choices)


def _asked(catalogue: Catalogue, decision: Decision) -> Iterator[Party]:
    """The parties that the decision's notice names with their present legal entity."""
    if decision.notice is not None:
        for named in sorted(decision.notice.names):
            party = catalogue.parties.get(named.party)
            if (
                party is not None
                and party.entity == named.entity
                and can_cover(decision.reach, named.party)
            ):
                yield named.party


def _before(
    projection: Projection,
    catalogue: Catalogue,
    party: Party,
    decision: Decision,
    now: Instant,
    *,
    adult: bool,
) -> Mapping[PurposeId, Resolution]:
    """What held before at one party for what the decision grants there."""
    answers = {choice.purpose: choice.outcome for choice in decision.choices}
    granted: dict[PurposeId, Terms] = {}
    for purpose, terms in terms_of(catalogue, party).items():
        answered = _answered(purpose, answers)
        if answered is None or answers[answered] is Outcome.REFUSED:
            continue
        if decision.reach is not None or not terms.own:
            granted[purpose] = terms
    return resolve_each(projection, catalogue, party, granted, now, adult=adult)


def _answered(purpose: PurposeId, answers: Mapping[PurposeId, Outcome]) -> PurposeId | None:
    """The nearest purpose, at or above, that the decision answers."""
    return next((above for above in lineage(purpose) if above in answers), None)


def _is_reached_from_above(
    purpose: PurposeId,
    refusal: Refusal,
    answers: Mapping[PurposeId, Outcome],
    questions: Mapping[PurposeId, Resolution],
) -> bool:
    """Whether what is recorded for an ancestor already gets past the refusal."""
    answered = _answered(purpose, answers)
    if answered is None:
        return False
    nearest = refusal.purpose if is_within(refusal.purpose, answered) else answered
    above = questions.get(nearest)
    return nearest != purpose and above is not None and above.may_ask and refusal in above.speaking


def _reach_to_record(
    party: Party,
    purpose: PurposeId,
    refusal: Refusal,
    decision: Decision,
    before: Mapping[Party, Mapping[PurposeId, Resolution]],
) -> Reach:
    """The refusal's own reach, unless that would lift it where it may not be lifted."""
    if refusal.reach is not None:
        return refusal.reach
    if decision.reach is not None:
        return decision.reach
    stands_firm = any(
        (question := questions.get(purpose)) is not None
        and refusal in question.speaking
        and not (question.may_ask and refusal in question.standing)
        for questions in before.values()
    )
    return party if stands_firm else None


def _lifts(targets: Mapping[Reach, set[PurposeId]]) -> Iterator[Lift]:
    for reach, purposes in sorted(targets.items(), key=lambda item: str(item[0])):
        ordered = sorted(purposes)
        for start in range(0, len(ordered), MAX_CHOICES):
            yield Lift(
                reach=reach,
                choices=tuple(
                    Choice(purpose=purpose, outcome=Outcome.GRANTED)
                    for purpose in ordered[start : start + MAX_CHOICES]
                ),
            )
