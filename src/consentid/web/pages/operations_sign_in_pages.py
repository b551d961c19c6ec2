"""The ways into the administration and out of it.

Staff are handed over to their own issuer and come back with what they are there.  Where there is no
such issuer, a code that ``consentid operations let-in`` prints is typed into a form, and is in no
address.
"""

import logging
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.let_in import let_in
from consentid.flows.portal_login import STAFF_CALLBACK
from consentid.flows.staff_session import begin_staff_login, finish_staff_login, let_out
from consentid.kit.errors import MalformedError, RateLimitedError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.cookies import Cookie
from consentid.web.forms import parse_form
from consentid.web.pages.forgery import check_same_origin
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.operations_visit import PATH, SIGN_IN, SIGN_OUT, open_visit
from consentid.web.pages.preferences_visit import go

_CODE: Final = "code"
_MAX_QUERY: Final = 16_384
_CODES: Final = Limit(name="operator_codes", most=20, window_s=600)
_SIGN_INS: Final = Limit(name="staff_sign_ins", most=120, window_s=60)
_log: Final = logging.getLogger("consentid.operations")


@get(SIGN_IN, include_in_schema=False)
async def get_staff_sign_in(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Hand over to the issuer of staff.

    A link rather than a form: browsers would hold the issuer's own redirects to ``form-action``.
    """
    visit = await open_visit(request, context)
    check_same_origin(request, issuer=visit.book.group.issuer)
    await context.limiter.check(_SIGN_INS, network_of(request), now_s=wall_clock_s())
    return visit.answer(
        go(await begin_staff_login(context, visit.browser, language=visit.language))
    )


@get(STAFF_CALLBACK, include_in_schema=False)
async def get_staff_callback(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Take somebody back from the issuer of staff.

    The session's cookie is strictly same-site, and whoever comes from another site by a redirect is
    still coming from there: so this is a page, which goes on by itself.
    """
    query = request.scope["query_string"]
    if len(query) > _MAX_QUERY:
        raise MalformedError("invalid_request", "The issuer's answer is too long.")
    answer = parse_form(query)
    await context.limiter.check(_SIGN_INS, network_of(request), now_s=wall_clock_s())
    visit = await open_visit(request, context)
    returned = await finish_staff_login(context, answer, browser=visit.browser)
    if returned.session_token is None:
        is_refused = returned.error is not None
        _log.warning("staff: signed in by their issuer with no role, or not at all")
        return visit.respond(
            MessageView(
                frame=visit.frame(),
                message=Message.SIGN_IN_FAILED if is_refused else Message.STAFF_NO_ROLE,
                next_path=PATH,
            ),
            HTTPStatus.FORBIDDEN,
        )
    _log.warning("staff: somebody signed in, for an hour")
    response = visit.respond(
        MessageView(
            frame=visit.frame(), message=Message.STAFF_SIGNED_IN, is_good=True, next_path=PATH
        )
    )
    response.headers["Refresh"] = f"0; url={PATH}"
    visit.jar.put(response, Cookie.OPERATOR, returned.session_token)
    return response


@post(SIGN_IN, include_in_schema=False)
async def post_operator_sign_in(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Take a code."""
    visit = await open_visit(request, context)
    fields = visit.read_form()
    try:
        await context.limiter.check(_CODES, network_of(request), now_s=wall_clock_s())
    except RateLimitedError:
        return visit.ask_to_sign_in(is_too_many=True)
    session = await let_in(context, fields.get(_CODE, ""))
    if session is None:
        _log.warning("a code that opens nothing was tried at %s", PATH)
        return visit.ask_to_sign_in(is_wrong=True)
    _log.warning("an operator was let in, for an hour")
    response = go(PATH)
    visit.jar.put(response, Cookie.OPERATOR, session)
    return response


@post(SIGN_OUT, include_in_schema=False)
async def post_operator_sign_out(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """End the session now."""
    visit = await open_visit(request, context)
    visit.read_form()
    if visit.unverified_session is not None:
        await let_out(context, visit.unverified_session)
    response = go(PATH)
    visit.jar.remove(response, Cookie.OPERATOR)
    return response
