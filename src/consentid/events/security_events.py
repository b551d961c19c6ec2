"""Security Event Tokens as a format: what a Shared Signals stream tells, and of whom.

A consent that changed is told in one of two forms: as our own event, whole, or as CAEP's change of
the claims that the receiver's consent token would carry.  A stream has one of them, since a token
holds one event and an act is told once.

Spec: RFC 8417 (tokens), RFC 9493 section 3.2 (``sub_id``), OpenID Shared Signals Framework 1.0
sections 4 (events) and 8.1.4 (verification), CAEP 1.0 sections 2 and 3.2, RISC 1.0 section 2.2.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from consentid.events.contract import (
    Cause,
    ConsentData,
    ConsentEvent,
    Effect,
    ErasureEvent,
    Kind,
)

TYP: Final = "secevent+jwt"
MEDIA_TYPE: Final = "application/secevent+jwt"

CONSENT_CHANGED: Final = "urn:consentid:secevent:event-type:consent-changed:v1"
"""Ours.  No address, so that receivers of several hubs know it by one name."""
_SCHEMAS: Final = "https://schemas.openid.net/secevent"
TOKEN_CLAIMS_CHANGE: Final = f"{_SCHEMAS}/caep/event-type/token-claims-change"
SESSION_REVOKED: Final = f"{_SCHEMAS}/caep/event-type/session-revoked"
ACCOUNT_PURGED: Final = f"{_SCHEMAS}/risc/event-type/account-purged"
VERIFICATION: Final = f"{_SCHEMAS}/ssf/event-type/verification"
STREAM_UPDATED: Final = f"{_SCHEMAS}/ssf/event-type/stream-updated"

SUPPORTED: Final = (CONSENT_CHANGED, TOKEN_CLAIMS_CHANGE, ACCOUNT_PURGED)
"""What a stream may tell of people; of itself it tells unasked."""
_BY_THE_PERSON: Final = frozenset({Cause.DECISION, Cause.SIGNAL, Cause.CLAIM})


class IssSub(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag="iss_sub"):
    """A person, as the receiver knows them.  Spec: RFC 9493 section 3.2.3."""

    iss: str
    sub: str


class Opaque(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag="opaque"):
    """The stream itself.  Spec: RFC 9493 section 3.2.4."""

    id: str


SubId: TypeAlias = IssSub | Opaque


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One event, and what it is about."""

    type: str
    sub_id: SubId
    event: dict[str, Any]


class SetClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: neither ``exp`` nor ``sub``, which other tokens have.

    Nor ``txn``: two receivers would know an act that they were both told of.
    """

    iss: str
    jti: str
    iat: int
    aud: str
    sub_id: SubId
    events: dict[str, dict[str, Any]]


class ConsentChanged(ConsentData, frozen=True, kw_only=True):
    """Somebody's consent changed, or was given again: what the event feed tells of it."""

    event_timestamp: int


class AccountPurged(msgspec.Struct, frozen=True, kw_only=True):
    """The person was erased: erase what you hold of them.  Spec: RISC 1.0 section 2.2."""


class ClaimsChange(msgspec.Struct, frozen=True, kw_only=True):
    """What the receiver's consent token would say now.  Spec: CAEP 1.0 section 3.2."""

    event_timestamp: int
    initiating_entity: Literal["user", "policy"]
    claims: dict[str, Any]


class StreamUpdated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """We changed a stream's status.  Spec: Shared Signals Framework 1.0 section 8.1.5."""

    status: Literal["enabled", "paused", "disabled"]
    reason: str | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The stream works.  Spec: Shared Signals Framework 1.0 section 8.1.4.1."""

    state: str | None = None


EVENTS: Final[Mapping[str, type[msgspec.Struct]]] = {
    CONSENT_CHANGED: ConsentChanged,
    TOKEN_CLAIMS_CHANGE: ClaimsChange,
    ACCOUNT_PURGED: AccountPurged,
    VERIFICATION: Verification,
    STREAM_UPDATED: StreamUpdated,
}
"""All that a token may hold one of."""


def delivered_of(requested: Collection[str]) -> tuple[str, ...]:
    """Which events a stream tells of those that were asked for: of the two forms, our own."""
    return tuple(
        each
        for each in SUPPORTED
        if each in requested and not (each == TOKEN_CLAIMS_CHANGE and CONSENT_CHANGED in requested)
    )


def statement_of(kind: str, body: bytes, delivered: Collection[str]) -> Statement | None:
    """An event of the feed as a stream tells it; None where the stream does not."""
    if kind == Kind.ERASURE and ACCOUNT_PURGED in delivered:
        erased = _erasures.decode(body)
        return _about(erased.source, erased.subject, ACCOUNT_PURGED, AccountPurged())
    if kind != Kind.CONSENT:
        return None
    if CONSENT_CHANGED in delivered:
        told = _consents.decode(body)
        data = msgspec.structs.asdict(told.data)
        event = ConsentChanged(event_timestamp=_seconds(told.time), **data)
        return _about(told.source, told.subject, CONSENT_CHANGED, event)
    if TOKEN_CLAIMS_CHANGE in delivered:
        return _claims_change(_consents.decode(body))
    return None


def about_stream(stream_id: str, notice: StreamUpdated | Verification) -> Statement:
    """What a stream tells of itself."""
    type_ = VERIFICATION if isinstance(notice, Verification) else STREAM_UPDATED
    return Statement(type=type_, sub_id=Opaque(id=stream_id), event=msgspec.to_builtins(notice))


def _claims_change(told: ConsentEvent) -> Statement | None:
    own = _own(told.data.effective)
    if own is None or own.before == own.after:
        return None
    change = ClaimsChange(
        event_timestamp=_seconds(told.time),
        initiating_entity="user" if told.data.cause in _BY_THE_PERSON else "policy",
        claims={
            "consent": {
                "cat": told.data.catalogue,
                "rev": own.revision,
                "g": own.after.granted,
                "d": own.after.refused,
            }
        },
    )
    return _about(told.source, told.subject, TOKEN_CLAIMS_CHANGE, change)


def _own(effective: Sequence[Effect]) -> Effect | None:
    """The receiver's own consent; what it holds over others is no claim of its own token."""
    return next((each for each in effective if not each.via), None)


def _about(issuer: str, sub: str, type_: str, event: msgspec.Struct) -> Statement:
    told = msgspec.to_builtins(event)
    return Statement(type=type_, sub_id=IssSub(iss=issuer, sub=sub), event=told)


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())


_consents: Final = msgspec.json.Decoder(ConsentEvent)
_erasures: Final = msgspec.json.Decoder(ErasureEvent)
