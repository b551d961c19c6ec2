"""Hand a person over to the portal on the way of an interaction, with what the client asked for."""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows import portal_login
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser
from consentid.flows.portal_login import ToInteraction
from consentid.oidc.authorization_request import AuthorizationRequest
from consentid.oidc.prompt import Prompt

_OF_THE_PORTAL = frozenset({Prompt.LOGIN, Prompt.CREATE})


async def hand_over(
    context: Context,
    connection: AsyncConnection,
    *,
    browser: Browser,
    interaction: str,
    request: AuthorizationRequest | None,
    must_be_asked: bool = False,
) -> str:
    """The portal's address to send the browser to.  The caller commits first.

    ``request``: the client's; None where a device waits, which asks nothing of a sign-in.
    ``must_be_asked``: somebody else may be signed in there, so a silent answer will not do.

    Raises:
        ForbiddenError, UnavailableError: see ``portal_login.start``.
    """
    if request is None:
        return await portal_login.start(
            context, connection, browser=browser, back=ToInteraction(id=interaction)
        )
    prompt = request.prompt & _OF_THE_PORTAL
    if must_be_asked and not prompt and request.max_age_s is None:
        prompt = frozenset({Prompt.LOGIN})
    return await portal_login.start(
        context,
        connection,
        browser=browser,
        back=ToInteraction(id=interaction),
        prompt=prompt,
        max_age_s=request.max_age_s,
        login_hint=request.login_hint,
        ui_locales=request.ui_locales,
        acr_values=request.acr_values,
    )


def page_of(issuer: str, interaction: str) -> str:
    """The address of an interaction's page."""
    return f"{issuer.rstrip('/')}/interaction/{interaction}"
