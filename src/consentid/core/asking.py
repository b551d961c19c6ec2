"""Why a person is asked about a purpose now, in terms of what they answered before.

Whether one may ask is ``Resolution.may_ask``; this only says what is new since the last answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from consentid.core.catalogue import Catalogue, find_terms
from consentid.core.explanation import Why, explain
from consentid.core.party import Party, Reach
from consentid.core.projection import Grant, Key, Projection
from consentid.core.purpose import PurposeId, lineage
from consentid.core.resolution import Resolution
from consentid.kit.instants import Instant


class Reason(StrEnum):
    """Why a purpose is asked about now."""

    FIRST = "first"
    """Nothing was ever answered."""
    NEW_PURPOSE = "new_purpose"
    """It did not exist when the person last answered here."""
    NEW_BRAND = "new_brand"
    """The person answered elsewhere in the group, not yet for this brand or partner."""
    NEW_ENTITY = "new_entity"
    """Another legal entity answers for the asked now, to which nobody said yes."""
    OWN = "own"
    """The brand asks for itself, whatever was granted to the group."""
    EXPIRED = "expired"
    """A yes ran out."""
    CHANGED = "changed"
    """What it means was materially changed since the answer."""
    LONG_AGO = "long_ago"
    """A no is older than it is remembered for."""
    IN_DOUBT = "in_doubt"
    """A yes and a no came in, and which was the later cannot be told."""
    UNANSWERED = "unanswered"
    """Nothing of it was answered, though other things were."""
    SHOWN_AGAIN = "shown_again"
    """An answer stands; somebody wants it shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Why, and since when."""

    reason: Reason
    at: Instant | None = None
    """When a yes ran out, or when the answer was given that counts no more."""


_FIRST: Final = Asking(reason=Reason.FIRST)


def find_reason(  # noqa: PLR0911 - one answer per reason
    found: Resolution,
    projection: Projection,
    catalogue: Catalogue,
    asked: Party,
    purpose: PurposeId,
    *,
    adult: bool,
) -> Asking:
    """Say why the purpose is asked about, ``found`` being what holds by the same projection."""
    if projection.is_empty:
        return _FIRST
    if not found.may_ask:
        return Asking(reason=Reason.SHOWN_AGAIN)
    if found.in_doubt:
        return Asking(reason=Reason.IN_DOUBT)
    told = explain(found, projection, catalogue, asked, purpose, adult=adult)
    match told.why:
        case Why.EXPIRED:
            return Asking(reason=Reason.EXPIRED, at=told.at)
        case Why.OUTDATED:
            return Asking(reason=Reason.CHANGED, at=told.at)
        case Why.FORGOTTEN:
            is_changed = _is_revised_since(found, catalogue, asked, purpose)
            return Asking(reason=Reason.CHANGED if is_changed else Reason.LONG_AGO, at=told.at)
        case Why.OWN:
            return Asking(reason=Reason.OWN)
        case _:
            return Asking(reason=_never_answered(projection, catalogue, asked, purpose))


def _is_revised_since(
    found: Resolution, catalogue: Catalogue, asked: Party, purpose: PurposeId
) -> bool:
    terms = find_terms(catalogue, asked, purpose)
    return terms is not None and all(
        refusal.catalogue < terms.revised_in for refusal in found.speaking
    )


def _never_answered(
    projection: Projection, catalogue: Catalogue, asked: Party, purpose: PurposeId
) -> Reason:
    entity = catalogue.parties[asked].entity
    if any(
        grant.named.party == asked and grant.named.entity != entity
        for key in _keys(projection, asked, purpose)
        for grant in key.grants.values()
    ):
        return Reason.NEW_ENTITY
    here = [
        fact.catalogue
        for reach in (None, asked)
        for key in projection.keys.get(reach, {}).values()
        for fact in (*_grants_naming(key, asked, reach), *key.refusals.values())
    ]
    if not here:
        return Reason.NEW_BRAND
    terms = find_terms(catalogue, asked, purpose)
    is_new = terms is not None and terms.revised_in > max(here)
    return Reason.NEW_PURPOSE if is_new else Reason.UNANSWERED


def _grants_naming(key: Key, asked: Party, reach: Reach) -> Iterator[Grant]:
    return (
        grant for grant in key.grants.values() if reach is not None or grant.named.party == asked
    )


def _keys(projection: Projection, asked: Party, purpose: PurposeId) -> Iterator[Key]:
    for reach in (None, asked):
        purposes = projection.keys.get(reach, {})
        for id_ in lineage(purpose):
            if id_ in purposes:
                yield purposes[id_]
