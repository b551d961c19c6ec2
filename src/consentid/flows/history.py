"""A subject's decisions, unsealed: all of them for judging, a page of them for showing."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.catalogue import offered
from consentid.core.decision import Choice, Decision, Outcome
from consentid.core.party import Named, Party, can_cover, reach_kind
from consentid.core.purpose import lineage
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.note_read import note_read
from consentid.flows.open_decision import Unreadable, open_decision, try_decision
from consentid.flows.open_subject import OpenSubject
from consentid.flows.read_buffer import ReadKind
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.session import open_session
from consentid.flows.show_state import public_decision_id
from consentid.kit.instants import DAY, Instant, to_rfc3339
from consentid.store import decisions

PAGE: Final = 50


class ChoiceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose and an outcome."""

    purpose: str
    outcome: str


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, as one brand or partner may see it."""

    decision: str
    recorded_at: str
    """To the microsecond where it was recorded here, to the day where it was not."""
    early: str
    late: str
    reach: str
    choices: list[ChoiceOut]
    catalogue: int
    notice: dict[str, Any] | None
    assurance: str
    channel: str
    signal: str | None
    adopted: bool
    here: bool
    """Whether it was recorded by one of the caller's own clients."""


class HistoryOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of history, newest first."""

    decisions: list[HistoryEntry]
    next: str | None
    """Pass it as ``cursor`` for what is older; null at the end."""
    unreadable: list[str]
    """Decisions of this page whose records cannot be read at present; empty where all is well."""


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    recorded_at: int
    id: bytes


async def full_history(connection: AsyncConnection, subject: OpenSubject) -> Sequence[Decision]:
    """Every decision of a subject, oldest first.

    Raises:
        UnreadableError: one of them cannot be read, so what follows from all is not known.
    """
    return [
        open_decision(subject, row) for row in await decisions.of_subject(connection, subject.id)
    ]


async def show_history(
    context: Context, caller: Caller, *, cursor: str | None, limit: int
) -> HistoryOut:
    """A page of what the caller's brand or partner may see: its own reach, and the group's.

    Raises:
        MalformedError: the cursor is not one of this caller's sector.
        ForbiddenError: the caller's token names no subject.
    """
    subject_id = caller.require_subject()
    party = caller.client.party
    before: tuple[Instant, UUID] | None = None
    if cursor is not None:
        at = open_reference(context, ReferenceKind.CURSOR, cursor, holder=str(party), into=_Cursor)
        before = (Instant(at.recorded_at), UUID(bytes=at.id))
    shown: list[HistoryEntry] = []
    unreadable: list[str] = []
    more = True
    async with context.database.reading() as connection:
        book = await context.book(connection)
        own_clients = frozenset(
            id_ for id_, client in book.clients.items() if client.party == party
        ) | {caller.client.client_id}
        session = await open_session(context, connection, subject=subject_id, device=None)
        while more and len(shown) < limit:
            rows = await decisions.page(connection, subject_id, before=before, limit=PAGE)
            more = len(rows) == PAGE
            for row in rows:
                before = (row.recorded_at, row.id)
                decision = try_decision(session.subject.key, subject_id, row)
                if isinstance(decision, Unreadable):
                    unreadable.append(public_decision_id(context, party, row.id))
                    continue
                choices = visible_choices(book, party, decision)
                if not choices:
                    continue
                here = decision.actor in own_clients
                shown.append(entry_of(context, party, decision, choices, here=here))
                if len(shown) == limit:
                    more = True
                    break
    note_read(context, subject_id, caller.client.client_id, ReadKind.HISTORY)
    return HistoryOut(
        decisions=shown,
        next=None
        if not more or before is None
        else seal_reference(
            context,
            ReferenceKind.CURSOR,
            holder=str(party),
            content=_Cursor(recorded_at=before[0], id=before[1].bytes),
        ),
        unreadable=unreadable,
    )


def visible_choices(book: Book, party: Party, decision: Decision) -> Sequence[Choice]:
    """The choices that concern a brand or partner, and no others.

    Of refusals those that reach it, of grants those whose notice named it too; both only for what
    it offers, or for what lies above that in the tree.
    """
    terms = book.catalogue.parties.get(party)
    if terms is None or decision.reach not in (None, party):
        return ()
    concerned = {above for id_ in offered(book.catalogue, party) for above in lineage(id_)}
    named = decision.notice is not None and any(
        each == Named(party=party, entity=terms.entity) and can_cover(decision.reach, party)
        for each in decision.notice.names
    )
    return [
        choice
        for choice in decision.choices
        if choice.purpose in concerned and (named or choice.outcome is Outcome.REFUSED)
    ]


def entry_of(
    context: Context, party: Party, decision: Decision, choices: Sequence[Choice], *, here: bool
) -> HistoryEntry:
    """One decision.  What was recorded elsewhere is told by the day: instants join nobody."""

    def shown(instant: Instant) -> str:
        return to_rfc3339(instant if here else Instant(instant - instant % DAY))

    notice = decision.notice if here else None
    return HistoryEntry(
        decision=public_decision_id(context, party, decision.id),
        recorded_at=shown(decision.recorded_at),
        early=shown(decision.interval.early),
        late=shown(decision.interval.late),
        reach=reach_kind(decision.reach),
        choices=[ChoiceOut(purpose=choice.purpose, outcome=choice.outcome) for choice in choices],
        catalogue=decision.catalogue,
        notice=None
        if notice is None
        else {
            "id": notice.id,
            "version": notice.version,
            "language": notice.language,
            "digest": notice.digest.hex(),
        },
        assurance=decision.assurance,
        channel=decision.channel,
        signal=decision.signal,
        adopted=decision.adopted_from is not None,
        here=here,
    )
