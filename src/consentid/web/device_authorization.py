"""``/device_authorization``: a device asks for a code to show.

Spec: RFC 8628 sections 3.1 and 3.2.
"""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from consentid.cache.limits import Limit
from consentid.flows.code_link import LIFETIME_S
from consentid.flows.context import Context
from consentid.flows.request_device_code import INTERVAL_S, request_device_code
from consentid.oidc.refusal import RefusedRequestError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.guards import QUERY
from consentid.web.oauth_forms import CLIENT_SECURITY, form_operation
from consentid.web.oauth_requests import NO_STORE, read_client_request, refuse
from consentid.web.responses import OAUTH_ERRORS

_REQUESTS: Final = Limit(name="device_requests", most=120, window_s=60)
"""Of one address: every code that waits is one more that a guess may hit."""
_FIELDS: Final = {
    "scope": None,
    "resource": None,
    "authorization_details": None,
    "device_name": None,
    "qr": ["svg"],
}


class DeviceAuthorizationOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the device polls with, and what it shows."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int
    verification_qr: str | None = None
    """``verification_uri_complete`` as a QR code, a data URI for ``img``; for ``qr=svg``."""


@post(
    "/device_authorization",
    status_code=HTTPStatus.OK,
    operation_class=form_operation(_FIELDS, required=[]),
    security=CLIENT_SECURITY,
    tags=["OAuth"],
    summary="Ask for a code that a person types on another device",
    opt={QUERY: frozenset[str]()},
    responses=OAUTH_ERRORS,
)
async def post_device_authorization(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[DeviceAuthorizationOut]:
    """Make a code for ten minutes; ``device_name`` is shown to the person who compares.

    With ``qr=svg`` the answer has a picture to show, for engines that cannot draw one.
    """
    await context.limiter.check(_REQUESTS, network_of(request), now_s=wall_clock_s())
    asked = await read_client_request(request, context)
    if isinstance(asked, Response):
        return asked
    try:
        codes = await request_device_code(context, asked.client, asked.fields)
    except RefusedRequestError as refused:
        return refuse(refused.error, refused.description)
    return Response(
        DeviceAuthorizationOut(
            device_code=codes.device_code,
            user_code=codes.user_code,
            verification_uri=codes.verification_uri,
            verification_uri_complete=codes.verification_uri_complete,
            expires_in=LIFETIME_S,
            interval=INTERVAL_S,
            verification_qr=codes.verification_qr,
        ),
        headers=dict(NO_STORE),
    )
