"""What a person decides on a page of the hub, and where the browser goes next.

Pages call ``open_interaction`` to show, ``answer_interaction`` when the form is sent and
``start_login`` for signing in.  Each owns its transaction; where the browser is sent is returned
after the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.notice import Notice
from consentid.core.asking import Asking
from consentid.core.contradiction import Contradiction
from consentid.core.decision import Choice, Outcome, SignalSource
from consentid.core.party import Party, Reach, ReachKind
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State
from consentid.flows.answer_capture import answer_capture
from consentid.flows.context import Context
from consentid.flows.finish_interaction import NextStep, finish, give_up, needs_login, settle
from consentid.flows.hand_over import hand_over, page_of
from consentid.flows.hub_session import Browser, create_hub_device
from consentid.flows.interaction_scene import (
    Scene,
    choose_notice,
    load_scene,
    open_shown,
    seal_shown,
)
from consentid.flows.interaction_state import ApprovalTask, AuthorizeTask, Task, save_state
from consentid.flows.portal_login import asking_the_portal
from consentid.flows.record_choices import (
    HUB,
    Choices,
    Shown,
    note_shown,
    record_choices,
    record_withdrawal,
)
from consentid.flows.session import Session, open_session
from consentid.kit.errors import MalformedError
from consentid.kit.instants import Instant
from consentid.store import served


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """All that a page needs to ask."""

    id: str
    task: Task
    client_id: str
    party: Party
    """Whom the answer is for; ``book.find_profile`` has its look."""
    asker: Party
    """The brand or partner that asks: another one where a partner asks on behalf of a brand."""
    book: Book
    notice: Notice
    """In the language chosen."""
    asked: tuple[PurposeId, ...]
    """What is asked now, in the notice's order."""
    asking: Mapping[PurposeId, Asking]
    """Why each purpose is asked about, where it is."""
    mandatory: frozenset[PurposeId]
    """What of it has to be answered before the person can go on."""
    named: frozenset[PurposeId] | None
    """What a partner named, with its parts; None where whatever is missing is asked."""
    resolutions: Mapping[PurposeId, Resolution]
    """What holds now for every purpose that the party offers."""
    prefill: Mapping[PurposeId, Outcome]
    """A person's own answers that still stand; nothing else is ever pre-ticked."""
    reaches: tuple[ReachKind, ...]
    """The reaches that may be chosen, the usual one first."""
    is_signed_in: bool
    has_choices: bool
    """Whether somebody is known here, so that there is something to withdraw."""
    contradictions: tuple[Contradiction, ...]
    """What to tell, once: account and device say different things."""
    is_new_here: bool
    """What to tell, once: the account's choices count in this browser too."""
    adopted: int
    """How many of the device's decisions the account adopted on the way here."""
    served: str
    """What is shown, sealed.  The form sends it back; it is stale when it fits no more."""
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """The person answers what was asked, and may object to what was shown beside it."""

    choices: tuple[Choice, ...]
    reach: ReachKind
    unverified_served: str
    signals: Mapping[SignalSource, bool] = field(default_factory=dict[SignalSource, bool])
    """Signals that the browser sends now (true) or sends no longer (false)."""
    told_of_signal: bool = False
    """Whether the page said that a signal is honoured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawAll:
    """The person takes back everything, for a reach."""

    reach: ReachKind
    unverified_served: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue:
    """Nothing is missing: the person goes on with what holds."""

    unverified_served: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The person goes back without choosing.  No choice is recorded."""

    unverified_served: str


Answer: TypeAlias = Choose | WithdrawAll | Continue | Cancel


async def open_interaction(
    context: Context,
    unverified_id: str,
    browser: Browser,
    *,
    languages: Sequence[str],
    layout: bytes,
    chosen_language: str | None = None,
    shows_all: bool = False,
) -> Interaction | NextStep:
    """What to show at ``/interaction/{id}``, or where to go where nothing is left to ask.

    ``languages`` are the browser's, in order of preference; the client's ``ui_locales`` go before
    them, and before all what the person chose on the page.  ``layout`` is the digest of how the
    page lays out what it shows; ``shows_all``: the person wants to see also what was answered.

    Raises:
        NotFoundError: there is none, or it was begun in another browser.
        GoneError: it was answered, it took too long, or the brand or partner has left.
    """

    async def attempt() -> Interaction | NextStep:
        async with context.database.writing() as connection:
            scene = await load_scene(context, connection, unverified_id, browser, lock=False)
            step = await settle(context, connection, scene, browser)
            if step is not None:
                return step
            notice = choose_notice(scene, languages, chosen=chosen_language)
            return _show(context, scene, notice, layout=layout, shows_all=shows_all)

    return await asking_the_portal(attempt)


