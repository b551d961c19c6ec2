"""Write admitted decisions: body, projection, ledger entry, outbox row, token rows, all or none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core import projection
from consentid.core.decision import Decision
from consentid.core.record import to_record
from consentid.flows.context import Context
from consentid.flows.end_dependents import end_dependents
from consentid.flows.open_subject import OpenSubject, seal_for, seal_projection
from consentid.flows.restate import changed, ended, find_rows, settle_all, take_indices
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, encode_leaf, origin_of
from consentid.store import acts, statuses
from consentid.store.acts import Act, NewDecision

BODY: Final = b"decision/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """A subject that has decided, and what is to be written of that."""

    subject: OpenSubject
    decisions: Sequence[NewDecision]


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
    appended = append(context, book, subject, decisions)
    states = await statuses.of_subject(connection, subject.id)
    rows = find_rows(book, appended.subject, states, at=at)
    indices = await take_indices(context, connection, [(subject.id, row) for row in rows], at=at)
    act = Act(
        subject=subject.id,
        at=at,
        decisions=appended.decisions,
        projection=seal_projection(context, appended.subject),
        states=changed(rows, settle_all(context, book, appended.subject, rows, indices)),
        ended=ended(context, rows, at=at),
    )
    await acts.write(connection, [act])
    await end_dependents(connection, book, appended.subject, decisions, at=at)
    return appended.subject


def append(
    context: Context, book: Book, subject: OpenSubject, decisions: Sequence[Decision]
) -> Appended:
    """A subject with some decisions more.  Nothing is written yet."""
    new: list[NewDecision] = []
    facts = subject.projection
    for decision in decisions:
        new.append(_seal(context, book, subject, decision, version=subject.version + len(new) + 1))
        facts = projection.add(facts, decision)
    return Appended(
        subject=replace(subject, version=subject.version + len(new), projection=facts),
        decisions=new,
    )


def _seal(
    context: Context, book: Book, subject: OpenSubject, decision: Decision, *, version: int
) -> NewDecision:
    body = canonical.encode(to_record(decision))
    commitment = wrapping.commitment(wrapping.commitment_salt(subject.key, decision.id.bytes), body)
    kind = _kind(decision)
    return NewDecision(
        decision=decision,
        sealed=seal_for(context, subject.key, body, aad=BODY + decision.id.bytes),
        commitment=commitment,
        kind=kind,
        leaf=encode_leaf(
            kind=kind,
            event_id=decision.id,
            at=decision.recorded_at,
            origin=origin_of(book.group.issuer),
            commitment=commitment,
        ),
        subject_version=version,
    )


def _kind(decision: Decision) -> Kind:
    if decision.adopted_from is not None:
        return Kind.CLAIM
    return Kind.DECISION if decision.signal is None else Kind.SIGNAL
