"""``/v1/receipts/...``: the receipt of a decision, once more; ``/schema/receipt``: what it says."""

from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from consentid.brandbook.client import Scope
from consentid.flows.authenticate import Caller
from consentid.flows.complete_receipt import show_receipt
from consentid.flows.context import Context
from consentid.tokens.receipt import Receipt
from consentid.tokens.receipt_context import PATH, link_to
from consentid.tokens.receipt_context import context as meaning
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import DOCUMENT_PROBLEMS, FOUND_PROBLEMS

_LINKED_DATA: Final = "application/ld+json"
_NO_STORE: Final = {"Cache-Control": "no-store"}


@get(
    "/v1/receipts/{decision:str}",
    guards=[bearer_guard],
    opt={SCOPE: Scope.DECISIONS_READ, QUERY: frozenset[str]()},
    tags=["Decisions"],
    summary="The receipt of a decision, with its proof",
    responses=FOUND_PROBLEMS,
)
async def get_receipt(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    decision: Annotated[str, PathParameter(max_length=64)],
) -> Response[Receipt]:
    """Of a decision that a client of the caller's brand or partner handed in.

    `decision` is the id that it was answered with. Within about a second of the decision the log
    has it, and from then on the receipt carries `proof` (C2SP tlog-proof).
    """
    receipt = await show_receipt(context, caller, unverified_decision=decision)
    return Response(receipt, headers={**_NO_STORE, "Link": link_to(receipt.issuer)})


@get(
    PATH,
    tags=["Decisions"],
    summary="What a receipt's members mean, as a JSON-LD context",
    security=[{}],
    media_type=_LINKED_DATA,
    responses=DOCUMENT_PROBLEMS,
)
async def get_receipt_context(context: NamedDependency[Context]) -> Response[dict[str, Any]]:
    """In the terms of the W3C Data Privacy Vocabulary where it has one."""
    async with context.database.glancing() as connection:
        book = await context.book(connection)
    return Response(
        meaning(book.group.issuer, book.brands),
        media_type=_LINKED_DATA,
        headers={"Cache-Control": "public, max-age=300"},
    )
