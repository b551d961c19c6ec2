"""The person says no to what was captured: that it shall not be so, or that they never said it.

Either is a refusal of theirs, now, of all that was said to be granted; a dispute is told to the
brand besides, and to whoever captured it.
"""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.admission import Draft, Rights, admit
from consentid.core.capture import OPEN, CaptureId, CaptureState, may_refuse
from consentid.core.clock import online
from consentid.core.decision import Assurance, Channel, Choice, Outcome
from consentid.flows.capture_body import OpenCapture, seal_own
from consentid.flows.capture_decision import PROMPT, asked_of, new_id, rights_of
from consentid.flows.commit_decisions import commit_decisions
from consentid.flows.confirm_capture import AlreadyEnded
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.record_choices import HUB
from consentid.flows.stage_capture import stage_capture
from consentid.flows.stage_entry import stage_own
from consentid.flows.take_capture import take_capture
from consentid.flows.tell_of_capture import tell_of_capture
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind
from consentid.store import captures, clock
from consentid.store.captures import CaptureRow

_DISPUTABLE: Final = frozenset(CaptureState) - {CaptureState.DISPUTED, CaptureState.DISCARDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The person has said no."""

    subject: OpenSubject
    """The person as they are from now on."""
    row: CaptureRow


async def decline_capture(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    capture: CaptureId,
    *,
    assurance: Assurance,
    channel: Channel,
) -> Refused | AlreadyEnded:
    """Record that a person, asked to confirm a capture, says no; a second time changes nothing.

    The caller holds the subject's lock and commits.

    Raises:
        NotFoundError: there is no such capture.
        ConflictError: it is another person's.
        GoneError: it was shredded.
    """
    at = await clock.now_after(connection, subject.id)
    taken = await take_capture(context, connection, capture, subject, at=at)
    if taken.opened is None or taken.state not in OPEN | {CaptureState.RECORDED}:
        return AlreadyEnded(state=taken.state)
    return await _refuse(
        context,
        connection,
        book,
        taken.opened,
        subject=subject,
        rights=rights_of(taken.row, assurance),
        channel=channel,
        state=CaptureState.REFUSED,
        at=at,
    )


async def dispute_capture(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    capture: CaptureId,
) -> Refused | AlreadyEnded:
    """Record that a person says, at the hub, that a capture is not theirs; once.

    The caller holds the subject's lock and commits.

    Raises:
        NotFoundError: there is no such capture.
        ConflictError: it is another person's.
        GoneError: it was shredded.
    """
    at = await clock.now_after(connection, subject.id)
    taken = await take_capture(context, connection, capture, subject, at=at)
    row = taken.row
    if taken.opened is None or taken.state not in _DISPUTABLE:
        return AlreadyEnded(state=taken.state)
    await stage_own(
        context,
        connection,
        book,
        Kind.DISPUTE,
        subject=subject,
        about={"capture": str(row.id), "client": row.client_id, "party": row.party},
        at=at,
    )
    return await _refuse(
        context,
        connection,
        book,
        taken.opened,
        subject=subject,
        rights=Rights(actor=HUB, party=None, collects_for_group=True, assurance=Assurance.SELF),
        channel=Channel.WEB,
        state=CaptureState.DISPUTED,
        at=at,
    )


async def _refuse(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    capture: OpenCapture,
    *,
    subject: OpenSubject,
    rights: Rights,
    channel: Channel,
    state: CaptureState,
    at: Instant,
) -> Refused:
    was_known = capture.row.subject is not None
    draft = _refusal(book, capture, channel=channel, at=at)
    if draft is not None:
        decision = admit(
            draft,
            rights,
            book.catalogue,
            id_=new_id(context, at),
            subject=subject.id,
            adult=subject.adult,
        )
        subject = await commit_decisions(context, connection, book, subject, [decision], at=at)
    await stage_capture(context, connection, book, capture, subject=subject, state=state, at=at)
    row = replace(seal_own(context, subject, capture).row, state=state, ended_at=at)
    await captures.save(connection, row)
    await tell_of_capture(context, connection, row, subject.id, was_known=was_known, at=at)
    return Refused(subject=subject, row=row)


def _refusal(book: Book, capture: OpenCapture, *, channel: Channel, at: Instant) -> Draft | None:
    """A no to all that was said to be granted, as far as it is still a choice."""
    asked = asked_of(capture.row)
    choices = tuple(
        Choice(purpose=each.choice.purpose, outcome=Outcome.REFUSED)
        for each in capture.body.weighed
        if each.choice.outcome is Outcome.GRANTED
        and may_refuse(book.catalogue, each.choice.purpose)
    )
    if not choices or asked not in book.catalogue.parties:
        return None
    return Draft(
        choices=choices,
        reach=asked,
        notice=None,
        channel=channel,
        timing=online(at),
        recorded_at=at,
        prompted_by=f"{PROMPT}{capture.row.id}",
    )
