"""What a person answers on a page of the hub, recorded, and where the browser goes next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import Choice, Outcome, SignalSource
from consentid.core.party import Reach, ReachKind
from consentid.core.purpose import PurposeId
from consentid.flows.answer_capture import answer_capture
from consentid.flows.context import Context
from consentid.flows.finish_interaction import NextStep, finish, give_up
from consentid.flows.hub_session import Browser, create_hub_device
from consentid.flows.interaction_scene import (
    Scene,
    load_scene,
    open_shown,
)
from consentid.flows.interaction_state import ApprovalTask, save_state
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
from consentid.store import served


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
