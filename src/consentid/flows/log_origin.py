"""What the log is called: in each leaf, in each checkpoint, in each receipt."""

from consentid.brandbook.book import Book
from consentid.flows.context import Context
from consentid.ledger.leaf import origin_of


def log_origin(context: Context, book: Book) -> str:
    """The issuer's address without scheme, unless the operator named the log otherwise."""
    return context.settings.ledger_origin or origin_of(book.group.issuer)
