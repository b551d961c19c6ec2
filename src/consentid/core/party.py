"""Who is asked: a brand of the group or a partner outside it, and how far a decision reaches."""

from enum import StrEnum
from typing import NewType, TypeAlias

import msgspec

Slug = NewType("Slug", str)
"""A brand's or partner's name in files and URLs, never reused."""

LegalEntity = NewType("LegalEntity", str)
"""The identifier of a controller: the undertaking that answers for a brand or partner."""


class PartyKind(StrEnum):
    """Which of the two."""

    BRAND = "brand"
    PARTNER = "partner"


class Party(msgspec.Struct, frozen=True, kw_only=True, order=True, cache_hash=True):
    """A brand or a partner."""

    kind: PartyKind
    slug: Slug

    def __str__(self) -> str:  # pyright: ignore[reportImplicitOverride] typing.override is 3.12's
        """``brand/news`` or ``partner/reach``: the pairwise sector's and the ledger's form."""
        return f"{self.kind}/{self.slug}"


class Named(msgspec.Struct, frozen=True, kw_only=True, order=True, cache_hash=True):
    """A party together with the legal entity it had when a notice named it."""

    party: Party
    entity: LegalEntity


class ReachKind(StrEnum):
    """Where a decision holds."""

    GROUP = "group"
    BRAND = "brand"
    PARTNER = "partner"


Reach: TypeAlias = Party | None
"""Where a decision holds: ``None`` is the group, otherwise one brand or one partner."""


def reach_kind(reach: Reach) -> ReachKind:
    """The kind alone."""
    return ReachKind.GROUP if reach is None else ReachKind(reach.kind)


def can_cover(reach: Reach, party: Party) -> bool:
    """Whether a grant of this reach can ever cover the party: a group grant covers no partner."""
    return party.kind is PartyKind.BRAND if reach is None else party == reach


def find_party(text: str) -> Party | None:
    """The party that ``brand/news`` or ``partner/reach`` names; None for another text."""
    kind, _, slug = text.partition("/")
    return Party(kind=PartyKind(kind), slug=Slug(slug)) if slug and kind in set(PartyKind) else None
