"""What the customer portal tells of accounts and sessions, judged once signature and issuer hold.

A token is taken for a week, as its sender tries that long while we are away, and acts once.
Spec: OpenID Shared Signals Framework 1.0 sections 3 and 4, RISC 1.0 section 2.2, CAEP 1.0 section
3.1, RFC 9493 section 3.2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from consentid.events.security_events import ACCOUNT_PURGED, SESSION_REVOKED
from consentid.kit.instants import DAY, SECOND, Instant, from_seconds

REQUIRED: Final = ("iss", "aud", "iat", "jti", "events")
MAX_AGE: Final = 7 * DAY
_LEEWAY: Final = 60 * SECOND
_MAX_LENGTH: Final = 255
_MAX_SECONDS: Final = 2**40


class RefusedSetError(Exception):
    """The token does not hold; the message says why, without quoting it."""

    def __init__(self, message: str, *, is_of_audience: bool = False) -> None:
        super().__init__(message)
        self.is_of_audience: bool = is_of_audience
        """Whether it is meant for somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalEvent:
    """Something that ended at the portal."""

    is_purge: bool
    """Whether it was an account; else sessions."""
    sub: str | None
    sid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSet:
    """A token that holds."""

    jti: str
    issued_at: Instant
    forget_at: Instant
    """From here on the token would be refused for its age, so its mark of use may go."""
    events: tuple[PortalEvent, ...]
    """Those that we act on."""


def judge_set(claims: Mapping[str, Any], *, issuer: str, audience: str, now: Instant) -> PortalSet:
    """Judge the claims of a token of the portal.

    Raises:
        RefusedSetError: a claim is missing, of the wrong kind, or does not hold.
    """
    issued_s, jti, events = claims["iat"], _text(claims["jti"], "jti"), claims["events"]
    if type(issued_s) is not int or not 0 <= issued_s < _MAX_SECONDS:
        raise RefusedSetError("iat is not in whole seconds")
    if claims["aud"] not in (audience, [audience]):
        raise RefusedSetError("it is for somebody else", is_of_audience=True)
    issued = from_seconds(issued_s)
    if not now - MAX_AGE <= issued <= now + _LEEWAY:
        raise RefusedSetError("it was not issued within the last seven days")
    if {"exp", "sub", "nonce"} & claims.keys():
        raise RefusedSetError("it carries exp, sub or nonce, as other tokens do")
    if not isinstance(events, dict) or not events:
        raise RefusedSetError("events is not an object with an event in it")
    return PortalSet(
        jti=jti,
        issued_at=issued,
        forget_at=Instant(issued + MAX_AGE + _LEEWAY),
        events=tuple(_known(cast("dict[str, object]", events), claims, issuer=issuer)),
    )


def _known(
    events: Mapping[str, object], claims: Mapping[str, Any], *, issuer: str
) -> Iterator[PortalEvent]:
    for type_, event in events.items():
        if not isinstance(event, dict):
            raise RefusedSetError("an event is no object")
        if type_ not in {ACCOUNT_PURGED, SESSION_REVOKED}:
            continue
        # Where the subject stood before the specification was final, it may still stand.
        named = claims.get("sub_id", cast("dict[str, object]", event).get("subject"))
        sub, sid = _subject(named, issuer=issuer)
        if sub is None and (sid is None or type_ == ACCOUNT_PURGED):
            raise RefusedSetError("it names nobody of the portal")
        yield PortalEvent(is_purge=type_ == ACCOUNT_PURGED, sub=sub, sid=sid)


def _subject(named: object, *, issuer: str) -> tuple[str | None, str | None]:
    """A person and a session of the portal, as far as one is named."""
    if not isinstance(named, dict):
        raise RefusedSetError("sub_id is not an object")
    members = cast("dict[str, object]", named)
    match members.get("format"):
        case "iss_sub":
            if members.get("iss") != issuer:
                raise RefusedSetError("it is about somebody of another issuer")
            return _text(members.get("sub"), "sub"), None
        case "opaque":
            return None, _text(members.get("id"), "id")
        case "complex":
            user, session = members.get("user"), members.get("session")
            sub = None if user is None else _subject(user, issuer=issuer)[0]
            sid = None if session is None else _subject(session, issuer=issuer)[1]
            return sub, sid
        case _:
            raise RefusedSetError("its subject is neither iss_sub, opaque nor complex")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_LENGTH:
        raise RefusedSetError(f"{name} is not text of 1 to {_MAX_LENGTH} characters")
    return value
