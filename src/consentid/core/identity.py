"""How a device's choices reach an account: by adoption, and not otherwise.

Account choices apply only while signed in; the device's own rest untouched beneath and govern again
after sign-out.  Adoption moves choices once, when an account has none yet (the claim), or at every
sign-in where the group lets the newest prevail.  What is adopted names what it came from and keeps
its interval, notice and catalogue version, so nothing is renewed by it.

Invariants: adoption never touches the device's decisions; whatever it makes a yes for the account
was a yes on the device; adopting twice changes nothing.

Spec: consent-rules, Identity; CNIL deliberation 2025-131 on multi-device consent.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from consentid.core.catalogue import Catalogue, find_terms, offered
from consentid.core.decision import Choice, Decision, DecisionId, SubjectId
from consentid.core.party import Named, Party, PartyKind
from consentid.core.projection import Grant, Projection, Refusal, holder, project
from consentid.core.purpose import PurposeId, is_within
from consentid.core.seats import is_silenced
from consentid.kit.instants import Instant


class Policy(StrEnum):
    """What governs a signed-in session on a device that has choices of its own."""

    ACCOUNT_PREVAILS = "account_prevails"
    """The account; a device's objection still stands where no account decision applies."""
    NEWEST_PREVAILS = "newest_prevails"
    """The account, into which every sign-in adopts the device's choices."""
    MOST_PROTECTIVE = "most_protective"
    """Yes only if the account says yes and no refusal on the device stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What of one device decision is to be recorded for the account."""

    source: Decision
    choices: tuple[Choice, ...]


_NONE: Final[frozenset[DecisionId]] = frozenset()


def has_choices(projection: Projection) -> bool:
    """Whether the person ever chose; a signal is no choice of the person's."""
    return any(isinstance(fact, Grant) or fact.source is None for fact in projection.facts())


def find_adoptions(
    device: Iterable[Decision],
    account: Projection,
    policy: Policy,
    catalogue: Catalogue,
    *,
    already: AbstractSet[DecisionId] = _NONE,
) -> tuple[Adoption, ...]:
    """Say what a sign-in adopts from the device's decisions into the account.

    Refusals that speak, and grants that speak and were given under a notice which said that they
    would be attached to the account; besides, a refusal that no longer speaks but is not older than
    an adopted grant: without it the grant would be relied on again.

    ``already`` holds the device decisions that the account adopted before.  Oldest first.
    """
    if policy is not Policy.NEWEST_PREVAILS and has_choices(account):
        return ()
    decisions = {decision.id: decision for decision in device}
    projection = project(decisions.values())
    adopted: defaultdict[DecisionId, set[PurposeId]] = defaultdict(set)
    grants = [grant for grant in _speaking_grants(projection) if _attaches(decisions, grant)]
    for grant in grants:
        adopted[grant.decision].add(grant.purpose)
    for refusal in _refusals(projection):
        if _speaks_for_somebody(refusal, projection, catalogue) or any(
            grant.early <= refusal.late and _are_related(grant.purpose, refusal.purpose)
            for grant in grants
        ):
            adopted[refusal.decision].add(refusal.purpose)
    return tuple(_adoptions(decisions, adopted, already))


def adopted_decision(
    adoption: Adoption, *, id_: DecisionId, account: SubjectId, recorded_at: Instant
) -> Decision:
    """The account's decision that an adoption makes; when and under what it was made stay."""
    return replace(
        adoption.source,
        id=id_,
        subject=account,
        choices=adoption.choices,
        recorded_at=recorded_at,
        adopted_from=adoption.source.id,
    )


def _adoptions(
    decisions: Mapping[DecisionId, Decision],
    adopted: Mapping[DecisionId, AbstractSet[PurposeId]],
    already: AbstractSet[DecisionId],
) -> Iterator[Adoption]:
    for id_ in sorted(adopted.keys() - already, key=lambda id_: (decisions[id_].recorded_at, id_)):
        source = decisions[id_]
        yield Adoption(
            source=source,
            choices=tuple(choice for choice in source.choices if choice.purpose in adopted[id_]),
        )


def _refusals(projection: Projection) -> Iterator[Refusal]:
    return (fact for fact in projection.facts() if isinstance(fact, Refusal))


def _speaking_grants(projection: Projection) -> Iterator[Grant]:
    """The newest grants that are newer than the person's newest refusal at their key."""
    for fact in projection.facts():
        if isinstance(fact, Grant):
            refusal = projection.keys[fact.reach][fact.purpose].refusals.get(None)
            if refusal is None or is_silenced(refusal, (fact,)):
                yield fact


def _attaches(decisions: Mapping[DecisionId, Decision], grant: Grant) -> bool:
    notice = decisions[grant.decision].notice
    return notice is not None and notice.attaches_to_account


def _are_related(one: PurposeId, other: PurposeId) -> bool:
    return is_within(one, other) or is_within(other, one)


def _speaks_for_somebody(refusal: Refusal, projection: Projection, catalogue: Catalogue) -> bool:
    """Whether there is a party for which no applying grant at its key silences the refusal."""
    if refusal.reach is not None and refusal.reach not in catalogue.parties:
        return True  # who left may come back
    key = projection.keys[refusal.reach][refusal.purpose]
    for party, terms in catalogue.parties.items():
        if refusal.reach not in (None, party):
            continue
        if refusal.reach is None and not _group_grants_apply(catalogue, party, refusal.purpose):
            return True
        whose = holder(Named(party=party, entity=terms.entity))
        if not is_silenced(refusal, key.grants_of(whose)):
            return True
    return False


def _group_grants_apply(catalogue: Catalogue, party: Party, purpose: PurposeId) -> bool:
    """Whether group grants apply to a party for the purpose and all that it offers beneath it."""
    return party.kind is PartyKind.BRAND and not any(
        (terms := find_terms(catalogue, party, below)) is not None and terms.own
        for below in offered(catalogue, party)
        if is_within(below, purpose)
    )
