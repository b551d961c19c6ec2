"""``/interaction/{id}``: a person is asked, answers, or signs in first.

A page is shown again where an answer is incomplete; an answer ends with a redirect to the client.
Showing, closing and going on record nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final, assert_never
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from consentid.cache.limits import Limit
from consentid.core.decision import SignalSource
from consentid.flows.answer_again import answer_again, find_answered
from consentid.flows.answer_interaction import (
    Answer,
    Cancel,
    Choose,
    Continue,
    WithdrawAll,
    answer_interaction,
)
from consentid.flows.context import Context
from consentid.flows.finish_interaction import NextStep
from consentid.flows.hub_session import Browser
from consentid.flows.interaction_state import AuthorizeTask
from consentid.flows.interactions import (
    Interaction,
    open_interaction,
    reopen_interaction,
    start_login,
)
from consentid.kit.errors import GoneError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.catalogue import accepted_languages
from consentid.web.cookies import Cookie, Jar, jar_of
from consentid.web.forms import parse_form
from consentid.web.pages.consent import TOLD, ConsentView
from consentid.web.pages.consent_form import (
    MAX_FIELDS,
    Act,
    Submission,
    choices_of,
    find_mistakes,
    read_submission,
    sent_back,
)
from consentid.web.pages.consent_view import ALL, Visit, asker_of, consent_view, today
from consentid.web.pages.failures import answered_view
from consentid.web.pages.forgery import check_form, check_same_origin, form_token
from consentid.web.pages.preferences_visit import PATH as PREFERENCES
from consentid.web.pages.rendering import form_target, layout_digest, respond
from consentid.web.strict_bodies import body_of

FOLDER: Final = "/interaction"
_FINISHED: Final = "interaction_finished"
_ANSWERS: Final = Limit(name="interaction_answers", most=300, window_s=60)

_Id = Annotated[str, PathParameter(max_length=128)]
_Tag = Annotated[str | None, QueryParameter(max_length=16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """A request for an interaction's page, and what its browser presents."""

    request: Request[Any, Any, Any]
    context: Context
    jar: Jar
    browser: Browser
    interaction_id: str
    language: str | None
    unverified_reach: str | None
    shows_all: bool

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.interaction_id}"

    @property
    def about(self) -> str:
        return f"interaction/{self.interaction_id}"

    @property
    def sends_gpc(self) -> bool:
        return self.request.headers.get("sec-gpc") == "1"

    async def open(self) -> Interaction | NextStep:
        return await open_interaction(
            self.context,
            self.interaction_id,
            self.browser,
            languages=accepted_languages(self.request.headers.get("accept-language", "")),
            layout=layout_digest(),
            chosen_language=self.language,
            shows_all=self.shows_all,
        )

    def view(self, interaction: Interaction) -> ConsentView:
        can_sign_in = self.context.settings.portal_client_secret is not None
        return consent_view(
            interaction,
            Visit(
                path=self.path,
                sign_in_path=f"{self.path}/sign-in" if can_sign_in else None,
                form_token=form_token(self.browser.unverified_secret or "", self.about),
                unverified_reach=self.unverified_reach,
                shows_all=self.shows_all,
                sends_gpc=self.sends_gpc,
                today=today(),
            ),
        )


@get("/interaction/{interaction_id:str}", include_in_schema=False)
async def get_interaction(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    interaction_id: _Id,
    *,
    lang: _Tag = None,
    reach: _Tag = None,
    show: _Tag = None,
) -> Response[Any]:
    """Ask, or go on where nothing is left to ask."""
    asking = await _asking(
        request,
        context,
        interaction_id,
        language=lang,
        unverified_reach=reach,
        unverified_show=show,
    )
    try:
        found = await asking.open()
    except GoneError as gone:
        return await _answered(asking, gone)
    if isinstance(found, NextStep):
        return _go(asking.jar, found)
    return respond(asking.view(found), form_targets=_form_targets(found))


@post("/interaction/{interaction_id:str}", include_in_schema=False)
async def post_interaction(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    interaction_id: _Id,
    *,
    lang: _Tag = None,
    reach: _Tag = None,
    show: _Tag = None,
) -> Response[Any]:
    """Take an answer."""
    asking = await _asking(
        request,
        context,
        interaction_id,
        language=lang,
        unverified_reach=reach,
        unverified_show=show,
    )
    fields = parse_form(body_of(request) or b"", max_fields=MAX_FIELDS)
    submission = read_submission(fields)
    async with context.database.reading() as connection:
        book = await context.book(connection)
    check_form(
        request,
        issuer=book.group.issuer,
        browser_secret=asking.browser.unverified_secret,
        about=asking.about,
        unverified_token=submission.unverified_token,
    )
    await context.limiter.check(_ANSWERS, network_of(request), now_s=wall_clock_s())
    try:
        return await _take(asking, submission, is_told=fields.get(TOLD) == SignalSource.GPC)
    except GoneError as gone:
        return await _answered(asking, gone, is_sent_again=True)


