"""Record what somebody else says that a person said: a call, a form on paper, a till.

While nobody knows whose it is, nothing follows from it.  Once the portal has resolved the person,
what may count does, and the rest waits for them.  Sent twice it is one capture.
"""

from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.admission import Draft, admit
from consentid.core.capture import CaptureId, CaptureState, EvidenceKind, wait
from consentid.core.clock import Timing, offline, online
from consentid.core.decision import Assurance, DecisionId, SubjectId
from consentid.flows.attach_capture import attach_capture
from consentid.flows.capture_body import OpenCapture, new_body, open_body, seal_apart
from consentid.flows.capture_decision import asked_of, rights_of
from consentid.flows.capture_rights import check_captured
from consentid.flows.context import Context
from consentid.flows.new_capture import Captured, NewCapture
from consentid.flows.open_subject import OpenSubject
from consentid.flows.pace_captures import is_too_fast
from consentid.flows.person_of_token import require_person
from consentid.flows.read_out import find_read_out, shown_notice
from consentid.flows.recognise_capture import Marks, find_before, marks_of
from consentid.kit.errors import MalformedError, UnavailableError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import DAY, MINUTE, Instant
from consentid.store import captures, clock
from consentid.store.captures import CaptureRow
from consentid.store.clients import Client
from consentid.telemetry.tracing import step

_SKEW: Final = 5 * MINUTE
"""So far ahead of ours a client's clock may be."""


@step("record_capture")
async def record_capture(
    context: Context, client: Client, subject: SubjectId | None, new: NewCapture, *, key: bytes
) -> Captured:
    """Record a capture; ``subject`` is whom the portal says it is, ``key`` 32 bytes that name it.

    Raises:
        MalformedError, ForbiddenError, ConflictError: see ``keep_capture``.
        UnauthenticatedError: the subject was erased.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        person = None
        if subject is not None:
            person = await require_person(context, connection, subject)
        book = await context.book(connection)
        return await keep_capture(context, connection, book, client, new, person=person, key=key)


async def keep_capture(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    client: Client,
    new: NewCapture,
    *,
    person: OpenSubject | None,
    key: bytes,
) -> Captured:
    """Keep a capture.  The caller holds the person's lock, if there is one, and commits.

    Raises:
        MalformedError, ForbiddenError, ConflictError: see ``core.admission.admit``; the client may
            not capture this, the evidence or the key was used for something else, or what was read
            out is no text of ours.
    """
    marks = marks_of(context, client, new, person=person, key=key)
    at = await _now(connection, person)
    before = await find_before(connection, marks)
    if before is None:
        check_captured(book, client, new.asked, [each.purpose for each in new.choices])
        capture = await _open_new(context, connection, book, new, marks, at=at)
        await _check_form(connection, book, capture, person)
        if new.is_held or (
            new.is_paced and await is_too_fast(context, connection, client, capture.row, at=at)
        ):
            capture = replace(capture, row=replace(capture.row, state=CaptureState.HELD))
        if await captures.add(connection, capture.row):
            if person is not None:
                capture = await attach_capture(
                    context, connection, book, capture, subject=person, at=at
                )
            return Captured(row=capture.row, body=capture.body, is_new=True, at=at)
        before = await find_before(connection, marks)  # somebody handed it in meanwhile
    if before is None:
        raise UnavailableError("capture_raced", "Send it again.", retry_after_s=1)
    is_readable = before.subject is None or (person is not None and before.subject == person.id)
    body = None
    if is_readable and before.sealed is not None:
        body = open_body(context, before, person)
    return Captured(row=before, body=body, is_new=False, at=at)


async def _open_new(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    new: NewCapture,
    marks: Marks,
    *,
    at: Instant,
) -> OpenCapture:
    """The capture as a placeholder, of which nobody knows whose it is."""
    timing = _timing(new, at)
    body = new_body(
        operator=new.operator,
        evidence=new.evidence,
        notice=await find_read_out(
            connection,
            book,
            new.notice,
            asked=new.asked,
            since=timing.interval.early,
            may_be_old=new.claimed is not None,
            version=None if new.claimed is None else new.claimed.catalogue,
        ),
        weighed=wait(new.choices),
        captured_at=timing.interval.early if new.claimed is None else new.claimed.at,
    )
    capture = CaptureId(uuid7(at, context.randomness(RANDOM_BYTES)))
    wrapped, sealed = seal_apart(context, capture, body)
    row = CaptureRow(
        id=capture,
        client_id=marks.client_id,
        party=str(new.asked),
        state=CaptureState.PENDING,
        channel=new.channel,
        operator_hash=marks.operator,
        key_hash=marks.key,
        evidence_hash=marks.evidence,
        digest=marks.digest,
        subject=None,
        wrapped_key=wrapped,
        sealed=sealed,
        timing=timing,
        recorded_at=at,
        expires_at=Instant(at + context.settings.captures_wait_d * DAY),
        ended_at=None,
    )
    return OpenCapture(row=row, body=body)


async def _check_form(
    connection: AsyncConnection, book: Book, capture: OpenCapture, person: OpenSubject | None
) -> None:
    """Judge it as a decision would be, whosever it is: what could never be one is refused now."""
    row, body = capture.row, capture.body
    admit(
        Draft(
            choices=tuple(each.choice for each in body.weighed),
            reach=asked_of(row),
            notice=await shown_notice(connection, book, body),
            channel=row.channel,
            timing=row.timing,
            recorded_at=row.recorded_at,
        ),
        rights_of(row, Assurance.ASSISTED),
        book.catalogue,
        id_=DecisionId(row.id),
        subject=SubjectId(row.id) if person is None else person.id,
        adult=True,
    )


def _timing(new: NewCapture, at: Instant) -> Timing:
    """When it happened: somebody else keyed it in, so it is never later than they say."""
    claimed = new.claimed
    if claimed is None:
        if new.evidence.kind is EvidenceKind.PAPER:
            raise MalformedError(
                "captured_at_missing", "Say when the paper was signed.", where="captured_at"
            )
        return online(at)
    if claimed.last_sync is not None:
        return offline(
            claimed=claimed.at,
            receipt=claimed.received_at or at,
            last_sync=claimed.last_sync,
            bound=claimed.bound,
        )
    if claimed.at > at + _SKEW:
        raise MalformedError(
            "captured_in_future", "It cannot have been captured after now.", where="captured_at"
        )
    # Nothing proves when it was: a yes counts from when they say, a no from now.
    at_latest = Instant(min(claimed.at, at))
    return offline(claimed=at_latest, receipt=at, last_sync=at_latest, bound=None)


async def _now(connection: AsyncConnection, person: OpenSubject | None) -> Instant:
    if person is None:
        return await clock.now(connection)
    return await clock.now_after(connection, person.id)
