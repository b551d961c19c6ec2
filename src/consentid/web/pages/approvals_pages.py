"""``/approvals``: a person who is signed in finds what agents ask, and answers or reports it.

Showing decides nothing.  To answer leads to the page on which everything is answered; to report is
one act.  Spec: OpenID CIBA Core 1.0 section 8.
"""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from consentid.brandbook.book import Book, Profile
from consentid.cache.limits import Limit
from consentid.core.catalogue import find_terms
from consentid.core.party import Party, PartyKind
from consentid.core.purpose import PurposeId
from consentid.flows import portal_login
from consentid.flows.answer_approval import ApprovalOutcome
from consentid.flows.approval import PAGE
from consentid.flows.context import Context
from consentid.flows.find_approvals import WaitingApproval, show_approvals
from consentid.flows.open_approval import look_at, report
from consentid.flows.portal_login import ToApprovals
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import MINUTE, Instant
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.pages.approvals import NAME, ApprovalItem, ApprovalsView
from consentid.web.pages.consent_view import today
from consentid.web.pages.forgery import check_same_origin, form_token
from consentid.web.pages.hub_visit import LANGUAGE, HubVisit, malformed, open_hub_visit
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.preferences_visit import go
from consentid.web.pages.rendering import respond

_ABOUT: Final = "approvals"
_ACT: Final = "act"
_VISITS: Final = Limit(name="approval_visits", most=300, window_s=60)
_MESSAGES: Final = {
    ApprovalOutcome.APPROVED: Message.APPROVAL_GIVEN,
    ApprovalOutcome.DENIED: Message.APPROVAL_DENIED,
    ApprovalOutcome.REPORTED: Message.APPROVAL_REPORTED,
}


@get(PAGE, include_in_schema=False)
async def get_approvals(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Show what waits for whoever is signed in."""
    visit = await _visit(request, context)
    found = await show_approvals(context, visit.browser)
    is_signed_in = found.visitor.login is not None
    can_sign_in = context.settings.portal_client_secret is not None and not is_signed_in
    address = f"{PAGE}?{LANGUAGE}={visit.language}"
    items = (_item(visit, found.book, each, now=found.now) for each in found.waiting)
    return visit.answer(
        respond(
            ApprovalsView(
                frame=visit.frame(PAGE),
                action=address,
                form_token=form_token(visit.secret, _ABOUT),
                items=tuple(items),
                is_signed_in=is_signed_in,
                sign_in_path=f"{PAGE}/sign-in?{LANGUAGE}={visit.language}" if can_sign_in else None,
                again_path=address,
            )
        )
    )


@post(PAGE, status_code=HTTPStatus.OK, include_in_schema=False)
async def post_approvals(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Lead on to one question, or take it that it is none of theirs."""
    visit = await _visit(request, context)
    fields = visit.read_form(about=_ABOUT, known=(NAME, _ACT))
    match fields.get(_ACT):
        case "look":
            interaction = await look_at(context, fields.get(NAME, ""), visit.browser)
            return go(f"/interaction/{interaction}?{LANGUAGE}={visit.language}")
        case "report":
            await report(context, fields.get(NAME, ""), visit.browser)
            return go(f"{PAGE}/{ApprovalOutcome.REPORTED}?{LANGUAGE}={visit.language}")
        case _:
            raise malformed()


@get(f"{PAGE}/sign-in", include_in_schema=False)
async def get_approvals_sign_in(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Hand over to the portal; the person comes back to the page.

    A link rather than a form: browsers would hold the portal's own redirects to ``form-action``.
    """
    visit = await _visit(request, context)
    check_same_origin(request, issuer=visit.book.group.issuer)

    async def start() -> str:
        async with context.database.writing() as connection:
            return await portal_login.start(
                context,
                connection,
                browser=visit.browser,
                back=ToApprovals(language=visit.language),
                ui_locales=[visit.language],
            )

    return visit.answer(go(await portal_login.asking_the_portal(start)))


@get(f"{PAGE}/{{outcome:str}}", include_in_schema=False)
async def get_approval_outcome(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    outcome: Annotated[str, PathParameter(max_length=16)],
) -> Response[Any]:
    """Say what came of it.  The page knows of no question: anybody may look at it."""
    visit = await _visit(request, context)
    told = next((each for each in ApprovalOutcome if each == outcome), None)
    if told is None:
        raise NotFoundError("not_found", "There is nothing at this address.")
    return respond(
        MessageView(
            frame=visit.frame(f"{PAGE}/{told}"),
            message=_MESSAGES[told],
            is_good=told is not ApprovalOutcome.DENIED,
        )
    )


async def _visit(request: Request[Any, Any, Any], context: Context) -> HubVisit:
    await context.limiter.check(_VISITS, network_of(request), now_s=wall_clock_s())
    return await open_hub_visit(request, context)


def _item(visit: HubVisit, book: Book, found: WaitingApproval, *, now: Instant) -> ApprovalItem:
    asker, whom = _profile(book, found.client.party), _profile(book, found.answered_for)
    purposes = tuple(map(PurposeId, found.task.purposes))
    return ApprovalItem(
        name=found.name,
        asker=asker.name,
        entity=asker.entity.name,
        for_whom=None if whom is asker else whom.name,
        for_entity=whom.entity.name,
        is_partner=found.client.party.kind is PartyKind.PARTNER,
        purposes=tuple(
            book.texts_of(found.answered_for, each, visit.language).name for each in purposes
        ),
        until=_until(book, found.answered_for, purposes),
        message=found.task.message,
        is_captured=found.task.capture is not None,
        minutes=max(1, -(-(found.expires_at - now) // MINUTE)),
    )


def _until(book: Book, party: Party, purposes: tuple[PurposeId, ...]) -> date | None:
    """When the last yes given today would end by itself."""
    terms = (find_terms(book.catalogue, party, each) for each in purposes)
    ends = [today() + timedelta(seconds=each.validity_s) for each in terms if each is not None]
    return max(ends, default=None)


def _profile(book: Book, party: Party) -> Profile:
    profile = book.find_profile(party)
    if profile is None:
        msg = "a party of the catalogue has no profile"
        raise RuntimeError(msg)
    return profile
