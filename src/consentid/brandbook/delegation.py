"""Reading what a partner may ask on behalf of brands, and refusing what no brand would ask."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from consentid.brandbook import form
from consentid.brandbook.overrides import Standing, find_purpose
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table, suggest
from consentid.core.catalogue import Catalogue, find_terms
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import LegalBasis, PurposeId


def read_asks_for(table: Table, standing: Standing) -> Mapping[Slug, tuple[PurposeId, ...]]:
    """Read ``[asks_for]``: by brand, the purposes, each with all that lies below."""
    found: dict[Slug, tuple[PurposeId, ...]] = {}
    for slug in table:
        brand = Party(kind=PartyKind.BRAND, slug=Slug(slug))
        purposes = (
            find_purpose(table, text, replace(standing, party=brand), (slug, index))
            for index, text in enumerate(table.texts(slug, form.PURPOSE, required=True))
        )
        found[brand.slug] = tuple(id_ for id_ in purposes if id_ is not None)
    table.close()
    return found


def check_asks_for(
    table: Table, catalogue: Catalogue, asks_for: Mapping[Slug, Sequence[PurposeId]]
) -> None:
    """Note brands that there are not, and what a brand asks nobody's consent for.

    ``table`` is the partner's own file.
    """
    brands = {party.slug: party for party in catalogue.parties if party.kind is PartyKind.BRAND}
    for slug, purposes in asks_for.items():
        brand = brands.get(slug)
        if brand is None:
            table.tell(
                Rule.UNKNOWN_PARTY,
                f'there is no brand "{slug}"',
                suggest(slug, brands),
                "asks_for",
                slug,
            )
            continue
        for purpose in purposes:
            terms = find_terms(catalogue, brand, purpose)
            if terms is None or terms.basis is not LegalBasis.CONSENT:
                table.tell(
                    Rule.POINTLESS,
                    f'{slug} asks nobody\'s consent to "{purpose}"',
                    "remove it, or name what the brand asks",
                    "asks_for",
                    slug,
                )
