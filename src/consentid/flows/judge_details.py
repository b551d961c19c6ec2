"""Judge what a client asks for in ``authorization_details``, wherever it asks.

A client asks for what its party asks consent for, within its registration; a partner's also on
behalf of the brands that its file lists.  Spec: RFC 9396.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consentid.brandbook.book import Book
from consentid.core.catalogue import find_terms, offered
from consentid.core.purpose import LegalBasis, PurposeId, is_within
from consentid.flows.target import default_audience
from consentid.oidc import authorization_details
from consentid.oidc.authorization_details import BrandTerms
from consentid.store.clients import Client

DETAILS: Final = "authorization_details"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDetails:
    """Details that may be answered."""

    encoded: bytes
    purposes: tuple[str, ...]
    resource: str | None
    """What the tokens will be meant for, where the request or the details name it."""
    on_behalf_of: str | None
    """The brand that a partner asks for; None where the client asks for itself."""


def judge_details(
    book: Book,
    client: Client,
    unverified: str,
    *,
    resource: str | None,
    may_name_brands: bool = True,
) -> JudgedDetails:
    """Judge the details of a request that is meant for ``resource``, where it says so.

    Raises:
        RefusedRequestError: ``invalid_authorization_details``.
    """
    details = authorization_details.parse(
        unverified,
        allowed=_allowed(book, client),
        audience=resource or default_audience(book, client),
        catalogue=book.catalogue.version,
        brands=_brands(book, client) if may_name_brands else {},
    )
    brand = authorization_details.brand_of(details)
    # Details that name a location are granted for that one, whatever /token is asked for.
    own = authorization_details.location_of(details) if brand is None else None
    return JudgedDetails(
        encoded=authorization_details.encode(details),
        purposes=authorization_details.purposes_of(details),
        resource=resource or own,
        on_behalf_of=brand,
    )


def _allowed(book: Book, client: Client) -> frozenset[PurposeId]:
    """What a client may ask for: what its party asks consent for, within its registration."""
    within = client.registration.purposes
    return frozenset(
        purpose
        for purpose in offered(book.catalogue, client.party)
        if (terms := find_terms(book.catalogue, client.party, purpose)) is not None
        and terms.basis is LegalBasis.CONSENT
        and (within is None or any(is_within(purpose, PurposeId(each)) for each in within))
    )


def _brands(book: Book, client: Client) -> Mapping[str, BrandTerms]:
    """The brands that a partner's client may name, and what it may ask on behalf of each."""
    profile = book.find_profile(client.party)
    if profile is None:
        return {}
    within = client.registration.purposes
    parties = {party.slug: party for party in book.catalogue.parties}
    return {
        slug: BrandTerms(
            audience=book.catalogue.parties[parties[slug]].audience,
            allowed=frozenset(
                purpose
                for purpose in offered(book.catalogue, parties[slug])
                if any(is_within(purpose, each) for each in profile.asks_for.get(slug, ()))
                and (terms := find_terms(book.catalogue, parties[slug], purpose)) is not None
                and terms.basis is LegalBasis.CONSENT
                and (within is None or any(is_within(purpose, PurposeId(each)) for each in within))
            ),
        )
        for slug in (*profile.asks_for, *profile.receives)
        if slug in book.brands
    }
