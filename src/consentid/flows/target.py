"""Which audiences a client's tokens may be meant for.  Spec: RFC 8707."""

from collections.abc import Sequence

from consentid.brandbook.book import Book
from consentid.oidc.refusal import RefusedRequestError
from consentid.store.clients import Client


def default_audience(book: Book, client: Client) -> str | None:
    """Where nobody names one: the client's own, else the first of its brand's or partner's.

    None where its brand or partner has left the catalogue, or gave that audience up.
    """
    terms = book.catalogue.parties.get(client.party)
    if terms is None:
        return None
    own = client.registration.audience or terms.audience
    return own if own in terms.audiences else None


def registered_audiences(book: Book, client: Client) -> Sequence[str]:
    """Those that a request may name as ``resource``.

    Raises:
        RefusedRequestError: ``unauthorized_client`` where the client's party has left.
    """
    terms = book.catalogue.parties.get(client.party)
    if terms is None:
        raise RefusedRequestError(
            "unauthorized_client", "This client's brand or partner is in no catalogue."
        )
    return terms.audiences
