"""What a subject's decisions come down to: the newest grant and refusal at each key.

A key is a reach and a purpose.  Kept apart at each key are: grants made after being told of a
signal and grants made without, those of the person, those given by a link that was sent to them and
those that somebody else keyed in, per party and legal entity that the notice named; refusals by the
person and by each signal.  These are facts, never states, so a new catalogue needs no rebuild.

Invariants: a projection is a pure function of the *set* of decisions; merging is a maximum per
key, hence commutative, associative and idempotent.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from consentid.core.decision import (
    Assurance,
    CatalogueVersion,
    Decision,
    DecisionId,
    Outcome,
    SignalSource,
)
from consentid.core.party import Named, Reach, can_cover
from consentid.core.purpose import PurposeId
from consentid.kit.instants import Instant


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A yes for one party that a notice named."""

    reach: Reach
    purpose: PurposeId
    named: Named
    told: bool
    """Whether the person was told of a signal before granting."""
    early: Instant
    """A grant counts from its early end."""
    catalogue: CatalogueVersion
    decision: DecisionId
    """The decision that a yes rests on."""
    assisted: bool = False
    """Whether somebody else keyed it in, and the person has not confirmed it."""
    linked: bool = False
    """Whether the person said it by a link that was sent to them."""

    @property
    def age(self) -> tuple[Instant, CatalogueVersion, DecisionId]:
        """What orders grants at one key: the largest is the newest."""
        return self.early, self.catalogue, self.decision


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A no by the person, or by a signal on the person's behalf."""

    reach: Reach
    purpose: PurposeId
    source: SignalSource | None
    """None is the person."""
    early: Instant
    """Only doubt looks at it: a no may have come before a yes that it defeats."""
    late: Instant
    """A refusal counts from its late end."""
    catalogue: CatalogueVersion
    decision: DecisionId

    @property
    def age(self) -> tuple[Instant, CatalogueVersion, DecisionId]:
        """What orders refusals at one key: the largest is the newest."""
        return self.late, self.catalogue, self.decision


Fact: TypeAlias = Grant | Refusal

Slot: TypeAlias = tuple[str, bool, bool, bool]
"""Where a grant is kept at its key: its holder (see ``holder``), whether it is told, whether it is
assisted, and whether it is linked.
"""

_Newest: TypeAlias = tuple[dict[Slot, Grant], dict[SignalSource | None, Refusal]]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """The newest facts at one reach and purpose."""

    grants: Mapping[Slot, Grant]
    refusals: Mapping[SignalSource | None, Refusal]

    def grants_of(
        self, whose: str, *, assisted: bool = False, confirmed: bool = False
    ) -> list[Grant]:
        """The newest grants that name a holder: made without being told of a signal, and after.

        ``assisted``: those too that somebody else keyed in; ``confirmed``: those alone that were
        given by a link.
        """
        found: list[Grant] = []
        for told in (False, True):
            linked = self.grants.get((whose, told, False, True))
            own = None if confirmed else self.grants.get((whose, told, False, False))
            if own is not None and (linked is None or own.age > linked.age):
                found.append(own)
            elif linked is not None:
                found.append(linked)
            if assisted and (keyed := self.grants.get((whose, told, True, False))) is not None:
                found.append(keyed)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The newest facts, by reach, then by purpose."""

    keys: Mapping[Reach, Mapping[PurposeId, Key]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever decided."""
        return not self.keys

    def facts(self) -> Iterator[Fact]:
        """Every fact kept, in no particular order."""
        for purposes in self.keys.values():
            for key in purposes.values():
                yield from key.grants.values()
                yield from key.refusals.values()


def newest(projection: Projection) -> Instant | None:
    """The last instant from which any fact kept counts; None where nothing was decided."""
    counts_from = (
        fact.early if isinstance(fact, Grant) else fact.late for fact in projection.facts()
    )
    return max(counts_from, default=None)


EMPTY: Final = Projection(keys=MappingProxyType({}))


def holder(named: Named) -> str:
    """One text per party and legal entity; hashing it is what keeps a look-up cheap."""
    return f"{named.party}\0{named.entity}"


def project(decisions: Iterable[Decision]) -> Projection:
    """Reduce decisions of one subject, in any order and however often repeated."""
    return gather(chain.from_iterable(map(_facts_of, decisions)))


def add(projection: Projection, decision: Decision) -> Projection:
    """The projection with one decision more."""
    return gather(chain(projection.facts(), _facts_of(decision)))


def merge(one: Projection, other: Projection) -> Projection:
    """The projection of both sets of decisions together."""
    return gather(chain(one.facts(), other.facts()))


def _facts_of(decision: Decision) -> Iterator[Fact]:
    for choice in decision.choices:
        if choice.outcome is Outcome.REFUSED:
            yield Refusal(
                reach=decision.reach,
                purpose=choice.purpose,
                source=decision.signal,
                early=decision.interval.early,
                late=decision.interval.late,
                catalogue=decision.catalogue,
                decision=decision.id,
            )
        elif decision.notice is not None:
            for named in decision.notice.names:
                if can_cover(decision.reach, named.party):
                    yield Grant(
                        reach=decision.reach,
                        purpose=choice.purpose,
                        named=named,
                        told=decision.told_of_signal,
                        early=decision.interval.early,
                        catalogue=decision.catalogue,
                        decision=decision.id,
                        assisted=decision.assurance is Assurance.ASSISTED,
                        linked=decision.assurance is Assurance.LINK,
                    )


def gather(facts: Iterable[Fact]) -> Projection:
    """Keep the newest fact at each key, whatever the order they come in."""
    kept: dict[Reach, dict[PurposeId, _Newest]] = {}
    for fact in facts:
        purposes = kept.setdefault(fact.reach, {})
        newest = purposes.get(fact.purpose)
        if newest is None:
            newest = purposes[fact.purpose] = ({}, {})
        if isinstance(fact, Grant):
            whose = (holder(fact.named), fact.told, fact.assisted, fact.linked)
            grant = newest[0].get(whose)
            if grant is None or fact.age > grant.age:
                newest[0][whose] = fact
        else:
            refusal = newest[1].get(fact.source)
            if refusal is None or fact.age > refusal.age:
                newest[1][fact.source] = fact
    return Projection(
        keys={
            reach: {
                purpose: Key(grants=grants, refusals=refusals)
                for purpose, (grants, refusals) in purposes.items()
            }
            for reach, purposes in kept.items()
        }
    )
