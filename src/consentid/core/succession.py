"""From one applied catalogue to the next: versions, material revisions, and slugs that stay.

Old decisions speak in slugs, so a slug keeps its meaning for ever: it may be retired, which is
written down, and is then never used again.  A version remembers since when each answer counts.  A
purpose is revised when it is created and when its files raise its material edition; and for one
party when the terms that hold there become looser, by whichever rule.  So whoever answered under
older, narrower terms is asked again, and nothing they did not agree to follows from their answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from consentid.core.catalogue import Catalogue, Terms, find_terms, offered
from consentid.core.decision import CatalogueVersion
from consentid.core.party import Party
from consentid.core.purpose import LegalBasis, PurposeId, brand_of
from consentid.kit.errors import ConflictError


class BreachKind(StrEnum):
    """How a draft breaks with what was applied before."""

    REMOVED = "removed"
    """A slug is gone, and is not retired."""
    REUSED = "reused"
    """A slug is back that was retired, or stands in the files though they retire it."""
    UNRETIRED = "unretired"
    """A retirement is gone from the files."""
    BASIS = "basis"
    """The legal basis is another one."""
    LOWERED = "lowered"
    """The material edition went back."""


class Subject(StrEnum):
    """What a slug names."""

    PURPOSE = "purpose"
    PARTY = "party"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One slug of which a draft would mean something else."""

    kind: BreachKind
    subject: Subject
    slug: str


class SuccessionError(ConflictError):
    """The draft cannot follow the applied catalogue.  ``breaches`` says why, all of it."""

    def __init__(self, breaches: Sequence[Breach]) -> None:
        super().__init__(
            "catalogue_succession",
            "; ".join(f"{each.kind}: {each.subject} {each.slug}" for each in breaches),
        )
        self.breaches: tuple[Breach, ...] = tuple(breaches)


def succeed(previous: Catalogue | None, draft: Catalogue) -> Catalogue:
    """The next version; the draft's own version and revisions are replaced.

    Raises:
        SuccessionError: the draft removes, reuses or re-means a slug.
    """
    breaches = find_breaches(previous, draft) if previous is not None else ()
    if breaches:
        raise SuccessionError(breaches)
    version = CatalogueVersion(1 if previous is None else previous.version + 1)
    successor = replace(draft, version=version, revised={}, revised_for={})
    if previous is None:
        return replace(successor, revised=dict.fromkeys(draft.purposes, version))
    return replace(
        successor,
        revised=_revised(previous, successor),
        revised_for=_revised_for(previous, successor),
    )


def is_unchanged(previous: Catalogue, draft: Catalogue) -> bool:
    """Whether the draft says what was applied before, in the same order."""
    settled = replace(
        draft,
        version=previous.version,
        revised=previous.revised,
        revised_for=previous.revised_for,
    )
    return settled == previous and tuple(draft.purposes) == tuple(previous.purposes)


def find_breaches(previous: Catalogue, draft: Catalogue) -> tuple[Breach, ...]:
    """Every slug that the draft would remove, reuse or re-mean."""
    purposes = (*_of_kept(previous, draft), *_of_purposes(previous, draft))
    return tuple(
        [Breach(kind=kind, subject=Subject.PURPOSE, slug=slug) for kind, slug in purposes]
        + [
            Breach(kind=kind, subject=Subject.PARTY, slug=slug)
            for kind, slug in _of_parties(previous, draft)
        ]
    )


def _of_kept(previous: Catalogue, draft: Catalogue) -> Iterator[tuple[BreachKind, str]]:
    for id_, before in previous.purposes.items():
        now = draft.purposes.get(id_)
        if now is None:
            continue
        if now.basis is not before.basis:
            yield BreachKind.BASIS, id_
        if now.material < before.material:
            yield BreachKind.LOWERED, id_


def _of_purposes(previous: Catalogue, draft: Catalogue) -> Iterator[tuple[BreachKind, str]]:
    for id_ in previous.purposes:
        # A brand's own purposes go with their brand, whose slug is never used again.
        retired = id_ in draft.retired or brand_of(id_) in draft.retired_parties
        if id_ not in draft.purposes and not retired:
            yield BreachKind.REMOVED, id_
    for id_ in draft.purposes:
        if id_ in previous.retired | draft.retired:
            yield BreachKind.REUSED, id_
    for id_ in sorted(previous.retired - draft.retired):
        yield BreachKind.UNRETIRED, id_


def _of_parties(previous: Catalogue, draft: Catalogue) -> Iterator[tuple[BreachKind, str]]:
    for party in previous.parties:
        if party not in draft.parties and party.slug not in draft.retired_parties:
            yield BreachKind.REMOVED, party.slug
    for party in draft.parties:
        if party.slug in previous.retired_parties | draft.retired_parties:
            yield BreachKind.REUSED, party.slug
    for slug in sorted(previous.retired_parties - draft.retired_parties):
        yield BreachKind.UNRETIRED, slug


def is_looser(before: Terms | None, now: Terms) -> bool:
    """Whether terms allow anything that the terms before them did not.

    Whether an assisted grant counts is no part of it: while it does not, none is recorded.
    """
    return (
        before is None
        or (before.own and not now.own)
        or (before.confirmed and not now.confirmed)
        or (before.adults_only and not now.adults_only)
        or now.validity_s > before.validity_s
        or (before.basis is LegalBasis.CONSENT and now.basis is not LegalBasis.CONSENT)
    )


def _revised(previous: Catalogue, now: Catalogue) -> Mapping[PurposeId, CatalogueVersion]:
    return {
        id_: previous.revised.get(id_, previous.version)
        if id_ in previous.purposes and purpose.material == previous.purposes[id_].material
        else now.version
        for id_, purpose in now.purposes.items()
    }


def _revised_for(
    previous: Catalogue, now: Catalogue
) -> Mapping[tuple[Party, PurposeId], CatalogueVersion]:
    kept = {
        (party, id_): version
        for (party, id_), version in previous.revised_for.items()
        if party in now.parties and id_ in now.purposes
    }
    for party in now.parties:
        # Nobody can have answered at a party that was not there.
        if party not in previous.parties:
            continue
        for id_ in offered(now, party):
            terms = find_terms(now, party, id_)
            if (
                terms is not None
                and id_ in previous.purposes
                and is_looser(find_terms(previous, party, id_), terms)
            ):
                kept[party, id_] = now.version
    return kept
