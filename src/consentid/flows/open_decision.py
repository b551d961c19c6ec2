"""Unseal a subject's decisions; one that cannot be read is named, and stands in no other's way."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from consentid.core.decision import Decision, DecisionId, SubjectId
from consentid.core.record import from_record
from consentid.flows.append_decisions import BODY
from consentid.flows.open_subject import OpenSubject
from consentid.keyring import wrapping
from consentid.kit.errors import UnreadableError
from consentid.kit.instants import Instant
from consentid.store.decisions import DecisionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A decision of which no more can be told."""

    id: DecisionId
    recorded_at: Instant
    why: str
    """With what there is to do; for whoever runs this."""

    def error(self, what: str | None = None) -> UnreadableError:
        """The same where nothing can be told without it; ``what`` where its id is not to be."""
        return UnreadableError("record_unreadable", self.why, where=what or f"decision {self.id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Decisions as far as they can be read, in the order of their rows."""

    readable: Sequence[Decision]
    unreadable: Sequence[Unreadable]


def open_decision(subject: OpenSubject, row: DecisionRow) -> Decision:
    """Unseal one decision of a subject.

    Raises:
        UnreadableError: its record cannot be read.
    """
    return unseal_decision(subject.key, subject.id, row)


def unseal_decision(key: bytes, subject: SubjectId, row: DecisionRow) -> Decision:
    """Unseal one decision with its subject's key.

    Raises:
        UnreadableError: its record cannot be read.
    """
    found = try_decision(key, subject, row)
    if isinstance(found, Unreadable):
        raise found.error()
    return found


def open_readable(subject: OpenSubject, rows: Sequence[DecisionRow]) -> Opened:
    """Unseal what can be read, and name the rest."""
    found = [try_decision(subject.key, subject.id, row) for row in rows]
    return Opened(
        readable=[each for each in found if isinstance(each, Decision)],
        unreadable=[each for each in found if isinstance(each, Unreadable)],
    )


def try_decision(key: bytes, subject: SubjectId, row: DecisionRow) -> Decision | Unreadable:
    """Unseal one decision, or say why not."""
    try:
        body = wrapping.open_sealed(key, row.sealed, aad=BODY + row.id.bytes)
    except UnreadableError as error:
        why = (
            f"its record cannot be opened ({error.message}): run `consentid ledger verify`, "
            "and bring the row back from a backup"
        )
        return Unreadable(id=row.id, recorded_at=row.recorded_at, why=why)
    try:
        return from_record(msgspec.json.decode(body), subject=subject)
    except (ValueError, LookupError, TypeError):
        why = "its record is in a form that this release cannot read: use the one that wrote it"
        return Unreadable(id=row.id, recorded_at=row.recorded_at, why=why)