async def reopen_interaction(
    context: Context,
    unverified_id: str,
    browser: Browser,
    *,
    unverified_served: str,
    layout: bytes,
    shows_all: bool = False,
) -> Interaction:
    """What a form was made from, as long as it would be made the same now.

    Raises:
        NotFoundError, GoneError: see ``open_interaction``.
        ConflictError, MalformedError: see ``answer_interaction``.
    """
    async with context.database.writing() as connection:
        scene = await load_scene(context, connection, unverified_id, browser, lock=False)
        notice = open_shown(context, scene, unverified_served).notice
        return _show(context, scene, notice, layout=layout, shows_all=shows_all)


async def answer_interaction(
    context: Context, unverified_id: str, browser: Browser, answer: Answer
) -> NextStep:
    """Take the person's answer, record it, and finish.

    The caller has made sure that the form came from our own page in this browser.

    Raises:
        NotFoundError, GoneError: see ``open_interaction``.
        ConflictError: ``form_stale``: the configuration, the person or their choices changed since
            the page was made: show it again.
        MalformedError: the answer does not fit what was asked; see also ``core.admission.admit``.
    """
    async with context.database.writing() as connection:
        scene = await load_scene(context, connection, unverified_id, browser, lock=True)
        says_no = isinstance(answer, WithdrawAll | Cancel)
        shown = open_shown(context, scene, answer.unverified_served, says_no=says_no)
        return await _take(context, connection, scene, shown, answer)


async def start_login(context: Context, unverified_id: str, browser: Browser) -> NextStep:
    """Send a person who wants to sign in to the portal; they come back to the interaction.

    Raises:
        NotFoundError, GoneError: see ``open_interaction``.
        ForbiddenError, UnavailableError: see ``portal_login.start``.
    """

    async def attempt() -> NextStep:
        async with context.database.writing() as connection:
            scene = await load_scene(context, connection, unverified_id, browser, lock=False)
            task = scene.taken.state.task
            return NextStep(
                redirect=await hand_over(
                    context,
                    connection,
                    browser=browser,
                    interaction=scene.taken.id,
                    request=task.request if isinstance(task, AuthorizeTask) else None,
                )
            )

    return await asking_the_portal(attempt)


async def note_failed_login(
    context: Context, unverified_id: str, browser: Browser, *, unverified_error: str | None
) -> NextStep:
    """The portal did not sign the person in: back to the page, or to a client that insists.

    Raises:
        NotFoundError, GoneError: see ``open_interaction``.
    """
    async with context.database.writing() as connection:
        scene = await load_scene(context, connection, unverified_id, browser, lock=False)
        if needs_login(context, scene):
            error = "access_denied" if unverified_error == "access_denied" else "login_required"
            return await give_up(context, connection, scene, error=error, why="Nobody signed in.")
        return NextStep(redirect=page_of(scene.book.group.issuer, scene.taken.id))


def _show(
    context: Context, scene: Scene, notice: Notice, *, layout: bytes, shows_all: bool
) -> Interaction:
    return Interaction(
        id=scene.taken.id,
        task=scene.taken.state.task,
        client_id=scene.taken.client.client_id,
        party=scene.party,
        asker=scene.taken.client.party,
        book=scene.book,
        notice=notice,
        asked=scene.asked(notice, shows_all=shows_all),
        asking=scene.asking,
        mandatory=scene.mandatory,
        named=frozenset(each for each in notice.purposes if scene.is_wanted(each))
        if scene.asks_by_name
        else None,
        resolutions=scene.resolutions,
        prefill={
            purpose: outcome
            for purpose, found in scene.resolutions.items()
            if (outcome := _answered(found)) is not None
        },
        reaches=scene.reaches,
        is_signed_in=scene.visitor.login is not None,
        has_choices=scene.visitor.session is not None,
        contradictions=scene.taken.state.contradictions,
        is_new_here=scene.is_new_here,
        adopted=scene.taken.state.adopted,
        served=seal_shown(context, scene, notice, layout=layout),
        expires_at=scene.taken.row.expires_at,
    )


