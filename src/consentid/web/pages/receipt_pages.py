"""``/verify-receipt``: a receipt pasted or handed over as a file, checked and forgotten.

No cookie is read and nothing is kept or logged of it, so whoever sends the form from elsewhere has
it checked as well.
"""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.judge_receipt import JudgedReceipt, judge_receipt
from consentid.flows.own_history import OwnDecision
from consentid.kit.errors import MalformedError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.catalogue import accepted_languages
from consentid.web.multipart import parse_multipart
from consentid.web.pages.frame import frame_of
from consentid.web.pages.preferences_list_views import decision_item
from consentid.web.pages.receipt import CheckedReceipt, ReceiptMistake, VerifyReceiptView
from consentid.web.pages.rendering import respond
from consentid.web.pages.words import choose_language
from consentid.web.strict_bodies import body_of

PATH: Final = "/verify-receipt"
_CHECKS: Final = Limit(name="receipt_checks", most=120, window_s=60)
_TEXT: Final = "receipt"
_FILE: Final = "file"


@get(PATH, include_in_schema=False)
async def get_verify_receipt(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[str]:
    """The form."""
    return respond(await _view(request, context))


@post(PATH, include_in_schema=False, status_code=200)
async def post_verify_receipt(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[str]:
    """How the checks went."""
    await context.limiter.check(_CHECKS, network_of(request), now_s=wall_clock_s())
    fields = parse_multipart(body_of(request) or b"", request.headers.get("content-type", ""))
    if not fields.keys() <= {_TEXT, _FILE}:
        raise MalformedError("form_malformed", "This is not a form of ours.")
    if len(fields) != 1:
        mistake = ReceiptMistake.BOTH if fields else ReceiptMistake.NOTHING
        return respond(await _view(request, context, mistake=mistake))
    (unverified,) = fields.values()
    return respond(await _view(request, context, await judge_receipt(context, unverified)))


async def _view(
    request: Request[Any, Any, Any],
    context: Context,
    judged: JudgedReceipt | None = None,
    *,
    mistake: ReceiptMistake | None = None,
) -> VerifyReceiptView:
    async with context.database.reading() as connection:
        book = await context.book(connection)
    preferred = accepted_languages(request.headers.get("accept-language", ""))
    wanted = [*request.query_params.getall("lang", [])[:1], *preferred]
    language = choose_language(wanted, book.group.languages)
    return VerifyReceiptView(
        frame=frame_of(book, None, language, path=PATH),
        action=f"{PATH}?lang={language}",
        checked=None if judged is None else _checked(judged, language),
        mistake=mistake,
    )


def _checked(judged: JudgedReceipt, language: str) -> CheckedReceipt:
    found, decision = judged.findings, judged.decision
    entry = None
    controllers: tuple[str, ...] = ()
    if decision is not None and found.receipt is not None:
        own = OwnDecision(decision=decision, party=None)
        entry = decision_item(judged.book, language, own)
        names = [each.get("legal_entity", "") for each in found.receipt.controllers]
        controllers = tuple(dict.fromkeys(names))
    return CheckedReceipt(
        verdict=found.verdict, checks=found.checks, entry=entry, controllers=controllers
    )
