"""A JWT of the portal: its signature checked, its claims read as every reader must.

The one algorithm is the key's own, never the token's.  What the claims mean is the caller's.
Spec: RFC 7519, RFC 8725 (best current practices); signatures by PyJWT.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias, cast

import jwt

from consentid.kit import base64url
from consentid.kit.errors import MalformedError, UnauthenticatedError

FindKey: TypeAlias = Callable[[str], Awaitable[jwt.PyJWK | None]]
"""The portal's key of a name."""
_MAX_TOKEN_LENGTH: Final = 8_192
_PLAIN: Final = "JWT"
"""Spec: RFC 7519 section 5.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKind:
    """What kind of token is expected, and how its refusal is told."""

    name: str
    code: str
    where: str
    required: tuple[str, ...]
    typ: str
    is_typ_optional: bool = False
    """Whether a header may leave ``typ`` out, or say no more than that this is a JWT."""

    def malformed(self) -> MalformedError:
        """It is no such token."""
        return MalformedError(
            f"bad_{self.code}", f"This is not {self.name} of the portal.", where=self.where
        )

    def refused(self, why: str) -> UnauthenticatedError:
        """It is one, and does not hold."""
        return UnauthenticatedError(
            f"{self.code}_refused",
            f"The {self.name.partition(' ')[2]} {why}.",
            where=self.where,
        )


async def verify_claims(
    unverified: str, kind: TokenKind, *, find_key: FindKey, issuer: str
) -> dict[str, Any]:
    """Check type, signature and issuer, and answer the claims.  Times and audience are not judged.

    Raises:
        MalformedError: no compact JWS, of another type, or a required claim is missing.
        UnauthenticatedError: the signature or the issuer does not hold.
        UnavailableError: the portal's keys cannot be fetched.
    """
    if len(unverified) > _MAX_TOKEN_LENGTH or unverified.count(".") != 2:  # noqa: PLR2004 a JWS has three parts
        raise kind.malformed()
    unverified_header = _parse(unverified.partition(".")[0], kind)
    typ = unverified_header.get("typ", _PLAIN if kind.is_typ_optional else None)
    is_typed = typ == kind.typ or (kind.is_typ_optional and typ == _PLAIN)
    if not is_typed or "crit" in unverified_header:
        raise kind.malformed()
    key = await find_key(str(unverified_header.get("kid", "")))
    if key is None or unverified_header.get("alg") != key.algorithm_name:
        raise kind.refused("is not signed with a key and algorithm that the portal publishes")
    try:
        claims: dict[str, Any] = jwt.decode(
            unverified,
            key=key,
            algorithms=[key.algorithm_name],
            issuer=issuer,
            # Times are judged by the caller, by the database's clock.
            options={
                "require": list(kind.required),
                "verify_aud": False,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.PyJWTError as error:
        raise kind.refused("does not hold for this portal") from error
    if claims != _parse(unverified.split(".")[1], kind):
        raise kind.malformed()
    return claims


def unverified_kid(unverified: str) -> str:
    """The key that a token names; empty where it names none, or is no token."""
    try:
        header: object = json.loads(base64url.decode(unverified.partition(".")[0]))
    except (ValueError, RecursionError):
        return ""
    return str(cast("dict[str, Any]", header).get("kid", "")) if isinstance(header, dict) else ""


def _parse(unverified_part: str, kind: TokenKind) -> dict[str, Any]:
    """Read a header or a payload as every reader must: each name once, plain numbers only."""
    try:
        parsed: object = json.loads(
            base64url.decode(unverified_part),
            object_pairs_hook=_each_once,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise kind.malformed() from error
    if not isinstance(parsed, dict):
        raise kind.malformed()
    return cast("dict[str, Any]", parsed)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a member stands there twice"
        raise ValueError(msg)
    return found


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)