def _answered(found: Resolution) -> Outcome | None:
    match found.state:
        case State.GIVEN:
            return Outcome.GRANTED
        case State.REFUSED | State.WITHDRAWN | State.OBJECTED:
            return Outcome.REFUSED
        case _:
            return None


async def _take(
    context: Context, connection: AsyncConnection, scene: Scene, shown: Shown, answer: Answer
) -> NextStep:
    session = scene.visitor.session
    match answer:
        case Choose():
            return await _choose(context, connection, scene, shown, answer)
        case WithdrawAll():
            if session is None:
                raise MalformedError("nothing_to_withdraw", "Nothing was chosen here yet.")
            session = await record_withdrawal(
                context, connection, scene.book, session, reach=_reach(scene, answer.reach)
            )
            return await _end(context, connection, scene, session, says_no=True)
        case Continue():
            if scene.mandatory or session is None:
                raise _missing(scene.mandatory)
            return await finish(context, connection, scene, session)
        case Cancel():
            await note_shown(connection, scene.taken.client, shown, at=scene.now)
            await served.note_event(
                connection, shown.served, event="dismissed", layout=shown.layout, at=scene.now
            )
            await save_state(
                context,
                connection,
                scene.taken,
                msgspec.structs.replace(scene.taken.state, was_declined=True),
            )
            return await give_up(
                context, connection, scene, error="access_denied", why="The person went back."
            )
        case _:
            assert_never(answer)


async def _choose(
    context: Context, connection: AsyncConnection, scene: Scene, shown: Shown, answer: Choose
) -> NextStep:
    missing = scene.mandatory - {choice.purpose for choice in answer.choices}
    if missing or not answer.choices:
        raise _missing(missing)
    client, session, credential = scene.taken.client, scene.visitor.session, None
    if session is None:  # the first explicit choice in this browser
        device, credential = await create_hub_device(
            context,
            connection,
            scene.browser,
            act=scene.taken.row.interaction_hash,
            client_id=client.client_id,
            at=scene.now,
        )
        session = await open_session(context, connection, subject=device, device=None, lock=True)
    chosen = Choices(
        choices=answer.choices,
        reach=_reach(scene, answer.reach),
        signals=answer.signals,
        told_of_signal=answer.told_of_signal,
        actor=client.client_id if scene.is_delegated else HUB,
        channel=scene.channel,
    )
    if scene.capture is None:
        session = await record_choices(
            context, connection, scene.book, session, client, shown=shown, chosen=chosen
        )
    else:
        session = await answer_capture(
            context, connection, scene, scene.capture, session, shown=shown, chosen=chosen
        )
    says_no = all(choice.outcome is Outcome.REFUSED for choice in answer.choices)
    step = await _end(context, connection, scene, session, says_no=says_no)
    return replace(step, device_credential=credential)


async def _end(
    context: Context, connection: AsyncConnection, scene: Scene, session: Session, *, says_no: bool
) -> NextStep:
    """Give what was begun for; who asks from elsewhere is given nothing for a no to everything."""
    if says_no and isinstance(scene.taken.state.task, ApprovalTask):
        return await give_up(
            context, connection, scene, error="access_denied", why="The person said no."
        )
    return await finish(context, connection, scene, session, said_yes=not says_no)


def _reach(scene: Scene, kind: ReachKind) -> Reach:
    if kind not in scene.reaches:
        raise MalformedError("reach_unknown", f"{kind} cannot be chosen here.", where="reach")
    return None if kind is ReachKind.GROUP else scene.party


def _missing(purposes: frozenset[PurposeId]) -> MalformedError:
    return MalformedError(
        "choices_missing",
        f"Answer yes or no to {', '.join(sorted(purposes)) or 'what is asked'}.",
        where="choices",
    )
