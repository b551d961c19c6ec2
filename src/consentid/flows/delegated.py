"""What a brand was granted of that which a partner asked on its behalf."""

from collections.abc import Sequence

from consentid.brandbook.book import Book
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.session import Session, granted_of
from consentid.kit.instants import Instant
from consentid.oidc import authorization_details
from consentid.oidc.authorization_details import ConsentRequest


def grant_for_brand(
    book: Book, session: Session, details: Sequence[ConsentRequest], now: Instant
) -> tuple[ConsentRequest, ...]:
    """The details as granted to the brand that they name; none where it has left."""
    slug = authorization_details.brand_of(details)
    if slug is None:
        return ()
    brand = Party(kind=PartyKind.BRAND, slug=Slug(slug))
    terms = book.catalogue.parties.get(brand)
    if terms is None:
        return ()
    purposes = authorization_details.purposes_of(details)
    return authorization_details.grant(
        details,
        granted=granted_of(book, session, brand, purposes, now),
        audience=terms.audience,
        catalogue=book.catalogue.version,
    )
