"""A subject is to be forgotten: at once nothing of it is served, and nothing speaks for it.

Its key and what it was known by are set aside, where no serving process can reach them: whoever
signs in again is somebody new.  What it decided stays sealed until proof of it is needed no more;
then it is shredded (``shred_subjects``).  Spec: GDPR articles 17 and 18.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.core.projection import Grant
from consentid.events.contract import Kind as Event
from consentid.flows.context import Context
from consentid.flows.event_seal import Told, seal_told
from consentid.flows.lines import find_line
from consentid.flows.log_origin import log_origin
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.flows.stage_entry import stage_entry
from consentid.flows.tell_of_end import tell_of_end
from consentid.kit import canonical
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import DAY, Instant
from consentid.ledger.leaf import Kind
from consentid.store import clock, erasures, hub_sessions, journal, statuses
from consentid.store.erasures import ErasureRow, Requested
from consentid.store.statuses import AudienceState

OPERATOR: Final = "operator"
"""Who asked, where it was no client."""


class Reason(StrEnum):
    """Why a person is to be forgotten.  Spec: GDPR article 17(1) (a) to (f), in its order."""

    NO_LONGER_NECESSARY = "no_longer_necessary"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OBJECTION = "objection"
    UNLAWFUL = "unlawful"
    LEGAL_OBLIGATION = "legal_obligation"
    CHILD = "child"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An erasure as it is asked for."""

    reason: Reason
    asked_by: str
    at_once: bool = False
    """Whether to keep no proof."""


async def restrict_subject(
    context: Context, connection: AsyncConnection, subject: SubjectId, asked: Asked
) -> ErasureRow | None:
    """Set a subject aside; what was asked for before stands.  None for one unknown or shredded.

    The caller commits.
    """
    opened = await open_subject(context, connection, subject, lock=True)
    before = await erasures.find_of(connection, subject)
    if before is not None or opened is None:
        return before
    now = await clock.now(connection)
    proof_d = 0 if asked.at_once else context.settings.erasure_proof_d
    erasure = ErasureRow(
        id=uuid7(now, context.randomness(RANDOM_BYTES)),
        subject=subject,
        reason=asked.reason,
        asked_by=asked.asked_by,
        restricted_at=now,
        shred_at=Instant(now + proof_d * DAY),
    )
    await put_aside(context, connection, opened, erasure)
    return erasure


async def put_aside(
    context: Context,
    connection: AsyncConnection,
    subject: OpenSubject,
    erasure: ErasureRow,
    *,
    listed_at: Instant | None = None,
) -> None:
    """Do what an erasure asks for first.  The caller holds the subject's lock and commits."""
    at = erasure.restricted_at
    await erasures.add(connection, erasure, listed_at=listed_at)
    book = await context.book(connection)
    states = await statuses.of_subject(connection, subject.id)
    for state in states:
        context.suspects.note(state.status, at=at)
    ended = await hub_sessions.of_account(connection, subject.id)
    await tell_of_end(context, connection, ended, at=at)
    await erasures.set_aside(connection, subject.id, at=at)
    await stage_entry(
        connection,
        kind=Kind.REQUEST,
        event_id=erasure.id,
        commitment=request_commitment(erasure),
        origin=log_origin(context, book),
        at=at,
    )
    await journal.add_event(
        connection,
        event_id=erasure.id,
        kind=Event.ERASURE,
        subject=subject.id,
        subject_version=subject.version,
        told=seal_told(context, Told(parties=_who_knew(book, subject, states))),
        at=at,
    )


def _who_knew(book: Book, subject: OpenSubject, states: Iterable[AudienceState]) -> tuple[str, ...]:
    """The brands and partners that were granted something of a subject, or got tokens."""
    lines = [line for each in states if (line := find_line(book, each.audience)) is not None]
    parties = {party for line in lines for party in (line.origin, *line.actors)}
    for fact in subject.projection.facts():
        party = fact.named.party if isinstance(fact, Grant) else fact.reach
        if party is not None:
            parties.add(party)
    return tuple(sorted(map(str, parties)))


def request_commitment(erasure: Requested) -> bytes:
    """What the log says of a request: nothing of whom it is about, so without salt.  32 bytes."""
    return canonical.digest(
        {
            "v": 1,
            "erasure": str(erasure.id),
            "reason": erasure.reason,
            "asked_by": erasure.asked_by,
            "restricted_at": erasure.restricted_at,
            "shred_at": erasure.shred_at,
        }
    )
