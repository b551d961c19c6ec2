"""Reading which cookies a party's own pages set for a purpose, to be cleared when it ends."""

from collections.abc import Mapping, Sequence

from consentid.brandbook import form
from consentid.brandbook.overrides import Standing, find_purpose
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table
from consentid.core.catalogue import Catalogue, find_terms
from consentid.core.party import Party
from consentid.core.purpose import LegalBasis, PurposeId

_REFUSABLE = frozenset({LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST})


def read_cookies(table: Table, standing: Standing) -> Mapping[PurposeId, tuple[str, ...]]:
    """Read ``[cookies]``: by purpose, names and prefixes that end in ``*``."""
    found = {
        slug: (find_purpose(table, slug, standing, (slug,)), table.texts(slug, form.COOKIE))
        for slug in table
    }
    for slug in found:
        if table.take(slug) == []:
            table.tell(Rule.POINTLESS, "this names no cookie", "remove it, or name one", slug)
    return {purpose: names for purpose, names in found.values() if purpose is not None and names}


def check_cookies(
    table: Table,
    party: Party,
    catalogue: Catalogue,
    cookies: Mapping[PurposeId, Sequence[str]],
) -> None:
    """Note cookies of what the party does not do, or of what nobody can end.

    ``table`` is the party's own file.
    """
    for purpose in cookies:
        terms = find_terms(catalogue, party, purpose)
        if terms is None:
            message = f'{party.slug} does not offer "{purpose}", so nothing sets these cookies'
        elif terms.basis not in _REFUSABLE:
            message = (
                f'"{purpose}" rests on {terms.basis}: nobody can end it, and nothing is cleared'
            )
        else:
            continue
        table.tell(Rule.POINTLESS, message, "remove it", "cookies", purpose)
