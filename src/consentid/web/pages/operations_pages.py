"""``/operations``: whether changes arrive everywhere, for staff whose role may see it.

Everything that changes something is a form of ours, asks for a role of its own, and is in the
ledger with whoever did it.
"""

import logging
from typing import Any, Final, assert_never

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.flows.context import Context
from consentid.flows.manage_webhooks import enable_webhook, redrive_webhook
from consentid.flows.show_operations import show_operations
from consentid.flows.staff import Verb
from consentid.flows.try_endpoint import office_of, try_now
from consentid.kit.errors import MalformedError
from consentid.net.webhook_sender import Delivered
from consentid.web.pages.operations import Act, Did, OperationsView, Tab
from consentid.web.pages.operations_view import moment_of, system_items
from consentid.web.pages.operations_visit import OVER, PATH, first_path, open_visit
from consentid.web.pages.preferences_visit import go

_DID: Final = "did"
_TO: Final = "to"
_MAX_NUMBER: Final = 9
_VERBS: Final = {Act.REDRIVE: Verb.REDRIVE, Act.ENABLE: Verb.ENABLE, Act.TEST: Verb.TEST}
_log: Final = logging.getLogger("consentid.operations")


@get(PATH, include_in_schema=False)
async def get_operations(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """The page, the way in, or the first page that somebody may see."""
    visit = await open_visit(request, context)
    staff = visit.staff
    if staff is None:
        return visit.ask_to_sign_in()
    if not staff.may(Verb.SEE_DELIVERIES):
        return go(first_path(staff))
    found = await show_operations(context)
    items = system_items(found)
    did, to = visit.parameter(_DID), visit.parameter(_TO)
    return visit.respond(
        OperationsView(
            frame=visit.frame(),
            desk=visit.desk(staff, Tab.DELIVERIES),
            action=PATH,
            acts=frozenset(act for act, verb in _VERBS.items() if staff.may(verb)),
            systems=items,
            now=moment_of(found.now),
            deadline_min=max(1, context.settings.confirm_within_s // 60),
            did=next((each for each in Did if each == did), None),
            did_to=next((each for each in items if str(each.number) == to), None),
        )
    )


@post(PATH, include_in_schema=False)
async def post_operations(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Do what a button says, to one endpoint."""
    visit = await open_visit(request, context)
    fields = visit.read_form()
    staff = visit.staff
    if staff is None:
        return go(f"{PATH}?{OVER}=1")
    act, number = _read_act(fields)
    staff.check(_VERBS[act])
    _log.warning("an operator asks to %s endpoint %d", act, number)
    office = office_of(context, staff.by)
    match act:
        case Act.REDRIVE:
            await redrive_webhook(office, number)
            did = Did.REDRIVEN
        case Act.ENABLE:
            await enable_webhook(office, number)
            did = Did.ENABLED
        case Act.TEST:
            issuer = visit.book.group.issuer
            did = _did(await try_now(office, context.settings, number, issuer=issuer))
        case _:
            assert_never(act)
    return go(f"{PATH}?{_DID}={did}&{_TO}={number}")


def _read_act(fields: dict[str, str]) -> tuple[Act, int]:
    act, _, number = fields.get("act", "").partition(" ")
    is_number = number.isascii() and number.isdigit() and len(number) <= _MAX_NUMBER
    if fields.keys() != {"act"} or act not in set(Act) or not is_number:
        raise MalformedError("form_malformed", "This is not a form of ours.")
    return Act(act), int(number)


def _did(delivered: Delivered) -> Did:
    if delivered.is_taken:
        return Did.TEST_TAKEN
    return Did.TEST_REFUSED if delivered.outcome.isdigit() else Did.TEST_UNHEARD
