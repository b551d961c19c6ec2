"""For whom a client may capture what people say, and about what."""

from collections.abc import Iterable

from consentid.brandbook.book import Book
from consentid.core.party import Party, PartyKind
from consentid.core.purpose import PurposeId, is_within
from consentid.flows.show_state import require_party
from consentid.kit.errors import ForbiddenError
from consentid.store.clients import Client


def check_captured(book: Book, client: Client, asked: Party, purposes: Iterable[PurposeId]) -> None:
    """Insist that a client may capture this: for its own, or for a brand that lets its partner.

    Raises:
        ForbiddenError: the party is another's, the purpose is not within what the client's
            registration or the partner's file names, or the party has left.
    """
    require_party(book, client.party)
    within = client.registration.purposes
    allowed = None if within is None else frozenset(map(PurposeId, within))
    if asked != client.party:
        profile = book.partners.get(client.party.slug)
        named = None if profile is None else profile.asks_for.get(asked.slug)
        if named is None or asked.kind is not PartyKind.BRAND:
            raise ForbiddenError(
                "party_not_yours", f"This client captures nothing for {asked}.", where="asked"
            )
        require_party(book, asked)
        _check_within(purposes, named)
    if allowed is not None:
        _check_within(purposes, allowed)


def _check_within(purposes: Iterable[PurposeId], allowed: Iterable[PurposeId]) -> None:
    for place, purpose in enumerate(purposes):
        if not any(is_within(purpose, each) for each in allowed):
            raise ForbiddenError(
                "purpose_not_yours",
                "This client captures nothing about this purpose.",
                where=f"choices[{place}].purpose",
            )
