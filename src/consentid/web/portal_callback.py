"""``/login/callback``: the customer portal sends a person back.

Spec: OpenID Connect Core section 3.1.2.5, RFC 9207, RFC 9700 sections 4.5 and 4.7.
"""

from http import HTTPStatus
from typing import Any, Final, assert_never
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.di import NamedDependency

from consentid.cache.limits import Limit
from consentid.flows.approval import PAGE as APPROVALS
from consentid.flows.context import Context
from consentid.flows.finish_portal_login import finish_portal_login
from consentid.flows.hand_over import page_of
from consentid.flows.interactions import note_failed_login
from consentid.flows.portal_login import (
    CALLBACK,
    ToApprovals,
    ToInteraction,
    ToLink,
    ToPreferences,
)
from consentid.kit.errors import MalformedError
from consentid.links.asking import PATH as LINK
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.cookies import Cookie, jar_of
from consentid.web.forms import parse_form
from consentid.web.pages.hub_visit import LANGUAGE
from consentid.web.pages.preferences_visit import PATH as PREFERENCES

_MAX_QUERY: Final = 16_384
_CALLBACKS: Final = Limit(name="portal_callbacks", most=600, window_s=60)


@get(CALLBACK, include_in_schema=False)
async def get_portal_callback(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[None]:
    """Sign the person in and send them back to what they were asked, or say that it failed."""
    query = request.scope["query_string"]
    if len(query) > _MAX_QUERY:
        raise MalformedError("invalid_request", "The portal's answer is too long.")
    answer = parse_form(query)
    await context.limiter.check(_CALLBACKS, network_of(request), now_s=wall_clock_s())
    jar = await jar_of(context)
    browser = jar.read(request)
    returned = await finish_portal_login(context, answer, browser=browser)
    match returned.back:
        case ToInteraction(id=interaction) if returned.session_token is None:
            step = await note_failed_login(
                context, interaction, browser, unverified_error=returned.error
            )
            return _send_to(step.redirect)
        case ToInteraction(id=interaction):
            async with context.database.reading() as connection:
                issuer = (await context.book(connection)).group.issuer
            response = _send_to(page_of(issuer, interaction))
        case ToPreferences(kept=kept):
            response = _send_to(f"{PREFERENCES}?{urlencode(kept)}" if kept else PREFERENCES)
        case ToApprovals(language=language):
            response = _send_to(f"{APPROVALS}?{urlencode({LANGUAGE: language})}")
        case ToLink(sealed=sealed):
            # In the fragment, as it came: a fragment is sent to nobody.
            response = _send_to(f"{LINK}#{sealed}")
        case _:
            assert_never(returned.back)
    if returned.session_token is not None:
        jar.put(response, Cookie.SESSION, returned.session_token)
    return response


def _send_to(address: str) -> Response[None]:
    return Response(
        None,
        status_code=HTTPStatus.SEE_OTHER,
        headers={"Location": address, "Cache-Control": "no-store"},
    )
