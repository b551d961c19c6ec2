"""What the group asks for, and how each brand narrows it: an immutable catalogue version.

A catalogue answers, for an asked brand or partner and a purpose, the *terms* that the resolution
rule needs.  What it says of a purpose (off, own, stricter basis, validity, adults only, material
revision) it says of its descendants.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from consentid.core.decision import CatalogueVersion
from consentid.core.party import LegalEntity, Party, PartyKind, Slug
from consentid.core.purpose import LegalBasis, PurposeId, brand_of, lineage

MIN_REFUSAL_MEMORY_S: Final = 184 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """A purpose as the group (or, for a brand-only purpose, its brand) declares it."""

    id: PurposeId
    basis: LegalBasis
    ask: bool
    """Whether it must be answered, granted or refused, before a silent check succeeds."""
    validity_s: int | None = None
    adults_only: bool = False
    material: int = 1
    """The material edition that the files declare; raising it is a material revision."""
    assisted: bool = False
    """Whether a yes that somebody else keyed in counts before the person confirms it."""
    confirmed: bool = False
    """Whether a yes counts only where it was given by a link that was sent to the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A brand's rule about a purpose.  It can only narrow."""

    purpose: PurposeId
    off: bool = False
    own: bool = False
    validity_s: int | None = None
    adults_only: bool = False
    basis: LegalBasis | None = None
    unassisted: bool = False
    """Whether no yes counts here that the person did not give or confirm themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyTerms:
    """What a catalogue says of one brand or partner."""

    party: Party
    entity: LegalEntity
    audience: str
    """The registered URI that tokens name in ``aud`` where nothing else is asked for."""
    validity_s: int | None
    overrides: Mapping[PurposeId, Override]
    listed: frozenset[PurposeId] | None
    """A partner's listed purposes; None for a brand, which is offered all of the group's."""
    other_audiences: tuple[str, ...] = ()
    """Further registered URIs, one of which ``resource`` may choose."""

    @property
    def audiences(self) -> tuple[str, ...]:
        """All that are registered."""
        return (self.audience, *self.other_audiences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for one asked party and one offered purpose."""

    basis: LegalBasis
    own: bool
    adults_only: bool
    validity_s: int
    revised_in: CatalogueVersion
    """A grant or a remembered refusal under an older version does not count."""
    ask: bool
    assisted: bool = False
    """Whether an assisted grant counts."""
    confirmed: bool = False
    """Whether a grant counts only where it was given by a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One applied version of the group's rules."""

    version: CatalogueVersion
    validity_s: int
    refusal_memory_s: int
    purposes: Mapping[PurposeId, Purpose]
    parties: Mapping[Party, PartyTerms]
    revised: Mapping[PurposeId, CatalogueVersion]
    """The version of the last material revision (or the creation) of each purpose, for all."""
    revised_for: Mapping[tuple[Party, PurposeId], CatalogueVersion]
    """The same where one party's override or validity was loosened."""
    retired: frozenset[PurposeId] = frozenset()
    """Slugs that were given up, and are never used again."""
    retired_parties: frozenset[Slug] = frozenset()
    folded: dict[Party, dict[PurposeId, Terms]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    """What follows from the rest, folded once per party: every resolution asks for it."""
    by_audience: dict[str, Party] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    """Who registered an audience: every row that is restated asks for it."""

    def __post_init__(self) -> None:
        """Note who registered what; of two, the first."""
        for terms in self.parties.values():
            for audience in terms.audiences:
                self.by_audience.setdefault(audience, terms.party)


_NOTHING: Final[Mapping[PurposeId, Terms]] = {}


def find_terms(catalogue: Catalogue, asked: Party, purpose: PurposeId) -> Terms | None:
    """What holds for a party and a purpose; None where the purpose is not offered there."""
    return terms_of(catalogue, asked).get(purpose)


def offered(catalogue: Catalogue, asked: Party) -> tuple[PurposeId, ...]:
    """The purposes that a party offers, on whatever basis, in the order of the files."""
    return tuple(terms_of(catalogue, asked))


def find_party(catalogue: Catalogue, audience: str) -> Party | None:
    """The party that registered an audience."""
    return catalogue.by_audience.get(audience)


def terms_of(catalogue: Catalogue, asked: Party) -> Mapping[PurposeId, Terms]:
    """What holds for a party, by purpose offered, in the order of the files."""
    terms = catalogue.folded.get(asked)
    if terms is not None:
        return terms
    party = catalogue.parties.get(asked)
    if party is None:
        return _NOTHING
    found = {id_: _fold(catalogue, party, purpose) for id_, purpose in catalogue.purposes.items()}
    terms = {id_: held for id_, held in found.items() if held is not None}
    catalogue.folded[asked] = terms
    return terms


def _fold(catalogue: Catalogue, party: PartyTerms, purpose: Purpose) -> Terms | None:
    """Gather what the purpose, its ancestors, the party and its overrides say."""
    asked = party.party
    brand = brand_of(purpose.id)
    if brand is not None and asked != Party(kind=PartyKind.BRAND, slug=brand):
        return None
    if party.listed is not None and purpose.id not in party.listed:
        return None
    line = lineage(purpose.id)
    declared = [found for id_ in line if (found := catalogue.purposes.get(id_)) is not None]
    overrides = [found for id_ in line if (found := party.overrides.get(id_)) is not None]
    if any(override.off for override in overrides):
        return None
    stricter = purpose.basis is LegalBasis.LEGITIMATE_INTEREST and any(
        override.basis is LegalBasis.CONSENT for override in overrides
    )
    validities = (
        catalogue.validity_s,
        party.validity_s,
        *(above.validity_s for above in declared),
        *(override.validity_s for override in overrides),
    )
    confirmed = any(rule.confirmed for rule in declared)
    return Terms(
        basis=LegalBasis.CONSENT if stricter else purpose.basis,
        own=any(override.own for override in overrides),
        adults_only=any(rule.adults_only for rule in (*declared, *overrides)),
        validity_s=min(validity for validity in validities if validity is not None),
        revised_in=_last_revision(catalogue, asked, line),
        # What only a grant makes a yes has to be asked, also where the group need not.
        ask=purpose.ask or stricter,
        # It is the purpose's own permission: what lies below has to say so itself.
        assisted=purpose.assisted
        and not confirmed
        and not any(override.unassisted for override in overrides),
        confirmed=confirmed,
    )


def _last_revision(
    catalogue: Catalogue, asked: Party, line: tuple[PurposeId, ...]
) -> CatalogueVersion:
    # A declared purpose without a recorded revision counts as created just now: doubt is a no.
    for_all = [
        catalogue.revised.get(id_, catalogue.version) for id_ in line if id_ in catalogue.purposes
    ]
    for_asked = [
        version for id_ in line if (version := catalogue.revised_for.get((asked, id_))) is not None
    ]
    return max((*for_all, *for_asked))
