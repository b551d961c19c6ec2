"""A projection as it is stored: its facts, gathered by the decision that each comes from."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final
from uuid import UUID

import msgspec

from consentid.core.decision import CatalogueVersion, DecisionId, SignalSource
from consentid.core.party import LegalEntity, Named, Party, PartyKind, Slug
from consentid.core.projection import Fact, Grant, Projection, Refusal, gather
from consentid.core.purpose import PurposeId
from consentid.kit import base64url, canonical
from consentid.kit.instants import Instant

FORM: Final = 1
"""The version of the stored form.  A form that has shipped is never edited: add another."""
ASSISTED_FORM: Final = 2
"""As the first, but that decisions may be assisted, or linked.  Written only where one is, so that
everybody else has the same bytes as ever.
"""


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
    document: dict[str, Any] = msgspec.json.decode(stored)
    if document.get("form") not in {FORM, ASSISTED_FORM}:
        msg = f"a stored projection has no form {document.get('form')!r}"
        raise ValueError(msg)
    parties = [
        Named(party=Party(kind=PartyKind(kind), slug=Slug(slug)), entity=LegalEntity(entity))
        for kind, slug, entity in document["named"]
    ]
    return gather(
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
