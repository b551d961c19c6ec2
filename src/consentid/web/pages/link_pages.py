"""``/link``: a consent link is opened, looked at, and answered by an explicit press.

What the link carries is in its fragment, which is sent to nobody: a script of ours takes it out of
the address and sends it by a form of ours.  Showing records nothing and uses nothing up.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from consentid.cache.limits import Limit
from consentid.core.decision import Outcome, SignalSource
from consentid.flows.answer_link import (
    Heard,
    Press,
    answer_link,
    open_link,
    start_link_login,
)
from consentid.flows.context import Context
from consentid.flows.link_scene import Languages
from consentid.kit.errors import NotFoundError
from consentid.links.asking import PATH
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.catalogue import accepted_languages
from consentid.web.cookies import Cookie
from consentid.web.pages.consent_view import today
from consentid.web.pages.forgery import form_token
from consentid.web.pages.frame import frame_of
from consentid.web.pages.hub_visit import LANGUAGE, TOKEN, HubVisit, malformed, open_hub_visit
from consentid.web.pages.link import ACT, LINK, SERVED, TOLD, LinkEntryView, LinkSignInView
from consentid.web.pages.link_view import link_view
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.preferences_visit import PATH as PREFERENCES
from consentid.web.pages.preferences_visit import go
from consentid.web.pages.rendering import form_target, link_layout_digest, respond

_ABOUT: Final = "link"
_OPENINGS: Final = Limit(name="link_openings", most=300, window_s=60)
_OUTCOMES: Final = {"accept": Outcome.GRANTED, "refuse": Outcome.REFUSED}
_SAID: Final = {
    Heard.ACCEPTED: Message.LINK_ACCEPTED,
    Heard.REFUSED: Message.LINK_REFUSED,
    Heard.OVERTAKEN: Message.LINK_OVERTAKEN,
}
_MARK: Final = f"{PATH}#"


@get(PATH, include_in_schema=False)
async def get_link(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Pass through."""
    visit = await open_hub_visit(request, context)
    view = LinkEntryView(
        frame=visit.frame(PATH),
        action=f"{PATH}?{LANGUAGE}={visit.language}" if LANGUAGE in visit.query else PATH,
        form_token=form_token(visit.secret, _ABOUT),
    )
    return visit.answer(respond(view))


@post(PATH, status_code=HTTPStatus.OK, include_in_schema=False)
async def post_link(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Show the question.  Nothing is recorded, and nothing used up."""
    visit = await open_hub_visit(request, context)
    _, link = await _read(visit)
    preferred = accepted_languages(request.headers.get("accept-language", ""))
    opened = await open_link(
        context,
        link,
        visit.browser,
        languages=Languages(chosen=visit.query.get(LANGUAGE), preferred=preferred),
        layout=link_layout_digest(),
    )
    token = form_token(visit.secret, _ABOUT)
    if opened.scene.needs_sign_in:
        can_sign_in = context.settings.portal_client_secret is not None
        view = LinkSignInView(
            frame=frame_of(visit.book, None, visit.language, path=None),
            action=f"{PATH}/sign-in" if can_sign_in else None,
            kept=((TOKEN, token), (LINK, link)),
        )
        return respond(view, form_targets=(form_target(visit.book.group.portal.issuer),))
    return respond(
        link_view(
            opened,
            link=link,
            path=PATH,
            form_token=token,
            sends_gpc=_sends_gpc(visit),
            today=today(),
        )
    )


@post(f"{PATH}/answer", include_in_schema=False)
async def post_link_answer(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Take the answer."""
    visit = await open_hub_visit(request, context)
    fields, link = await _read(visit)
    outcome = _OUTCOMES.get(fields.get(ACT, ""))
    if outcome is None:
        raise malformed()
    answered = await answer_link(
        context,
        link,
        visit.browser,
        Press(
            outcome=outcome,
            unverified_served=fields.get(SERVED, ""),
            signals={SignalSource.GPC: _sends_gpc(visit)},
            told_of_signal=fields.get(TOLD) == SignalSource.GPC,
        ),
    )
    response = go(f"{PATH}/{answered.heard}")
    if answered.device_credential is not None:
        visit.jar.put(response, Cookie.DEVICE, answered.device_credential)
    return response


@post(f"{PATH}/sign-in", include_in_schema=False)
async def post_link_sign_in(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Hand over to the portal; the person comes back to the link."""
    visit = await open_hub_visit(request, context)
    _, link = await _read(visit)
    return go(await start_link_login(context, link, visit.browser))


@get(f"{PATH}/{{outcome:str}}", include_in_schema=False)
async def get_link_outcome(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    outcome: Annotated[str, PathParameter(max_length=16)],
) -> Response[Any]:
    """Say what came of it.  The page knows of no link: anybody may look at it."""
    visit = await open_hub_visit(request, context)
    heard = next((each for each in Heard if each == outcome), None)
    if heard is None:
        raise NotFoundError("not_found", "There is nothing at this address.")
    view = MessageView(
        frame=visit.frame(f"{PATH}/{heard}"),
        message=_SAID[heard],
        is_good=heard is not Heard.OVERTAKEN,
        next_path=PREFERENCES,
    )
    return visit.answer(respond(view))


async def _read(visit: HubVisit) -> tuple[Mapping[str, str], str]:
    """The fields of a form of ours, sent from this very browser, and the link in it.

    Raises:
        ForbiddenError, MalformedError: see ``HubVisit.read_form``.
        RateLimitedError: too many forms came from this address.
    """
    await visit.context.limiter.check(_OPENINGS, network_of(visit.request), now_s=wall_clock_s())
    fields = visit.read_form(about=_ABOUT, known=(LINK, SERVED, TOLD, ACT))
    # Whoever has no script pastes the whole address.
    return fields, fields.get(LINK, "").strip().rpartition(_MARK)[2]


def _sends_gpc(visit: HubVisit) -> bool:
    return visit.request.headers.get("sec-gpc") == "1"
