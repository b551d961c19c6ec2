"""The exact text that a brand or partner shows before somebody chooses.

A notice exists once per language.  Its digest covers every word shown and the names of those that
an answer reaches, so what was shown can be proved from what was stored.  All languages of a notice
share a version; it rises when a word of any of them changes.
"""

from dataclasses import dataclass
from functools import cached_property

from consentid.core.decision import NoticeRef
from consentid.core.party import Named, Party
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.kit import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTopic:
    """A theme under a purpose, as shown."""

    id: str
    parent: str | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePurpose:
    """A purpose, as shown."""

    id: PurposeId
    basis: LegalBasis
    """Consent is asked; legitimate interest may be objected to."""
    name: str
    description: str
    topics: tuple[NoticeTopic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeName:
    """A brand or partner that an answer may reach, as shown."""

    named: Named
    name: str
    """The brand's or partner's name."""
    entity: str
    """The name of the undertaking that answers for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTexts:
    """The words around the purposes, ready to be shown: placeholders are filled in."""

    title: str
    body: str
    accept: str
    refuse: str
    choose: str
    save: str
    reach_group: str
    """Said where an answer holds at all the brands named."""
    reach_own: str
    """Said where an answer holds here alone."""
    account: str
    """Said where a device's answer will be attached to the account at sign-in; else empty."""
    withdraw: str


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notice in one language."""

    id: str
    """The slug of the brand or partner that shows it."""
    version: int
    """From 1; 0 in a draft."""
    language: str
    party: Party
    attaches_to_account: bool
    texts: NoticeTexts
    entries: tuple[NoticePurpose, ...]
    """In the order shown."""
    reaches: tuple[NoticeName, ...]
    """Sorted by kind and slug."""

    @cached_property
    def purposes(self) -> tuple[PurposeId, ...]:
        """What it asks, in the order shown."""
        return tuple(entry.id for entry in self.entries)

    @cached_property
    def asks(self) -> frozenset[PurposeId]:
        """What it asks; a choice for another purpose does not answer this notice."""
        return frozenset(self.purposes)

    @cached_property
    def names(self) -> frozenset[Named]:
        """The brands and partners named, with their legal entities."""
        return frozenset(reached.named for reached in self.reaches)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical text; the version is no part of it.  32 bytes."""
        return canonical.digest(self.canonical_text())

    def canonical_text(self) -> dict[str, canonical.Json]:
        """Every word shown, and the names of those that an answer reaches: what is digested."""
        texts = self.texts
        return {
            "id": self.id,
            "language": self.language,
            "attaches_to_account": self.attaches_to_account,
            "texts": {name: getattr(texts, name) for name in NoticeTexts.__slots__},
            "purposes": [
                {
                    "id": entry.id,
                    "basis": entry.basis,
                    "name": entry.name,
                    "description": entry.description,
                    "topics": [
                        {"id": topic.id, "parent": topic.parent, "name": topic.name}
                        for topic in entry.topics
                    ],
                }
                for entry in self.entries
            ],
            "names": [
                {
                    "party": str(reached.named.party),
                    "entity": reached.named.entity,
                    "name": reached.name,
                    "entity_name": reached.entity,
                }
                for reached in self.reaches
            ],
        }

    def ref(self) -> NoticeRef:
        """What a decision keeps of it."""
        return NoticeRef(
            id=self.id,
            version=self.version,
            language=self.language,
            digest=self.digest,
            names=self.names,
            attaches_to_account=self.attaches_to_account,
        )
