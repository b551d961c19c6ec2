"""Whoever was asked from elsewhere confirms what was captured of them, or refuses it, whole."""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureId
from consentid.core.decision import Assurance, Outcome
from consentid.flows.approval import gone
from consentid.flows.confirm_capture import AlreadyEnded, confirm_capture
from consentid.flows.context import Context
from consentid.flows.interaction_scene import Scene
from consentid.flows.record_choices import Choices, Shown, note_shown
from consentid.flows.refuse_capture import decline_capture
from consentid.flows.session import Session
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError


async def answer_capture(
    context: Context,
    connection: AsyncConnection,
    scene: Scene,
    capture: CaptureId,
    session: Session,
    *,
    shown: Shown,
    chosen: Choices,
) -> Session:
    """Confirm or refuse a capture; the person as they are from now on.

    The caller holds the subject's lock, and commits.

    Raises:
        MalformedError: it was answered in part.
        GoneError: it is over, or was found to be somebody else's.
    """
    outcomes = {choice.outcome for choice in chosen.choices}
    answered = {choice.purpose for choice in chosen.choices}
    if len(outcomes) != 1 or answered != set(scene.asked(shown.notice)):
        raise MalformedError(
            "capture_in_part",
            "What was said for you is confirmed or refused as a whole.",
            where="choices",
        )
    await note_shown(connection, scene.taken.client, shown, at=scene.now)
    book, subject, by = scene.book, session.subject, Assurance.SELF
    try:
        if Outcome.GRANTED in outcomes:
            ended = await confirm_capture(
                context,
                connection,
                book,
                subject,
                capture,
                assurance=by,
                channel=chosen.channel,
                told_of_signal=chosen.told_of_signal,
            )
        else:
            ended = await decline_capture(
                context,
                connection,
                book,
                subject,
                capture,
                assurance=by,
                channel=chosen.channel,
            )
    except (ConflictError, NotFoundError) as error:
        raise gone() from error
    if isinstance(ended, AlreadyEnded):
        raise gone()
    return Session(subject=ended.subject, device=session.device)
