"""Write admitted decisions: body, projection, ledger entry, outbox row, token rows, all or none."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core import projection
from consentid.core.decision import Decision
from consentid.core.record import to_record
from consentid.flows.context import Context
from consentid.flows.end_dependents import end_dependents
from consentid.flows.open_subject import OpenSubject, save_subject, seal_for
from consentid.flows.restate import restate_all
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, encode_leaf, origin_of
from consentid.store import decisions as decision_rows
from consentid.store import journal

BODY: Final = b"decision/1\0"


async def commit_decisions(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    decisions: Sequence[Decision],
    *,
    at: Instant,
) -> OpenSubject:
    """Append decisions of one subject and bring all that follows from them up to date.

    What rested on something that they take back ends.

    The caller holds the subject's lock and commits.
    """
    changed = subject
    for decision in decisions:
        changed = await _append(context, connection, book, changed, decision)
    await save_subject(context, connection, changed)
    await restate_all(context, connection, book, changed, at=at)
    await end_dependents(connection, book, changed, decisions, at=at)
    return changed


async def _append(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    decision: Decision,
) -> OpenSubject:
    body = canonical.encode(to_record(decision))
    salt = wrapping.commitment_salt(subject.key, decision.id.bytes)
    commitment = wrapping.commitment(salt, body)
    version = subject.version + 1
    kind = _kind(decision)
    await decision_rows.add(
        connection,
        decision,
        sealed=seal_for(context, subject.key, body, aad=BODY + decision.id.bytes),
        commitment=commitment,
    )
    await journal.stage_entry(
        connection,
        event_id=decision.id,
        kind=kind,
        leaf=encode_leaf(
            kind=kind,
            event_id=decision.id,
            at=decision.recorded_at,
            origin=origin_of(book.group.issuer),
            commitment=commitment,
        ),
        at=decision.recorded_at,
    )
    await journal.add_event(
        connection,
        event_id=decision.id,
        kind=kind,
        subject=subject.id,
        subject_version=version,
        at=decision.recorded_at,
    )
    return replace(
        subject, version=version, projection=projection.add(subject.projection, decision)
    )


def _kind(decision: Decision) -> Kind:
    if decision.adopted_from is not None:
        return Kind.CLAIM
    return Kind.DECISION if decision.signal is None else Kind.SIGNAL
