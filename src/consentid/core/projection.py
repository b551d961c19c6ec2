"""What a subject's decisions come down to: the newest grant and refusal at each key.

A key is a reach and a purpose.  Kept apart at each key are: grants made after being told of a
signal and grants made without, those of the person, those given by a link that was sent to them and
those that somebody else keyed in, per party and legal entity that the notice named; refusals by the
person and by each signal.  These are facts, never states, so a new catalogue needs no rebuild.

Invariants: a projection is a pure function of the *set* of decisions; merging is a maximum per
key, hence commutative, associative and idempotent.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from uuid import UUID

from consentid.core.decision import (
    Assurance,
    CatalogueVersion,
    Decision,
    DecisionId,
    Outcome,
    SignalSource,
)
from consentid.core.party import LegalEntity, Named, Party, PartyKind, Reach, Slug, can_cover
from consentid.core.purpose import PurposeId
from consentid.kit import base64url, canonical
from consentid.kit.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
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


FORM: Final = 1
"""The version of the stored form.  A form that has shipped is never edited: add another."""
ASSISTED_FORM: Final = 2
"""As the first, but that decisions may be assisted, or linked.  Written only where one is, so that
everybody else has the same bytes as ever.
"""

Fact: TypeAlias = Grant | Refusal

Slot: TypeAlias = tuple[str, bool, bool, bool]
"""Where a grant is kept at its key: its holder (see ``holder``), whether it is told, whether it is
assisted, and whether it is linked.
"""

_Newest: TypeAlias = tuple[dict[Slot, Grant], dict[SignalSource | None, Refusal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
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
    return _gather(chain.from_iterable(map(_facts_of, decisions)))


def add(projection: Projection, decision: Decision) -> Projection:
    """The projection with one decision more."""
    return _gather(chain(projection.facts(), _facts_of(decision)))


def merge(one: Projection, other: Projection) -> Projection:
    """The projection of both sets of decisions together."""
    return _gather(chain(one.facts(), other.facts()))


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


def _gather(facts: Iterable[Fact]) -> Projection:
    """Keep the newest fact at each key."""
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


def encode(projection: Projection) -> bytes:
    """Encode for storage: canonical JSON, equal bytes for equal sets of decisions.

    Facts are gathered by the decision that they come from and by whom they name, since one
    decision usually speaks for many purposes and brands: the form stays small.
    """
    facts_by_decision: defaultdict[DecisionId, list[Fact]] = defaultdict(list)
    for fact in projection.facts():
        facts_by_decision[fact.decision].append(fact)
    grants = [fact for fact in projection.facts() if isinstance(fact, Grant)]
    parties = sorted({grant.named for grant in grants})
    places = {named: place for place, named in enumerate(parties)}
    return canonical.encode(
        {
            "form": ASSISTED_FORM
            if any(grant.assisted or grant.linked for grant in grants)
            else FORM,
            "named": [[str(n.party.kind), n.party.slug, n.entity] for n in parties],
            "decisions": [
                _encode_decision(facts, places) for _, facts in sorted(facts_by_decision.items())
            ],
        }
    )


def decode(stored: bytes) -> Projection:
    """Decode what ``encode`` made.

    Raises:
        ValueError: the stored form is not one that this release knows.
    """
    document: dict[str, Any] = json.loads(stored)
    if document.get("form") not in {FORM, ASSISTED_FORM}:
        msg = f"a stored projection has no form {document.get('form')!r}"
        raise ValueError(msg)
    parties = [
        Named(party=Party(kind=PartyKind(kind), slug=Slug(slug)), entity=LegalEntity(entity))
        for kind, slug, entity in document["named"]
    ]
    return _gather(
        chain.from_iterable(_decode_decision(row, parties) for row in document["decisions"])
    )


def _encode_decision(
    facts: Iterable[Fact], places: Mapping[Named, int]
) -> dict[str, canonical.Json]:
    """Encode the facts kept of one decision."""
    grants: defaultdict[PurposeId, list[int]] = defaultdict(list)
    refused: list[str] = []
    row: dict[str, canonical.Json] = {}
    for fact in facts:
        row["id"] = base64url.encode(fact.decision.bytes)
        row["catalogue"] = fact.catalogue
        row["early"] = fact.early
        if fact.reach is not None:
            row["reach"] = [str(fact.reach.kind), fact.reach.slug]
        if isinstance(fact, Grant):
            grants[fact.purpose].append(places[fact.named])
            row["told"] = fact.told
            if fact.assisted:
                row["assisted"] = True
            if fact.linked:
                row["linked"] = True
        else:
            refused.append(fact.purpose)
            row["late"] = fact.late
            row["source"] = fact.source
    purposes: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
    for purpose, named in grants.items():
        purposes[tuple(sorted(named))].append(purpose)
    if purposes:
        row["granted"] = [[named, sorted(ids)] for named, ids in sorted(purposes.items())]
    if refused:
        row["refused"] = sorted(refused)
    return row


def _decode_decision(row: Mapping[str, Any], parties: list[Named]) -> Iterator[Fact]:
    decision = DecisionId(UUID(bytes=base64url.decode(row["id"])))
    catalogue, early = CatalogueVersion(row["catalogue"]), Instant(row["early"])
    unpacked: list[str] | None = row.get("reach")
    reach = Party(kind=PartyKind(unpacked[0]), slug=Slug(unpacked[1])) if unpacked else None
    granted: list[tuple[list[int], list[PurposeId]]] = row.get("granted", [])
    for places, purposes in granted:
        for place in places:
            for purpose in purposes:
                yield Grant(
                    reach=reach,
                    purpose=purpose,
                    named=parties[place],
                    told=row["told"],
                    early=early,
                    catalogue=catalogue,
                    decision=decision,
                    assisted=row.get("assisted", False),
                    linked=row.get("linked", False),
                )
    for purpose in row.get("refused", ()):
        yield Refusal(
            reach=reach,
            purpose=purpose,
            source=None if row["source"] is None else SignalSource(row["source"]),
            early=early,
            late=Instant(row["late"]),
            catalogue=catalogue,
            decision=decision,
        )
