"""Why data is processed: slugs in a tree.

Dots make the tree (``ads``, ``ads.personalised``); a brand-only purpose carries its brand in front
(``shop:loyalty``, ``shop:loyalty.tier``); the root ``*`` is the ancestor of all and exists for
refusals only.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NewType

from consentid.core.party import Slug

PurposeId = NewType("PurposeId", str)

ROOT: Final = PurposeId("*")

MAX_LENGTH: Final = 64
_SEGMENT: Final = r"[a-z](?:[a-z0-9]|_(?!_)){0,30}"
_FORM: Final = re.compile(
    rf"(?:[a-z][a-z0-9-]{{0,30}}:)?{_SEGMENT}(?:\.{_SEGMENT}){{0,5}}", re.ASCII
)


class LegalBasis(StrEnum):
    """The legal bases of GDPR art. 6(1)."""

    CONSENT = "consent"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"


def is_well_formed(text: str) -> bool:
    """Whether the text is a purpose's slug (the root is not)."""
    return len(text) <= MAX_LENGTH and _FORM.fullmatch(text) is not None


def brand_of(purpose: PurposeId) -> Slug | None:
    """The brand whose own purpose this is; None for a purpose of the group."""
    brand, colon, _ = purpose.partition(":")
    return Slug(brand) if colon else None


def parent_of(purpose: PurposeId) -> PurposeId | None:
    """One step up the tree; a top-level purpose's parent is the root, the root has none."""
    if purpose == ROOT:
        return None
    head, dot, _ = purpose.rpartition(".")
    return PurposeId(head) if dot else ROOT


@lru_cache(maxsize=4096)
def lineage(purpose: PurposeId) -> tuple[PurposeId, ...]:
    """The purpose itself, its ancestors upwards, and the root last."""
    found: list[PurposeId] = [purpose]
    while (above := parent_of(found[-1])) is not None:
        found.append(above)
    return tuple(found)


def is_within(purpose: PurposeId, ancestor: PurposeId) -> bool:
    """Whether ``purpose`` is ``ancestor`` itself or one of its descendants."""
    return ancestor in (ROOT, purpose) or purpose.startswith(f"{ancestor}.")
