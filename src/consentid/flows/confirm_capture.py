"""The person says themselves that what was captured is so: by a link, by an approval, at the hub.

The confirmation is an act of theirs, now; but what they confirm was said when it was captured, and
counts from then.  So whatever they took back in between stays taken back, and nothing is renewed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.capture import (
    CaptureId,
    CaptureState,
    Fate,
    Weighed,
    may_grant,
    may_refuse,
)
from consentid.core.clock import Timing
from consentid.core.decision import Assurance, Channel, Interval, Outcome
from consentid.core.lifting import find_lifts, lifting_decision
from consentid.core.purpose import PurposeId
from consentid.core.resolution import resolve_all
from consentid.flows.attach_capture import keep_weighed
from consentid.flows.capture_body import OpenCapture
from consentid.flows.capture_decision import Word, asked_of, decide, new_id
from consentid.flows.commit_decisions import commit_decisions
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.stage_capture import stage_capture
from consentid.flows.take_capture import take_capture
from consentid.flows.tell_of_capture import tell_of_capture
from consentid.kit.errors import ConflictError
from consentid.kit.instants import Instant
from consentid.store import clock
from consentid.store.captures import CaptureRow

_CONFIRMABLE: Final = frozenset({CaptureState.PENDING, CaptureState.RECORDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What the person confirmed is a decision of theirs now."""

    subject: OpenSubject
    """The person as they are from now on."""
    row: CaptureRow
    granted: tuple[PurposeId, ...]
    """What they said yes to."""
    holds: frozenset[PurposeId]
    """What of that is a yes now: not what they took back since it was captured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyEnded:
    """Nothing is to be confirmed: it was confirmed or refused before, has expired, or is held."""

    state: CaptureState


async def confirm_capture(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    capture: CaptureId,
    *,
    assurance: Assurance,
    channel: Channel,
    told_of_signal: bool = False,
) -> Confirmed | AlreadyEnded:
    """Record that a person confirms a capture; a second time changes nothing.

    ``assurance`` is ``link`` or ``self``; ``told_of_signal``: whether the person was told of a
    signal of their browser before.  The caller holds the subject's lock and commits.

    Raises:
        NotFoundError: there is no such capture.
        ConflictError: it is another person's, or nothing of it can be asked any more.
        GoneError: it was shredded.
    """
    at = await clock.now_after(connection, subject.id)
    taken = await take_capture(context, connection, capture, subject, at=at)
    opened = taken.opened
    if opened is None or taken.state not in _CONFIRMABLE:
        return AlreadyEnded(state=taken.state)
    row, said = opened.row, opened.body.weighed
    confirmed = _confirmable(book, subject, opened, at=at)
    if not confirmed and taken.state is CaptureState.RECORDED:
        return AlreadyEnded(state=taken.state)  # it held nothing but a no, which counts
    if not confirmed:
        raise ConflictError("capture_outdated", "Nothing of it is asked any more.")
    decision = await decide(
        context,
        connection,
        book,
        opened,
        subject=subject,
        choices=[each.choice for each in confirmed],
        word=Word(
            assurance=assurance,
            channel=channel,
            timing=_until(row.timing, at),
            told_of_signal=told_of_signal,
        ),
        at=at,
    )
    lifts = find_lifts(subject.projection, book.catalogue, decision, at, adult=subject.adult)
    lifting = [lifting_decision(decision, lift, new_id(context, at)) for lift in lifts]
    after = await commit_decisions(context, connection, book, subject, [decision, *lifting], at=at)
    weighed = tuple(
        Weighed(choice=each.choice, fate=Fate.COUNTS) if each in confirmed else each
        for each in said
    )
    was_known = row.subject is not None
    state = CaptureState.CONFIRMED
    await stage_capture(context, connection, book, opened, subject=after, state=state, at=at)
    kept = await keep_weighed(
        context,
        connection,
        replace(opened, body=opened.body.weighed_anew(weighed)),
        subject=after,
        state=state,
        at=at,
    )
    row = kept.row
    await tell_of_capture(context, connection, row, after.id, was_known=was_known, at=at)
    return _confirmed(book, after, row, confirmed, at=at)


def _confirmable(
    book: Book, subject: OpenSubject, capture: OpenCapture, *, at: Instant
) -> Sequence[Weighed]:
    """What waits, and what counts by somebody else's word; as far as it is still a choice."""
    held = resolve_all(
        subject.projection, book.catalogue, asked_of(capture.row), at, adult=subject.adult
    )
    return [
        each
        for each in capture.body.weighed
        if (
            each.fate is not Fate.NONE and may_grant(held.get(each.choice.purpose))
            if each.choice.outcome is Outcome.GRANTED
            else each.fate is Fate.WAITS and may_refuse(book.catalogue, each.choice.purpose)
        )
    ]


def _until(captured: Timing, at: Instant) -> Timing:
    """The act ends now, and began when it was captured: from then on a yes counts."""
    early = min(captured.interval.early, at)
    return Timing(interval=Interval(early=early, late=at), clock_unproven=captured.clock_unproven)


def _confirmed(
    book: Book, subject: OpenSubject, row: CaptureRow, confirmed: Sequence[Weighed], *, at: Instant
) -> Confirmed:
    granted = tuple(
        each.choice.purpose for each in confirmed if each.choice.outcome is Outcome.GRANTED
    )
    held = resolve_all(subject.projection, book.catalogue, asked_of(row), at, adult=subject.adult)
    return Confirmed(
        subject=subject,
        row=row,
        granted=granted,
        holds=frozenset(each for each in granted if each in held and held[each].permitted),
    )
