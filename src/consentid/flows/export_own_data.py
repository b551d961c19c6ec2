"""All that is kept of the person who is there, as one JSON document: no word about anybody else.

Other devices are named as coarsely as on the page: somebody else may have chosen on them.
"""

from typing import Any, Final

import msgspec

from consentid.flows.context import Context, read_book
from consentid.flows.export_rows import RowsOut, export_rows
from consentid.flows.manage_devices import show_places
from consentid.flows.note_export import note_download
from consentid.flows.open_decision import open_readable
from consentid.flows.own_captures import every_own_capture
from consentid.flows.own_history import find_shown
from consentid.flows.own_reads import subjects_of
from consentid.flows.preference_page import Coming, receive
from consentid.flows.session import resolve_here
from consentid.flows.show_captures import CaptureOut, describe_capture
from consentid.flows.write_receipt import sign_receipt, write_receipt
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import Instant, to_rfc3339
from consentid.store import clients, decisions, ledger, reads
from consentid.tokens.receipt import Receipt

SCHEMA: Final = "consentid/own-data/1"
_READS: Final = 100_000


class EffectiveOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What holds for one purpose at one brand or partner."""

    purpose: str
    state: str
    permitted: bool
    expires_at: str | None = None


class StandingOut(msgspec.Struct, frozen=True, kw_only=True):
    """What holds at one brand or partner."""

    party: str
    name: str
    legal_entity: str
    purposes: list[EffectiveOut]


class ReadOut(msgspec.Struct, frozen=True, kw_only=True):
    """What one client read within an hour."""

    hour: str
    client: str
    party: str | None
    kind: str
    times: int


class SessionOut(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in at the hub."""

    began_at: str
    ends_at: str
    this_browser: bool


class LinkedDeviceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A device that the account was used on."""

    first_used_at: str | None
    """The brand or partner; null for the hub's own pages."""
    since: str
    """The month."""
    this_browser: bool


class TelevisionOut(msgspec.Struct, frozen=True, kw_only=True):
    """A television that goes by the person's choices."""

    name: str | None
    """What it calls itself."""
    party: str | None
    """Whose app it runs."""
    connected_at: str
    last_seen_at: str


class OwnCaptureOut(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody else says that the person told them."""

    by: str | None
    """Whose client captured it; who keyed it in there is somebody else's data."""
    client: str
    capture: CaptureOut


class UnreadableOut(msgspec.Struct, frozen=True, kw_only=True):
    """A decision whose record cannot be read at present."""

    decision: str
    recorded_at: str
    why: str
    """For whoever runs this service."""


class OwnDataOut(msgspec.Struct, frozen=True, kw_only=True):
    """The document."""

    schema: str
    issuer: str
    made_at: str
    about: str
    """``account`` or ``device``."""
    recorded_as_adult: bool
    decisions: list[Receipt]
    """Oldest first, each with its receipt."""
    unreadable: list[UnreadableOut]
    """What was decided besides, and cannot be told at present; empty where all is well."""
    notices: dict[str, Any]
    """The exact texts that were answered, by the SHA-256 of their canonical JSON (RFC 8785)."""
    effective: list[StandingOut]
    reads: list[ReadOut]
    sessions: list[SessionOut]
    devices: list[LinkedDeviceOut]
    televisions: list[TelevisionOut]
    captures: list[OwnCaptureOut]
    kept: RowsOut
    """Whatever else is kept."""


async def export_own_data(context: Context, coming: Coming) -> OwnDataOut:
    """Everything of the person who is there.

    Raises:
        NotFoundError: nobody is known in this browser.
    """
    places = await show_places(context, coming)
    async with context.database.reading() as connection:
        page, _ = await receive(context, connection, coming)
        session = page.visitor.session
        if session is None:
            raise NotFoundError("nobody_known", "Nothing is kept about you in this browser.")
        book = page.book
        opened = open_readable(
            session.subject, await decisions.of_subject(connection, session.subject.id)
        )
        history = opened.readable
        leaves = await ledger.find_leaves(connection, [decision.id for decision in history])
        then = {
            version: await read_book(connection, version)
            for version in {decision.catalogue for decision in history}
        }
        notices: dict[str, Any] = {}
        for decision in history:
            if decision.notice is not None and decision.notice.digest.hex() not in notices:
                shown = await find_shown(connection, decision)
                if shown is not None:
                    notices[decision.notice.digest.hex()] = shown.canonical_text()
        kept = await export_rows(connection, session.subject)
        captured = await every_own_capture(context, connection, session.subject, now=page.now)
        rows = await reads.page(connection, subjects_of(page.visitor), before=None, limit=_READS)
        parties: dict[str, str] = {}
        for client_id in {row.client_id for row in rows}:
            client = await clients.find(connection, client_id)
            if client is not None:
                parties[client_id] = str(client.party)
    await note_download(context, session.subject)
    profiles = (*book.brands.values(), *book.partners.values())
    return OwnDataOut(
        schema=SCHEMA,
        issuer=book.group.issuer,
        made_at=to_rfc3339(page.now),
        about="device" if page.visitor.login is None else "account",
        recorded_as_adult=session.subject.adult,
        decisions=[
            sign_receipt(
                context,
                write_receipt(
                    context,
                    book,
                    None,
                    session.subject,
                    decision,
                    entry=leaves.get(decision.id),
                    then=then[decision.catalogue],
                ),
            )
            for decision in history
        ],
        unreadable=[
            UnreadableOut(
                decision=str(each.id), recorded_at=to_rfc3339(each.recorded_at), why=each.why
            )
            for each in opened.unreadable
        ],
        notices=notices,
        effective=[
            StandingOut(
                party=str(profile.party),
                name=profile.name,
                legal_entity=profile.entity.name,
                purposes=[
                    EffectiveOut(
                        purpose=purpose,
                        state=found.state,
                        permitted=found.permitted,
                        expires_at=None
                        if found.expires_at is None
                        else to_rfc3339(found.expires_at),
                    )
                    for purpose, found in resolve_here(
                        book, session, profile.party, page.now
                    ).items()
                ],
            )
            for profile in profiles
        ],
        reads=[
            ReadOut(
                hour=to_rfc3339(row.hour),
                client=row.client_id,
                party=parties.get(row.client_id),
                kind=row.kind,
                times=row.times,
            )
            for row in rows
        ],
        sessions=[
            SessionOut(
                began_at=to_rfc3339(each.began_at),
                ends_at=to_rfc3339(each.ends_at),
                this_browser=each.is_here,
            )
            for each in places.sessions
        ],
        devices=[
            LinkedDeviceOut(
                first_used_at=None if each.party is None else str(each.party),
                since=_month(each.since),
                this_browser=each.is_here,
            )
            for each in places.devices
        ],
        televisions=[
            TelevisionOut(
                name=each.name,
                party=None if each.party is None else str(each.party),
                connected_at=to_rfc3339(each.paired_at),
                last_seen_at=to_rfc3339(each.seen_at),
            )
            for each in places.pairings
        ],
        captures=[
            OwnCaptureOut(
                by=None if each.by is None else str(each.by),
                client=each.row.client_id,
                capture=msgspec.structs.replace(
                    describe_capture(each.row, each.body, now=page.now, origin=each.origin),
                    operator=None,
                ),
            )
            for each in captured
        ],
        kept=kept,
    )


def _month(instant: Instant) -> str:
    return to_rfc3339(instant)[:7]
