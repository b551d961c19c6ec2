"""What the group asks for, and how each brand narrows it: an immutable catalogue version.

A catalogue answers, for an asked brand or partner and a purpose, the *terms* that the resolution
rule needs.  What it says of a purpose (off, own, stricter basis, validity, adults only, material
revision) it says of its descendants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consentid.core.decision import CatalogueVersion
from consentid.core.party import LegalEntity, Party
from consentid.core.purpose import LegalBasis, PurposeId

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A brand's rule about a purpose.  It can only narrow."""

    purpose: PurposeId
    off: bool = False
    own: bool = False
    validity_s: int | None = None
    adults_only: bool = False
    basis: LegalBasis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyTerms:
    """What a catalogue says of one brand or partner."""

    party: Party
    entity: LegalEntity
    audience: str
    """The registered URI that tokens name in ``aud``."""
    validity_s: int | None
    overrides: Mapping[PurposeId, Override]
    listed: frozenset[PurposeId] | None
    """A partner's listed purposes; None for a brand, which is offered all of the group's."""


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
