"""A subject decides: each decision sealed under its key, committed to, added to what it comes to.

Nothing is written here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from consentid.brandbook.book import Book
from consentid.core import projection
from consentid.core.decision import Decision
from consentid.core.record import to_record
from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.open_subject import OpenSubject, seal_for
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, encode_leaf
from consentid.store.acts import NewDecision

BODY: Final = b"decision/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """A subject that has decided, and what is to be written of that."""

    subject: OpenSubject
    decisions: Sequence[NewDecision]
    at: Instant


def append_decisions(
    context: Context,
    book: Book,
    subject: OpenSubject,
    decisions: Sequence[Decision],
    *,
    at: Instant,
) -> Appended:
    """A subject with some decisions more."""
    new: list[NewDecision] = []
    facts = subject.projection
    for decision in decisions:
        new.append(_seal(context, book, subject, decision, version=subject.version + len(new) + 1))
        facts = projection.add(facts, decision)
    return Appended(
        subject=replace(subject, version=subject.version + len(new), projection=facts),
        decisions=new,
        at=at,
    )


def _seal(
    context: Context, book: Book, subject: OpenSubject, decision: Decision, *, version: int
) -> NewDecision:
    record = to_record(decision)
    salt = wrapping.commitment_salt(subject.key, decision.id.bytes)
    body = canonical.encode(record)
    commitment = wrapping.commitment(salt, body)
    return NewDecision(
        decision=decision,
        record=record,
        salt=salt,
        sealed=seal_for(context, subject.key, body, aad=BODY + decision.id.bytes),
        commitment=commitment,
        kind=_kind(decision),
        leaf=encode_entry(context, book, decision, commitment),
        subject_version=version,
    )


def encode_entry(context: Context, book: Book, decision: Decision, commitment: bytes) -> bytes:
    """The leaf of a decision that is staged now."""
    return encode_leaf(
        kind=_kind(decision),
        event_id=decision.id,
        at=decision.recorded_at,
        origin=log_origin(context, book),
        commitment=commitment,
    )


def _kind(decision: Decision) -> Kind:
    if decision.adopted_from is not None:
        return Kind.CLAIM
    return Kind.DECISION if decision.signal is None else Kind.SIGNAL
