"""``/operations/support``: an agent types a person's code, and sees once what they chose."""

import logging
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.flows.context import Context
from consentid.flows.look_up_person import SUPPORT, LookedUp
from consentid.flows.open_decision import Unreadable
from consentid.flows.staff import Staff
from consentid.kit.errors import MalformedError, NotFoundError, RateLimitedError
from consentid.web.pages.operations import Tab
from consentid.web.pages.operations_support import ShownPerson, SupportView
from consentid.web.pages.operations_view import moment_of
from consentid.web.pages.operations_visit import OVER, PATH, PATHS, Visit, open_visit
from consentid.web.pages.preferences_list_views import decision_item, unreadable_item
from consentid.web.pages.preferences_view import sections_of
from consentid.web.pages.preferences_visit import go
from consentid.web.support_guesses import look_up_counted

_PAGE, _VERB = PATHS[Tab.SUPPORT]
_log: Final = logging.getLogger("consentid.operations")


@get(_PAGE, include_in_schema=False)
async def get_support_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """The field for a code."""
    visit = await open_visit(request, context)
    staff = visit.staff
    if staff is None:
        return go(PATH)
    staff.check(_VERB)
    return visit.respond(_view(visit, staff))


@post(_PAGE, status_code=200, include_in_schema=False)
async def post_support_page(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Show whose code it is.  The answer is the page itself: it can be asked for once."""
    visit = await open_visit(request, context)
    fields = visit.read_form()
    staff = visit.staff
    if staff is None:
        return go(f"{PATH}?{OVER}=1")
    staff.check(_VERB)
    if not fields.keys() <= {"code"}:
        raise MalformedError("form_malformed", "This is not a form of ours.")
    try:
        found = await look_up_counted(
            context, fields.get("code", ""), by=staff.by, reader=SUPPORT, languages=[visit.language]
        )
    except RateLimitedError:
        _log.warning("too many codes for support were tried")
        view = _view(visit, staff, is_too_many=True)
        return visit.respond(view, HTTPStatus.TOO_MANY_REQUESTS)
    except NotFoundError:
        _log.warning("a code for support that shows nobody was tried")
        return visit.respond(_view(visit, staff, is_wrong=True))
    _log.warning("support looked at somebody's choices, by their code")
    return visit.respond(_view(visit, staff, person=_shown(found)))


def _view(
    visit: Visit,
    staff: Staff,
    *,
    person: ShownPerson | None = None,
    is_wrong: bool = False,
    is_too_many: bool = False,
) -> SupportView:
    return SupportView(
        frame=visit.frame(_PAGE),
        desk=visit.desk(staff, Tab.SUPPORT),
        action=_PAGE,
        person=person,
        is_wrong=is_wrong,
        is_too_many=is_too_many,
    )


def _shown(found: LookedUp) -> ShownPerson:
    page = found.overview.page
    return ShownPerson(
        is_account=found.is_account,
        at=moment_of(page.now),
        sections=sections_of(found.overview),
        decisions=[
            unreadable_item(each)
            if isinstance(each, Unreadable)
            else decision_item(page.book, page.language, each)
            for each in found.history
        ],
    )
