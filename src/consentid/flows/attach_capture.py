"""Once it is known whose a capture is: what counts of it becomes a decision, the rest waits.

What counts has the assurance ``assisted`` and the interval in which it was captured; nothing is
renewed by finding out later whose it was.  What is held counts for nothing until it is released.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.capture import CaptureState, Fate, state_of, weigh
from consentid.core.decision import Assurance
from consentid.core.resolution import resolve_all
from consentid.flows.capture_body import OpenCapture, seal_own
from consentid.flows.capture_decision import Word, asked_of, decide
from consentid.flows.commit_decisions import commit_decisions
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.stage_capture import stage_capture
from consentid.kit.instants import Instant
from consentid.store import captures


async def attach_capture(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    capture: OpenCapture,
    *,
    subject: OpenSubject,
    at: Instant,
) -> OpenCapture:
    """Make a capture a person's, and record what counts of it.

    The caller holds the locks of the subject and of the capture, and commits.

    Raises:
        MalformedError, ConflictError: see ``core.admission.admit``; the catalogue is another now.
    """
    row, body = capture.row, capture.body
    if row.state is CaptureState.HELD:
        capture = seal_own(context, subject, capture)
        await captures.save(connection, capture.row)
        return capture
    asked = asked_of(row)
    weighed = weigh(
        [each.choice for each in body.weighed],
        held=resolve_all(subject.projection, book.catalogue, asked, at, adult=subject.adult),
        catalogue=book.catalogue,
        asked=asked,
    )
    state = state_of(weighed)
    await stage_capture(context, connection, book, capture, subject=subject, state=state, at=at)
    counting = [each.choice for each in weighed if each.fate is Fate.COUNTS]
    if counting:
        decision = await decide(
            context,
            connection,
            book,
            capture,
            subject=subject,
            choices=counting,
            word=Word(assurance=Assurance.ASSISTED, channel=row.channel, timing=row.timing),
            at=at,
        )
        await commit_decisions(context, connection, book, subject, [decision], at=at)
    return await keep_weighed(
        context,
        connection,
        replace(capture, body=body.weighed_anew(weighed)),
        subject=subject,
        state=state,
        at=at,
    )


async def keep_weighed(
    context: Context,
    connection: AsyncConnection,
    capture: OpenCapture,
    *,
    subject: OpenSubject,
    state: CaptureState,
    at: Instant,
) -> OpenCapture:
    """Keep what became of a capture, as its person's."""
    capture = seal_own(context, subject, capture)
    ended_at = None if state is CaptureState.PENDING else at
    capture = replace(capture, row=replace(capture.row, state=state, ended_at=ended_at))
    await captures.save(connection, capture.row)
    return capture
