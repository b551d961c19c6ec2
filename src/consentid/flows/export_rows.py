"""What is kept of a person beside what they decided: told whole, table by table.

A test holds the tables against this: one that names a subject is told of here, or says why not.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.lines import audience_of
from consentid.flows.open_subject import OpenSubject
from consentid.flows.seal_saying import open_saying
from consentid.kit.instants import to_rfc3339
from consentid.store import entry_bodies, own_rows, statuses

TOLD_OF: Final[Mapping[str, str]] = {
    "access_tokens": "tokens",
    "account_devices": "devices",
    "audience_states": "statements",
    "authorization_codes": "tokens",
    "captures": "captures",
    "decisions": "decisions",
    "device_codes": "tokens",
    "devices": "subject",
    "entry_bodies": "entries",
    "events": "notices",
    "hand_offs": "tokens",
    "hub_sessions": "sessions",
    "idempotency_keys": "notices",
    "known_subjects": "subject",
    "logout_notices": "notices",
    "outbox": "notices",
    "projections": "effective",
    "reads": "reads",
    "refresh_tokens": "tokens",
    "signals_seen": "signals",
    "status_indices": "places",
    "subjects": "subject",
}
"""Which part of a person's own data tells of a table."""
NOT_TOLD_OF: Final[Mapping[str, str]] = {
    "subject_keys": "the key that seals all of it: whoever had it could read it without us",
    "erasures": "whoever is to be forgotten is served nothing any more",
    "restricted_subjects": "as above",
    "support_codes": "a hash, for ten minutes, of a code that the person made and was shown",
}
"""Tables that name a subject, and why a person is not told of them."""


class SubjectOut(msgspec.Struct, frozen=True, kw_only=True):
    """Since when somebody is known here."""

    known_since: str
    by_portal: bool
    """Known by the customer portal's name for them, of which a keyed hash is kept."""
    made_by: str | None
    """Of a device: the client that it was made by."""
    origin: str | None
    ends_at: str | None


class SignalOut(msgspec.Struct, frozen=True, kw_only=True):
    """A signal of a browser, and whether it was on when last seen."""

    source: str
    is_on: bool


class StatementOut(msgspec.Struct, frozen=True, kw_only=True):
    """What tokens for an audience say now."""

    audience: str
    revision: int
    granted: list[str]
    refused: list[str]


class PlaceOut(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the status lists tokens for an audience are, or were."""

    audience: str
    list: int
    index: int
    ended_at: str | None


class TokenOut(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a client got, and that speaks of the person."""

    kind: str
    client: str
    issued_at: str
    expires_at: str
    ended: bool


class NoticeOut(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a client was told of the person, or that waits to be told."""

    kind: str
    client: str | None
    at: str


class EntryOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the log speaks of beside decisions: that a device was linked, or all this downloaded."""

    entry: str
    kind: str
    at: str


class RowsOut(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    subject: SubjectOut
    signals: list[SignalOut]
    statements: list[StatementOut]
    places: list[PlaceOut]
    tokens: list[TokenOut]
    notices: list[NoticeOut]
    entries: list[EntryOut]


async def export_rows(connection: AsyncConnection, subject: OpenSubject) -> RowsOut:
    """What is kept of a subject."""
    own = await own_rows.find_subject(connection, subject.id)
    states = await statuses.of_subject(connection, subject.id)
    return RowsOut(
        subject=SubjectOut(
            known_since=to_rfc3339(own.created_at),
            by_portal=own.expires_at is None,
            made_by=own.client_id,
            origin=own.origin,
            ends_at=None if own.expires_at is None else to_rfc3339(own.expires_at),
        ),
        signals=[
            SignalOut(source=source, is_on=is_on)
            for source, is_on in await own_rows.signals(connection, subject.id)
        ],
        statements=[
            StatementOut(
                audience=audience_of(state),
                revision=state.rev,
                granted=list(said.yes),
                refused=list(said.no),
            )
            for state in states
            for said in (open_saying(subject, state),)
        ],
        places=[
            PlaceOut(
                audience=place.audience,
                list=place.list_no,
                index=place.idx,
                ended_at=None if place.revoked_at is None else to_rfc3339(place.revoked_at),
            )
            for place in await own_rows.places(connection, subject.id)
        ],
        tokens=[
            TokenOut(
                kind=token.kind.removesuffix("s"),
                client=token.client_id,
                issued_at=to_rfc3339(token.issued_at),
                expires_at=to_rfc3339(token.expires_at),
                ended=token.has_ended,
            )
            for token in await own_rows.tokens(connection, subject.id)
        ],
        notices=[
            NoticeOut(kind=notice.kind, client=notice.client_id, at=to_rfc3339(notice.at))
            for notice in await own_rows.notices(connection, subject.id)
        ],
        entries=[
            EntryOut(entry=str(body.event_id), kind=body.kind, at=to_rfc3339(body.recorded_at))
            for body in await entry_bodies.of_subject(connection, subject.id)
        ],
    )
