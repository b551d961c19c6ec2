"""Who read or verified what of the person who is there."""

from dataclasses import dataclass
from typing import Final

import msgspec

from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.flows.context import Context
from consentid.flows.hub_session import Visitor
from consentid.flows.preference_page import Coming, Errand, PreferencePage, receive
from consentid.flows.read_buffer import ReadKind
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.kit.instants import Instant
from consentid.store import clients, reads

PAGE: Final = 60


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    hour: int
    client_id: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRead:
    """What one client read within an hour."""

    hour: Instant
    client_id: str
    party: Party | None
    """None where it was no client, but our staff; a party that has left is still named."""
    kind: ReadKind
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReads:
    """A page of it, newest first."""

    page: PreferencePage
    errand: Errand
    entries: tuple[OwnRead, ...]
    older: str | None


async def show_own_reads(
    context: Context, coming: Coming, *, unverified_cursor: str | None
) -> OwnReads:
    """A page of who read what: of the account, and of the device beneath it.

    Raises:
        MalformedError: the cursor is not one of this person's.
    """
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, coming)
        subjects = subjects_of(page.visitor)
        if not subjects:
            return OwnReads(page=page, errand=errand, entries=(), older=None)
        holder = f"reads/{subjects[0].hex}"
        before = None
        if unverified_cursor is not None:
            at = open_reference(
                context, ReferenceKind.CURSOR, unverified_cursor, holder=holder, into=_Cursor
            )
            before = (Instant(at.hour), at.client_id, at.kind)
        rows = await reads.page(connection, subjects, before=before, limit=PAGE + 1)
        parties: dict[str, Party] = {}
        for client_id in {row.client_id for row in rows}:
            client = await clients.find_ever(connection, client_id)
            if client is not None:
                parties[client_id] = client.party
    shown = rows[:PAGE]
    older = None
    if len(rows) > PAGE:
        last = _Cursor(hour=shown[-1].hour, client_id=shown[-1].client_id, kind=shown[-1].kind)
        older = seal_reference(context, ReferenceKind.CURSOR, holder=holder, content=last)
    return OwnReads(
        page=page,
        errand=errand,
        entries=tuple(
            OwnRead(
                hour=row.hour,
                client_id=row.client_id,
                party=parties.get(row.client_id),
                kind=ReadKind(row.kind),
                times=row.times,
            )
            for row in shown
        ),
        older=older,
    )


def subjects_of(visitor: Visitor) -> list[SubjectId]:
    """Whose reads these are: the account's, and those of the device in this browser."""
    session = visitor.session
    if session is None:
        return []
    beneath = [] if session.device is None else [session.device.id]
    return [session.subject.id, *beneath]