async def _take(asking: _Asking, submission: Submission, *, is_told: bool) -> Response[Any]:
    context, interaction_id = asking.context, asking.interaction_id
    answer = _plain_answer(submission)
    if answer is None:
        found = await reopen_interaction(
            context,
            interaction_id,
            asking.browser,
            unverified_served=submission.unverified_served,
            layout=layout_digest(),
            shows_all=asking.shows_all,
        )
        view = asking.view(found)
        mistakes = find_mistakes(submission, view.asked)
        if mistakes:
            return respond(
                sent_back(view, submission, mistakes),
                HTTPStatus.UNPROCESSABLE_ENTITY,
                form_targets=_form_targets(found),
            )
        answer = _choosing(asking, submission, view, is_told=is_told)
    step = await answer_interaction(context, interaction_id, asking.browser, answer)
    return _go(asking.jar, step)


async def _answered(
    asking: _Asking, gone: GoneError, *, is_sent_again: bool = False
) -> Response[Any]:
    """Lead on whoever comes back to an answered page: never a dead end.

    Raises:
        GoneError: it is over otherwise.
    """
    if gone.code != _FINISHED:
        raise gone
    context, interaction_id = asking.context, asking.interaction_id
    if is_sent_again:
        try:
            return _go(asking.jar, await answer_again(context, interaction_id, asking.browser))
        except GoneError as late:
            if late.code != _FINISHED:
                raise
    found = await find_answered(context, interaction_id, asking.browser)
    errand = {"client_id": found.client_id, "return_to": found.home}
    kept = {name: text for name, text in errand.items() if text is not None}
    view = answered_view(asking.request, next_path=f"{PREFERENCES}?{urlencode(kept)}")
    return respond(view, HTTPStatus.GONE)


@get("/interaction/{interaction_id:str}/sign-in", include_in_schema=False)
async def get_interaction_sign_in(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    interaction_id: _Id,
) -> Response[Any]:
    """Hand over to the portal; the person comes back to the page.

    A link rather than a form: browsers would hold the portal's own redirects to ``form-action``.
    """
    asking = await _asking(request, context, interaction_id)
    async with context.database.reading() as connection:
        book = await context.book(connection)
    check_same_origin(request, issuer=book.group.issuer)
    await context.limiter.check(_ANSWERS, network_of(request), now_s=wall_clock_s())
    return _go(asking.jar, await start_login(context, interaction_id, asking.browser))


async def _asking(
    request: Request[Any, Any, Any],
    context: Context,
    interaction_id: str,
    *,
    language: str | None = None,
    unverified_reach: str | None = None,
    unverified_show: str | None = None,
) -> _Asking:
    jar = await jar_of(context)
    return _Asking(
        request=request,
        context=context,
        jar=jar,
        browser=jar.read(request),
        interaction_id=interaction_id,
        language=language,
        unverified_reach=unverified_reach,
        shows_all=unverified_show == ALL,
    )


def _plain_answer(submission: Submission) -> Answer | None:
    """An answer that says nothing about a single purpose; None for the others."""
    served = submission.unverified_served
    match submission.act:
        case Act.LATER:
            return Cancel(unverified_served=served)
        case Act.CONTINUE:
            return Continue(unverified_served=served)
        case Act.WITHDRAW:
            return WithdrawAll(reach=submission.reach, unverified_served=served)
        case Act.ACCEPT | Act.REFUSE | Act.SAVE:
            return None
        case _:
            assert_never(submission.act)


def _choosing(
    asking: _Asking, submission: Submission, view: ConsentView, *, is_told: bool
) -> Answer:
    choices = choices_of(submission, view.asked, view.interests)
    if not choices:
        # Nothing that had to be answered was left open, and nothing else was touched.
        return Continue(unverified_served=submission.unverified_served)
    return Choose(
        choices=choices,
        reach=submission.reach,
        unverified_served=submission.unverified_served,
        signals={SignalSource.GPC: asking.sends_gpc},
        told_of_signal=is_told,
    )


def _go(jar: Jar, step: NextStep) -> Response[Any]:
    response = Response(
        None,
        status_code=HTTPStatus.SEE_OTHER,
        headers={
            "Location": step.redirect,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )
    if step.device_credential is not None:
        jar.put(response, Cookie.DEVICE, step.device_credential)
    if step.known_here is not None:
        jar.put(response, Cookie.KNOWN, step.known_here)
    return response


def _form_targets(interaction: Interaction) -> Iterator[str]:
    """Where an answer may lead: the client's address, and from there wherever its brand is.

    Chromium blocks, without a word to anybody, a form whose redirects leave these.
    """
    task = interaction.task
    if isinstance(task, AuthorizeTask):
        yield form_target(task.request.redirect_uri)
    profile = asker_of(interaction)
    yield from profile.origins
    for domain in profile.domains:
        yield f"https://{domain}"
        yield f"https://*.{domain}"
    yield form_target(interaction.book.group.portal.issuer)
