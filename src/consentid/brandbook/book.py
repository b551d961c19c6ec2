"""One version of the group's whole configuration: rules, texts, looks, clients and notices.

The rules, which decide, are the core's ``Catalogue``; everything else here is for showing and for
knowing who is calling.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property

from consentid.brandbook.client import ClientDeclaration, ClientId
from consentid.brandbook.notice import Notice
from consentid.core.catalogue import Catalogue
from consentid.core.decision import SignalSource
from consentid.core.party import LegalEntity, Party, PartyKind, Slug
from consentid.core.purpose import PurposeId
from consentid.core.sharing import Shares


class IdentityPolicy(StrEnum):
    """What governs where a device's choices contradict the account's."""

    ACCOUNT_PREVAILS = "account_prevails"
    NEWEST_PREVAILS = "newest_prevails"
    MOST_PROTECTIVE = "most_protective"


class Source(StrEnum):
    """Whose data a purpose uses."""

    FIRST_PARTY = "first_party"
    THIRD_PARTY = "third_party"


class Confirm(StrEnum):
    """What must follow a grant before it counts."""

    LINK = "link"
    """A link sent to the address in question (double opt-in)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """An undertaking that answers for what is done with data: a controller."""

    id: LegalEntity
    name: str
    country: str
    """Two letters.  Spec: ISO 3166-1 alpha-2."""
    address: str
    contact: str
    """Where a privacy request is sent: an e-mail address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeTexts:
    """A purpose in one language."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A theme under a purpose: never asked for by itself, never in a token."""

    id: str
    parent: str | None
    names: Mapping[str, str]
    """By language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """Somebody who works on a purpose for the group: told, never chosen."""

    name: str
    country: str
    policy: str
    """The address of its privacy policy."""
    tcf_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanings:
    """What a purpose means in the words of others."""

    tcf: tuple[int, ...] = ()
    """Purposes of the IAB's Transparency and Consent Framework."""
    gpp: tuple[str, ...] = ()
    """Fields of the IAB's Global Privacy Platform."""
    gcm: tuple[str, ...] = ()
    """Types of Google's consent mode, version 2."""
    gpc: bool = False
    """Whether Global Privacy Control objects to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeSheet:
    """What is told about a purpose; the rules about it are in the catalogue."""

    id: PurposeId
    source: Source
    data: tuple[str, ...]
    """Categories of data, as slugs."""
    texts: Mapping[str, PurposeTexts]
    """By language."""
    topics: tuple[Topic, ...] = ()
    vendors: tuple[Vendor, ...] = ()
    meanings: Meanings = Meanings()
    confirm: Confirm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A brand's look."""

    logo: str
    """The name, set in type."""
    properties: Mapping[str, str]
    """CSS custom properties, ``--accent`` and so on, safe to write into a style sheet."""
    dark: Mapping[str, str] | None = None
    """The colours among them for a dark screen; None where the files leave that to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A brand or a partner, as it presents itself and as it calls."""

    party: Party
    name: str
    entity: Entity
    domains: tuple[str, ...]
    origins: tuple[str, ...]
    audience: str
    """The registered URI that consent tokens name in ``aud``."""
    look: Look
    texts: Mapping[str, Mapping[str, str]]
    """By language: the group's words with this brand's own in their place, not yet filled in."""
    purpose_texts: Mapping[str, Mapping[PurposeId, PurposeTexts]]
    """By language: where this brand says it in its own words."""
    order: tuple[PurposeId, ...]
    """All that it offers, in the order shown."""
    clients: Mapping[ClientId, ClientDeclaration]
    cookies: Mapping[PurposeId, tuple[str, ...]] = field(
        default_factory=dict[PurposeId, tuple[str, ...]]
    )
    """What its own pages set, by purpose: names, and prefixes that end in ``*``."""
    receives: Mapping[Slug, PurposeId] = field(default_factory=dict[Slug, PurposeId])
    """A partner's: from whom it may take over an answer, and the purpose that this rests on."""
    asks_for: Mapping[Slug, tuple[PurposeId, ...]] = field(
        default_factory=dict[Slug, tuple[PurposeId, ...]]
    )
    """A partner's: the brands it may ask for, and what for each, with all that lies below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The customer portal, whose ID tokens name the known subjects."""

    issuer: str
    client_id: str
    """Our own client there."""
    clients: Mapping[Slug, str]
    """By brand: the portal's client whose ID tokens the brand's own client may exchange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """A slug that was given up, and is never used again."""

    on: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The undertaking as a whole."""

    name: str
    entity: Entity
    issuer: str
    """Our own address, exactly as tokens carry it in ``iss``."""
    look: Look
    """The hub's look."""
    portal: Portal
    languages: tuple[str, ...]
    """The first is the one to fall back on."""
    validity_s: int
    refusal_memory_s: int
    identity: IdentityPolicy
    signals: Mapping[SignalSource, tuple[PurposeId, ...]]
    """The purposes that a browser's signal objects to."""
    retired_purposes: Mapping[PurposeId, Retirement]
    retired_parties: Mapping[Slug, Retirement]


@dataclass(frozen=True, kw_only=True)
class Book:
    """One version of the configuration; a draft has version 0 throughout."""

    catalogue: Catalogue
    group: Group
    brands: Mapping[Slug, Profile]
    partners: Mapping[Slug, Profile]
    purposes: Mapping[PurposeId, PurposeSheet]
    """In the order of the files, as in the catalogue."""
    notices: Mapping[tuple[str, str], Notice]
    """By the showing party's slug and the language."""

    @cached_property
    def clients(self) -> Mapping[ClientId, ClientDeclaration]:
        """Every declared client."""
        return {
            id_: client
            for profile in (*self.brands.values(), *self.partners.values())
            for id_, client in profile.clients.items()
        }

    @cached_property
    def shares(self) -> Shares:
        """Who may pass answers on to whom, and the purpose that this rests on."""
        parties = {party.slug: party for party in self.catalogue.parties}
        return {
            partner.party: {
                parties[giver]: purpose
                for giver, purpose in partner.receives.items()
                if giver in parties
            }
            for partner in self.partners.values()
        }

    def find_profile(self, party: Party) -> Profile | None:
        """The profile of a brand or partner; None if there is no such party."""
        return (self.brands if party.kind is PartyKind.BRAND else self.partners).get(party.slug)

    def find_notice(self, slug: str, language: str) -> Notice | None:
        """A party's notice in a language, or in the group's first; None for an unknown party."""
        return self.notices.get((slug, language)) or self.notices.get(
            (slug, self.group.languages[0])
        )

    def texts_of(self, party: Party, purpose: PurposeId, language: str) -> PurposeTexts:
        """A purpose in a party's words.

        Raises:
            KeyError: the purpose or the language is not in the book.
        """
        profile = self.find_profile(party)
        if profile is not None and language in profile.purpose_texts:
            own = profile.purpose_texts[language].get(purpose)
            if own is not None:
                return own
        return self.purposes[purpose].texts[language]
