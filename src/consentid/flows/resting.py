"""What tokens rest on, as kept beside them: purposes of the client's own party, or of a brand.

A client that asked for itself rests on its own party's purposes, by their names alone; one that
asked on behalf of a brand on the brand's: ``brand/shop contact.email``.  No name holds a blank.
"""

from collections.abc import Iterable
from typing import Final

from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import PurposeId

_SEPARATOR: Final = " "


def spell_resting(own: Party, answered_for: Party, purposes: Iterable[str]) -> tuple[str, ...]:
    """How purposes are kept that a client of ``own`` was granted for ``answered_for``."""
    if answered_for == own:
        return tuple(purposes)
    return tuple(f"{answered_for}{_SEPARATOR}{purpose}" for purpose in purposes)


def read_resting(own: Party, kept: str) -> tuple[Party, PurposeId]:
    """Whose purpose it is, and which."""
    where, _, purpose = kept.rpartition(_SEPARATOR)
    if not where:
        return own, PurposeId(purpose)
    kind, _, slug = where.partition("/")
    return Party(kind=PartyKind(kind), slug=Slug(slug)), PurposeId(purpose)
