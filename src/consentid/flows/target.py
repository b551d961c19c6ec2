"""Which audience a client's tokens are meant for, where nobody names one.  Spec: RFC 8707."""

from consentid.brandbook.book import Book
from consentid.store.clients import Client


def default_audience(book: Book, client: Client) -> str | None:
    """The client's own, else the first of its brand's or partner's.

    None where its brand or partner has left the catalogue, or gave that audience up.
    """
    terms = book.catalogue.parties.get(client.party)
    if terms is None:
        return None
    own = client.registration.audience or terms.audience
    return own if own in terms.audiences else None
