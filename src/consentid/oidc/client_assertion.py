"""A client proves itself by signing: ``private_key_jwt``.

The algorithm is the registered key's own, never the token's.  The audience is the issuer alone, as
text or as a list of that one text: with any other, somebody whom the client also talks to could
pass the assertion on.  An endpoint's address, which was usual before RFC 10070, is such another.

Spec: RFC 7523 section 3, RFC 10070 (audience, ``typ``), RFC 7515 section 5.2, RFC 8725.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from consentid.kit import base64url
from consentid.kit.instants import Instant, from_seconds, to_seconds

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYP: Final = "client-authentication+jwt"
_PLAIN: Final = "jwt"
"""``JWT``, or none at all, is what libraries older than RFC 10070 write."""
MAX_LIFETIME_S: Final = 300
LEEWAY_S: Final = 5
"""How far the client's clock may be ahead of ours."""
MAX_LENGTH: Final = 8_192
_MAX_JTI: Final = 255
_MAX_BRACKETS: Final = 64
_HEADER: Final = frozenset({"alg", "kid", "typ"})
_KID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)


class RefusedAssertionError(Exception):
    """The assertion proves nothing.  The message says why, without quoting it."""


class ExpiredAssertionError(RefusedAssertionError):
    """It would prove something, were it not too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedAssertion:
    """The parts of a well-formed assertion.  Nothing in it is to be believed yet."""

    unverified_client_id: str
    unverified_header: Mapping[str, Any]
    unverified_claims: Mapping[str, Any]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A proof that holds, for one use."""

    client_id: str
    jti: str
    forget_at: Instant
    """From here on it would be refused for its age, so its mark of use may go."""


def read(unverified: str) -> UnverifiedAssertion:
    """Read the form: three parts, a header of known members, claims without a member twice.

    Raises:
        RefusedAssertionError: it is no such thing.
    """
    found = read_signed(unverified, typ=TYP, is_typ_optional=True)
    if found.unverified_claims.get("sub") != found.unverified_client_id:
        raise RefusedAssertionError("iss and sub are both the client's id")
    return found


def read_signed(unverified: str, *, typ: str, is_typ_optional: bool = False) -> UnverifiedAssertion:
    """Read whatever a client signs, of the type ``typ``, without a look at whom it speaks of.

    Raises:
        RefusedAssertionError: it is no such thing.
    """
    parts = unverified.split(".", 3)
    if len(unverified) > MAX_LENGTH or len(parts) != 3:  # noqa: PLR2004 - a compact JWS
        raise RefusedAssertionError("it is not a compact JWS")
    header, claims = (_object(part) for part in parts[:2])
    if not header.keys() <= _HEADER:
        raise RefusedAssertionError("its header has members other than alg, kid and typ")
    told = header.get("typ", _PLAIN)
    types = {typ, f"application/{typ}", *({_PLAIN} if is_typ_optional else ())}
    if not isinstance(told, str) or told.lower() not in types:
        raise RefusedAssertionError(f"its typ is {typ}")
    kid = header.get("kid", "-")
    if not isinstance(kid, str) or _KID.fullmatch(kid) is None:
        raise RefusedAssertionError("its kid is not the name of a key")
    client_id = claims.get("iss")
    if not isinstance(client_id, str):
        raise RefusedAssertionError("iss and sub are both text")
    return UnverifiedAssertion(
        unverified_client_id=client_id,
        unverified_header=header,
        unverified_claims=claims,
        text=unverified,
    )


def verify(
    unverified: UnverifiedAssertion,
    *,
    keys: Mapping[str, Mapping[str, str]],
    issuer: str,
    now: Instant,
) -> Assertion:
    """Judge signature and claims.  ``keys`` are the client's own by name, each with its ``alg``.

    Raises:
        RefusedAssertionError: it does not hold.
    """
    _check_signature(unverified, keys)
    claims, now_s = unverified.unverified_claims, to_seconds(now)
    if claims.get("aud") not in (issuer, [issuer]):
        raise RefusedAssertionError(f"aud is the issuer alone, {issuer}")
    expires = _seconds(claims, "exp")
    if expires is None or expires <= now_s:
        raise ExpiredAssertionError("it has expired, or says no exp")
    if expires > now_s + MAX_LIFETIME_S + LEEWAY_S:
        raise RefusedAssertionError(f"exp is at most {MAX_LIFETIME_S} seconds ahead")
    for name in ("iat", "nbf"):
        at = _seconds(claims, name)
        if at is not None and at > now_s + LEEWAY_S:
            raise RefusedAssertionError(f"{name} is in the future")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise RefusedAssertionError(f"jti is text of 1 to {_MAX_JTI} characters")
    return Assertion(
        client_id=unverified.unverified_client_id, jti=jti, forget_at=from_seconds(expires + 1)
    )


def _check_signature(
    unverified: UnverifiedAssertion, keys: Mapping[str, Mapping[str, str]]
) -> None:
    header = unverified.unverified_header
    kid = header.get("kid")
    if kid is None and len(keys) == 1:
        kid = next(iter(keys))  # one key needs no name: RFC 7523 asks for none
    jwk = keys.get(str(kid))
    if jwk is None:
        raise RefusedAssertionError("no registered key has this kid")
    if header.get("alg") != jwk["alg"]:
        raise RefusedAssertionError("alg is the one that the key was registered for")
    members: dict[str, str | list[str]] = {
        name: value for name, value in jwk.items() if name != "alg"
    }
    try:
        jws.deserialize_compact(
            unverified.text, JWKRegistry.import_key(members), algorithms=[jwk["alg"]]
        )
    except (JoseError, ValueError) as error:
        raise RefusedAssertionError("its signature does not hold") from error


def _object(part: str) -> dict[str, Any]:
    try:
        raw = base64url.decode(part)
        if raw.count(b"{") + raw.count(b"[") > _MAX_BRACKETS:
            raise RefusedAssertionError("it is nested too deeply")
        found: object = json.loads(
            raw.decode(), object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant
        )
    except ValueError as error:
        raise RefusedAssertionError("it is not JSON in base64url, or not read alike by all") from (
            error
        )
    if not isinstance(found, dict):
        raise RefusedAssertionError("header and claims are JSON objects")
    return cast("dict[str, Any]", found)


def _seconds(claims: Mapping[str, Any], name: str) -> int | None:
    """A NumericDate; the fraction that it may have is cut off.  Spec: RFC 7519 section 2."""
    value = claims.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < 1 << 40:
        raise RefusedAssertionError(f"{name} is a number of seconds")
    return int(value)


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        msg = "a member twice"
        raise ValueError(msg)
    return members


def _refuse_constant(name: str) -> None:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
