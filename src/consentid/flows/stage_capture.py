"""Stage a capture once its person is known: all that was said of them, and what became of it.

Another entry follows whenever its state becomes another by somebody's act, so that whoever audits
can hold the stored capture against the last one.  That it waited too long is nobody's act.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.capture import CaptureState
from consentid.flows.capture_body import OpenCapture
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.stage_entry import stage_own
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind


async def stage_capture(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    capture: OpenCapture,
    *,
    subject: OpenSubject,
    state: CaptureState,
    at: Instant,
) -> None:
    """Stage that a capture is in a state from now on."""
    await stage_own(
        context,
        connection,
        book,
        Kind.CAPTURE,
        subject=subject,
        about={**handed_in(capture), "state": state},
        at=at,
    )


def handed_in(capture: OpenCapture) -> dict[str, Json]:
    """What was captured, as the log has it: whatever becomes of it, this stays the same."""
    row, body = capture.row, capture.body
    evidence, notice = body.evidence, body.notice
    return {
        "capture": str(row.id),
        "client": row.client_id,
        "party": row.party,
        "channel": row.channel,
        "operator": body.operator,
        "evidence": evidence.kind,
        "version": evidence.version,
        "reference": evidence.reference,
        "digest": None if evidence.digest is None else evidence.digest.hex(),
        "notice": {
            "id": notice.id,
            "version": notice.version,
            "language": notice.language,
            "digest": notice.digest.hex(),
            "catalogue": notice.catalogue,
        },
        "choices": [[each.choice.purpose, each.choice.outcome] for each in body.weighed],
        "captured_at": body.captured_at,
        "early": row.timing.interval.early,
        "late": row.timing.interval.late,
        "clock_unproven": row.timing.clock_unproven,
    }
