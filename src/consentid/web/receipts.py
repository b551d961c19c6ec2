"""``/v1/receipts/...``: the receipt of a decision, once more and with its proof."""

from typing import Annotated, Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from consentid.brandbook.client import Scope
from consentid.flows.authenticate import Caller
from consentid.flows.complete_receipt import show_receipt
from consentid.flows.context import Context
from consentid.tokens.receipt import Receipt
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import FOUND_PROBLEMS

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
    return Response(receipt, headers=dict(_NO_STORE))
