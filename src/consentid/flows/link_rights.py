"""Who may ask what by a link, and for whom: the same where one is minted and where it is opened.

Nothing here looks at who answers.
"""

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from msgspec import UNSET

from consentid.brandbook.book import Book
from consentid.brandbook.client import KeyAlgorithm, Scope
from consentid.brandbook.notice import Notice
from consentid.core.catalogue import find_terms
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import LegalBasis, PurposeId, is_within
from consentid.flows.context import Context
from consentid.kit import base64url
from consentid.links.claims import LinkClaims
from consentid.links.judging import Unsealed
from consentid.store.clients import Client
from consentid.tokens import jwks


def keys_of(
    context: Context, unsealed: Unsealed, client: Client | None
) -> Mapping[str, EllipticCurvePublicKey]:
    """The keys that may sign a client's links, by name; none for one that may not mint."""
    if client is None or Scope.LINKS_WRITE not in client.scopes:
        return {}
    if unsealed.is_by_hub:
        return context.keyring.verifying_keys()
    found = (
        _p256_key(key.members) for key in client.registration.keys if key.alg == KeyAlgorithm.ES256
    )
    return {jwks.kid_of(key): key for key in found}


def party_named(claims: LinkClaims) -> Party:
    """Whom an answer is for."""
    if claims.brand is not UNSET:
        return Party(kind=PartyKind.BRAND, slug=Slug(claims.brand))
    return Party(kind=PartyKind.PARTNER, slug=Slug(str(claims.partner)))


def may_ask(book: Book, client: Client, party: Party, purposes: Sequence[str]) -> bool:
    """Whether a client asks for itself, or as a partner what its file lists for a brand."""
    within = client.registration.purposes
    if within is not None and not _are_under(purposes, within):
        return False
    if party == client.party:
        return True
    profile = book.find_profile(client.party)
    if profile is None or (client.party.kind, party.kind) != (PartyKind.PARTNER, PartyKind.BRAND):
        return False
    return _are_under(purposes, profile.asks_for.get(party.slug, ()))


def find_asking_notice(
    book: Book, party: Party, claims: LinkClaims, *, language: str, adult: bool | None
) -> Notice | None:
    """The current notice, where it asks for consent to all that a link asks, in the words meant.

    ``adult``: whether the person is known to be one; None where nobody is there yet.
    """
    notice = book.find_notice(party.slug, language)
    if notice is None or (claims.notice is not UNSET and claims.notice != notice.version):
        return None
    for purpose in map(PurposeId, claims.purposes):
        terms = find_terms(book.catalogue, party, purpose)
        if purpose not in notice.asks or terms is None or terms.basis is not LegalBasis.CONSENT:
            return None
        if terms.adults_only and adult is False:
            return None
    return notice


def _are_under(purposes: Sequence[str], named: Sequence[str]) -> bool:
    return all(
        any(is_within(PurposeId(purpose), PurposeId(each)) for each in named)
        for purpose in purposes
    )


def _p256_key(members: Mapping[str, str]) -> EllipticCurvePublicKey:
    x, y = (int.from_bytes(base64url.decode(members[name])) for name in ("x", "y"))
    return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
