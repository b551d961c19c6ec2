"""What a client captured, as it may see it: its own, and nobody else's."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureState
from consentid.flows.capture_body import CaptureBody, open_body
from consentid.flows.capture_cursor import PAGE, open_cursor, seal_next
from consentid.flows.context import Context
from consentid.flows.new_capture import Captured
from consentid.flows.note_read import note_read
from consentid.flows.open_subject import open_subject
from consentid.flows.read_buffer import ReadKind
from consentid.flows.take_capture import state_now
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import Instant, to_rfc3339
from consentid.store import captures, clock, field_bundles
from consentid.store.captures import CaptureRow
from consentid.store.clients import Client
from consentid.store.field_bundles import Origin
from consentid.telemetry.tracing import step


class EvidenceOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What shows that it was said."""

    kind: str
    version: str
    reference: str | None = None
    digest: str | None = None


class CapturedChoiceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A captured choice, and what became of it."""

    purpose: str
    outcome: str
    effect: str
    """``counts``, ``waits`` for the person, or ``none``."""


class CaptureOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A capture."""

    capture: str
    state: str
    """``pending``, ``held``, ``recorded``, ``confirmed``, ``refused``, ``disputed``, ``expired`` or
    ``discarded``.
    """
    resolved: bool
    """Whether it is known whose it is."""
    asked: str
    channel: str
    captured_early: str
    """It happened no earlier than this: a yes counts from then."""
    captured_late: str
    recorded_at: str
    expires_at: str
    ended_at: str | None = None
    device: str | None = None
    """The capture device that signed it, where one did."""
    flags: tuple[str, ...] = ()
    """``clock_unproven``: the clock it was timed by cannot be right; ``device_revoked``: the device
    was revoked since.
    """
    operator: str | None = None
    evidence: EvidenceOut | None = None
    """What was said is kept no longer than it is needed."""
    choices: list[CapturedChoiceOut] | None = None


class CapturesOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of captures, the newest first."""

    captures: list[CaptureOut]
    next: str | None


@step("show_captures")
async def show_captures(context: Context, client: Client, *, cursor: str | None) -> CapturesOut:
    """A page of what a client captured.

    Raises:
        MalformedError: the cursor is not one of this client's.
    """
    holder = f"captures/{client.client_id}"
    before = open_cursor(context, cursor, holder=holder)
    async with context.database.reading() as connection:
        now = await clock.now(connection)
        rows = await captures.page_of_client(
            connection, client.client_id, before=before, limit=PAGE + 1
        )
        origins = await field_bundles.origins(connection, [row.id for row in rows])
        shown = [
            await _open(context, connection, row, origins.get(row.id), now) for row in rows[:PAGE]
        ]
    for row in rows[:PAGE]:
        _note(context, row)
    return CapturesOut(captures=shown, next=seal_next(context, rows, holder=holder))


@step("show_capture")
async def show_capture(context: Context, client: Client, capture: UUID) -> CaptureOut:
    """One capture of a client's own.

    Raises:
        NotFoundError: it captured nothing of this name.
    """
    async with context.database.reading() as connection:
        row = await captures.find(connection, capture)
        if row is None or row.client_id != client.client_id:
            raise NotFoundError("capture_unknown", "You captured nothing of this name.")
        origins = await field_bundles.origins(connection, [row.id])
        shown = await _open(
            context, connection, row, origins.get(row.id), await clock.now(connection)
        )
    _note(context, row)
    return shown


def tell_capture(context: Context, captured: Captured) -> CaptureOut:
    """Answer whoever handed a capture in, or said whose it is; whose it is sees that."""
    _note(context, captured.row)
    return describe_capture(captured.row, captured.body, now=captured.at)


def describe_capture(
    row: CaptureRow, body: CaptureBody | None, *, now: Instant, origin: Origin | None = None
) -> CaptureOut:
    """Put a capture into the words of the API."""
    state = state_now(row, now)
    interval = row.timing.interval
    return CaptureOut(
        capture=str(row.id),
        state=state,
        resolved=row.subject is not None,
        asked=row.party,
        channel=row.channel,
        captured_early=to_rfc3339(interval.early),
        captured_late=to_rfc3339(interval.late),
        recorded_at=to_rfc3339(row.recorded_at),
        expires_at=to_rfc3339(row.expires_at),
        ended_at=None if row.ended_at is None else to_rfc3339(row.ended_at),
        device=None if origin is None else origin.device,
        flags=tuple(_flags(row, origin)),
        operator=None if body is None else body.operator,
        evidence=None if body is None else evidence_out(body),
        choices=None if body is None else list(_choices(body, state)),
    )


def _note(context: Context, row: CaptureRow) -> None:
    if row.subject is not None:
        note_read(context, row.subject, row.client_id, ReadKind.CAPTURE)


def evidence_out(body: CaptureBody) -> EvidenceOut:
    """Evidence, as it is told."""
    evidence = body.evidence
    return EvidenceOut(
        kind=evidence.kind,
        version=evidence.version,
        reference=evidence.reference,
        digest=None if evidence.digest is None else evidence.digest.hex(),
    )


def _flags(row: CaptureRow, origin: Origin | None) -> Iterable[str]:
    if row.timing.clock_unproven:
        yield "clock_unproven"
    if origin is not None and origin.is_revoked:
        yield "device_revoked"


def _choices(body: CaptureBody, state: CaptureState) -> Iterable[CapturedChoiceOut]:
    waits = state in (CaptureState.PENDING, CaptureState.HELD)
    for each in body.weighed:
        effect = str(each.fate)
        if each.fate == "waits" and not waits:
            effect = "none"
        yield CapturedChoiceOut(
            purpose=each.choice.purpose, outcome=each.choice.outcome, effect=effect
        )


async def _open(
    context: Context,
    connection: AsyncConnection,
    row: CaptureRow,
    origin: Origin | None,
    now: Instant,
) -> CaptureOut:
    subject = None
    if row.subject is not None:
        subject = await open_subject(context, connection, row.subject)
        if subject is None:  # being erased: nothing of theirs is served to anybody
            return describe_capture(row, None, now=now, origin=origin)
    body = None if row.sealed is None else open_body(context, row, subject)
    return describe_capture(row, body, now=now, origin=origin)
