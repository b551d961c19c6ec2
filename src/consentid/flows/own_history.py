"""A person's own history at the hub: every decision, and the exact text that each one answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.notice import Notice
from consentid.core.decision import CatalogueVersion, Decision, DecisionId
from consentid.core.party import Party
from consentid.flows.complete_receipt import complete_receipt
from consentid.flows.context import Context, read_book
from consentid.flows.open_decision import Unreadable, open_decision, open_readable
from consentid.flows.open_subject import OpenSubject
from consentid.flows.preference_page import Coming, Errand, PreferencePage, receive
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.show_arrival import show_arrivals
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import Instant
from consentid.store import clients, decisions
from consentid.store.decisions import DecisionRow
from consentid.store.systems import Arrival
from consentid.tokens.receipt import Receipt

PAGE: Final = 20


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    recorded_at: int
    id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDecision:
    """A decision, and who took it in."""

    decision: Decision
    party: Party | None
    """The brand or partner whose client keyed it in, or asked for it; None for the hub itself."""
    arrivals: tuple[Arrival, ...] = ()
    """The systems that were to hear of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnHistory:
    """A page of it, newest first."""

    page: PreferencePage
    errand: Errand
    entries: tuple[OwnDecision | Unreadable, ...]
    older: str | None
    """The cursor for what is older; None at the end."""


async def newest_of(
    connection: AsyncConnection, subject: OpenSubject, *, limit: int
) -> tuple[OwnDecision | Unreadable, ...]:
    """What somebody decided last, the newest first."""
    rows = await decisions.page(connection, subject.id, before=None, limit=limit)
    opened = open_readable(subject, rows)
    takers = await _takers(connection, opened.readable)
    told = [OwnDecision(decision=each, party=takers.get(each.actor)) for each in opened.readable]
    return _in_order(rows, told, opened.unreadable)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEntry:
    """One decision with all that is kept of it."""

    page: PreferencePage
    errand: Errand
    entry: OwnDecision
    notice: Notice | None
    """The exact text that was shown; None where none was answered."""
    receipt: Receipt
    """With its proof, once it is in the log."""


async def show_own_history(
    context: Context, coming: Coming, *, unverified_cursor: str | None
) -> OwnHistory:
    """A page of what the person decided; nothing for somebody unknown.

    Raises:
        MalformedError: the cursor is not one of this person's.
    """
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, coming)
        session = page.visitor.session
        if session is None:
            return OwnHistory(page=page, errand=errand, entries=(), older=None)
        subject = session.subject
        before = None
        if unverified_cursor is not None:
            at = open_reference(
                context,
                ReferenceKind.CURSOR,
                unverified_cursor,
                holder=_holder(subject),
                into=_Cursor,
            )
            before = (Instant(at.recorded_at), UUID(bytes=at.id))
        rows = await decisions.page(connection, subject.id, before=before, limit=PAGE + 1)
        shown = rows[:PAGE]
        opened = open_readable(subject, shown)
        takers = await _takers(connection, opened.readable)
        arrivals = await show_arrivals(
            context, connection, page.book, subject.id, [each.id for each in opened.readable]
        )
    older = None
    if len(rows) > PAGE:
        last = _Cursor(recorded_at=shown[-1].recorded_at, id=shown[-1].id.bytes)
        older = seal_reference(context, ReferenceKind.CURSOR, holder=_holder(subject), content=last)
    told = [
        OwnDecision(decision=each, party=takers.get(each.actor), arrivals=arrivals.get(each.id, ()))
        for each in opened.readable
    ]
    return OwnHistory(
        page=page, errand=errand, entries=_in_order(shown, told, opened.unreadable), older=older
    )


async def show_own_decision(context: Context, coming: Coming, decision: UUID) -> OwnEntry:
    """One decision of the person who is there.

    Raises:
        NotFoundError: it is not this person's.
        UnreadableError: its record cannot be read.
    """
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, coming)
        session = page.visitor.session
        row = (
            None
            if session is None
            else await decisions.find(connection, session.subject.id, decision)
        )
        if session is None or row is None:
            raise NotFoundError("decision_unknown", "You made no such decision.")
        opened = open_decision(session.subject, row)
        takers = await _takers(connection, [opened])
        notice = await find_shown(connection, opened)
        arrivals = await show_arrivals(
            context, connection, page.book, session.subject.id, [opened.id]
        )
        receipt = await complete_receipt(
            context, connection, page.book, session.subject, opened, party=None
        )
    return OwnEntry(
        page=page,
        errand=errand,
        entry=OwnDecision(
            decision=opened,
            party=takers.get(opened.actor),
            arrivals=arrivals.get(opened.id, ()),
        ),
        notice=notice,
        receipt=receipt,
    )


async def find_shown(connection: AsyncConnection, decision: Decision) -> Notice | None:
    """The text that a decision answered, from the configuration it was served under.

    None where it answered none, and where what is kept is not that very text.
    """
    ref = decision.notice
    if ref is None:
        return None
    book = await read_book(connection, CatalogueVersion(decision.catalogue))
    notice = book.notices.get((ref.id, ref.language))
    return notice if notice is not None and notice.digest == ref.digest else None


def _in_order(
    rows: Sequence[DecisionRow], told: Sequence[OwnDecision], unreadable: Sequence[Unreadable]
) -> tuple[OwnDecision | Unreadable, ...]:
    found: dict[DecisionId, OwnDecision | Unreadable] = {each.decision.id: each for each in told}
    found |= {each.id: each for each in unreadable}
    return tuple(found[row.id] for row in rows)


async def _takers(connection: AsyncConnection, opened: Sequence[Decision]) -> dict[str, Party]:
    found: dict[str, Party] = {}
    for actor in {each.actor for each in opened}:
        client = await clients.find_ever(connection, actor)
        if client is not None:
            found[actor] = client.party
    return found


def _holder(subject: OpenSubject) -> str:
    return f"history/{subject.id.hex}"
