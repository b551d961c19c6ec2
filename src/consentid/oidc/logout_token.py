"""A logout token: the portal's, judged when its signature and issuer hold, and our own, made.

Spec: OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from consentid.kit import base64url
from consentid.kit.instants import Instant, from_seconds, to_seconds

TYP: Final = "logout+jwt"
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
REQUIRED: Final = ("iss", "aud", "iat", "exp", "jti", "events")
MAX_AGE_S: Final = 300
LIFETIME_S: Final = 120
"""Of our own, as the specification recommends: each attempt to tell a client makes another."""
_LEEWAY_S: Final = 5
_MAX_LENGTH: Final = 255


class RefusedLogoutTokenError(Exception):
    """The token does not hold; the message says why, without quoting it."""


class LogoutClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What a logout token of ours says: never a nonce."""

    iss: str
    sub: str
    """The pairwise one, as in the client's ID tokens."""
    aud: str
    iat: int
    exp: int
    jti: str
    sid: str
    events: dict[str, dict[str, str]] = msgspec.field(default_factory=lambda: {EVENT: {}})


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    alg: str
    kid: str
    typ: str = TYP


def unsigned(claims: LogoutClaims, *, alg: str, kid: str) -> bytes:
    """The signing input.  Spec: RFC 7515 section 5.1."""
    header = msgspec.json.encode(_Header(alg=alg, kid=kid))
    body = msgspec.json.encode(claims)
    return f"{base64url.encode(header)}.{base64url.encode(body)}".encode()


def assemble(signing_input: bytes, signature: bytes) -> str:
    """The compact form.  Spec: RFC 7515 section 7.1."""
    return f"{signing_input.decode()}.{base64url.encode(signature)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """Whose sessions end: those of a portal session, of a person, or of both at once."""

    jti: str
    sid: str | None
    sub: str | None
    forget_at: Instant
    """From here on the token would be refused for its age, so its mark of use may go."""


def judge_claims(claims: Mapping[str, Any], *, audience: str, now: Instant) -> LogoutToken:
    """Judge the claims of a token of the portal.

    Raises:
        RefusedLogoutTokenError: a claim is missing, of the wrong kind, or does not hold.
    """
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int:
        raise RefusedLogoutTokenError("iat and exp are whole seconds")
    if claims["aud"] not in (audience, [audience]):
        raise RefusedLogoutTokenError("it is for another client of the portal")
    now_s = to_seconds(now)
    if expires <= now_s:
        raise RefusedLogoutTokenError("it has expired")
    if not now_s - MAX_AGE_S <= issued <= now_s + _LEEWAY_S:
        raise RefusedLogoutTokenError("it was not issued within the last five minutes")
    if "nonce" in claims:
        raise RefusedLogoutTokenError("it carries a nonce, as only ID tokens do")
    _check_events(claims["events"])
    jti, sid, sub = (_text(claims.get(name), name) for name in ("jti", "sid", "sub"))
    if jti is None:
        raise RefusedLogoutTokenError("jti is missing")
    if sid is None and sub is None:
        raise RefusedLogoutTokenError("it names neither sid nor sub")
    return LogoutToken(
        jti=jti, sid=sid, sub=sub, forget_at=from_seconds(issued + MAX_AGE_S + _LEEWAY_S)
    )


def _check_events(events: object) -> None:
    if not isinstance(events, dict):
        raise RefusedLogoutTokenError("events is an object")
    if not isinstance(cast("dict[str, object]", events).get(EVENT), dict):
        raise RefusedLogoutTokenError("events does not name the back-channel logout")


def _text(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_LENGTH:
        raise RefusedLogoutTokenError(f"{name} is text of 1 to {_MAX_LENGTH} characters")
    return value
