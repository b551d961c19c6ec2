"""The customer portal: its keys by discovery, and its ID tokens judged.

Spec: OpenID Connect Core section 3.1.3.7 (validation), Discovery section 4; signatures by PyJWT.
"""

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast, final
from urllib.parse import urlsplit

import httpx2
import jwt
import msgspec

from consentid.kit import base64url
from consentid.kit.errors import MalformedError, UnauthenticatedError, UnavailableError
from consentid.kit.instants import Instant, from_seconds, to_seconds
from consentid.net.guarded import fetch_json

ALGORITHMS: Final = ("RS256", "ES256", "PS256")
MAX_AGE_S: Final = 300
_LEEWAY_S: Final = 5
_MAX_TOKEN_LENGTH: Final = 8_192
_KEYS_TTL_S: Final = 300
_KEYS_LAST_S: Final = 3_600
_REFETCH_S: Final = 10
_MAX_SUB_LENGTH: Final = 255
"""Spec: OpenID Connect Core section 2."""
_REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat")


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalIdentity:
    """What a valid ID token says."""

    issuer: str
    sub: str
    token_hash: bytes
    """Of the signed part: the same for every spelling of the same token."""
    issued_at: Instant
    expires_at: Instant
    is_adult: bool
    """The portal's ``adult`` claim; absent is no."""
    nonce: str | None


@final
class PortalKeys:
    """The portal's key set, fetched by discovery and kept for a while."""

    def __init__(
        self, client: httpx2.AsyncClient, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client: httpx2.AsyncClient = client
        self._monotonic: Callable[[], float] = monotonic
        self._issuer: str | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._failure: UnavailableError | None = None
        self._asking: asyncio.Lock = asyncio.Lock()

    async def find(self, issuer: str, kid: str) -> jwt.PyJWK | None:
        """A key by name; an unknown name asks the portal again, at most every ten seconds.

        One caller asks, the others wait for what it learns.  While the portal is down, the keys at
        hand serve for an hour: then one that it took back may be among them.

        Raises:
            UnavailableError: the portal's keys cannot be fetched and none are at hand.
        """
        async with self._asking:
            if issuer != self._issuer:
                self._issuer, self._keys = issuer, {}
                self._fetched_at = self._asked_at = None
            if self._is_worth_asking(kid):
                self._asked_at = self._monotonic()
                try:
                    await self._fetch(issuer)
                except UnavailableError as error:
                    self._failure = error
            if self._age(self._fetched_at) > _KEYS_LAST_S:
                failure = self._failure
                raise UnavailableError(
                    "upstream_unavailable" if failure is None else failure.code,
                    "The portal's keys cannot be had now.",
                    retry_after_s=_REFETCH_S,
                ) from failure
            return self._keys.get(kid)

    def _is_worth_asking(self, kid: str) -> bool:
        if self._age(self._asked_at) <= _REFETCH_S:
            return False
        return kid not in self._keys or self._age(self._fetched_at) > _KEYS_TTL_S

    def _age(self, moment: float | None) -> float:
        return math.inf if moment is None else self._monotonic() - moment

    async def _fetch(self, issuer: str) -> None:
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = msgspec.json.decode(await fetch_json(self._client, url), type=_Discovery)
            if found.issuer != issuer or _origin(found.jwks_uri) != _origin(issuer):
                raise UnavailableError(
                    "portal_misconfigured",
                    "The portal's discovery names another issuer, or keys on another origin.",
                    retry_after_s=60,
                )
            raw = await fetch_json(self._client, found.jwks_uri)
            keys = jwt.PyJWKSet.from_json(raw.decode())
        except (msgspec.DecodeError, jwt.PyJWTError, ValueError) as error:
            raise UnavailableError(
                "portal_misconfigured",
                "The portal's discovery or key set cannot be read.",
                retry_after_s=60,
            ) from error
        self._keys = {
            key.key_id: key
            for key in keys.keys
            if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use != "enc"
        }
        self._fetched_at = self._monotonic()


async def verify_id_token(
    unverified: str, *, keys: PortalKeys, issuer: str, audience: str, now: Instant
) -> PortalIdentity:
    """Judge an ID token that a brand's client handed in.

    The one algorithm is the key's own; ``aud`` is exactly the portal's client for that brand.

    Raises:
        MalformedError: no compact JWS, or a claim is missing or of the wrong kind.
        UnauthenticatedError: the signature, issuer, audience or time does not hold.
        UnavailableError: the portal's keys cannot be fetched.
    """
    if len(unverified) > _MAX_TOKEN_LENGTH or unverified.count(".") != 2:  # noqa: PLR2004 a JWS has three parts
        raise _malformed()
    unverified_header = _parse(unverified.partition(".")[0])
    if unverified_header.get("typ", "JWT") != "JWT" or "crit" in unverified_header:
        raise _malformed()
    key = await keys.find(issuer, str(unverified_header.get("kid", "")))
    if key is None or unverified_header.get("alg") != key.algorithm_name:
        raise _refused("is not signed with a key and algorithm that the portal publishes")
    try:
        claims: dict[str, Any] = jwt.decode(
            unverified,
            key=key,
            algorithms=[key.algorithm_name],
            issuer=issuer,
            # Times are judged below, by the database's clock.
            options={
                "require": list(_REQUIRED),
                "verify_aud": False,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.PyJWTError as error:
        raise _refused("does not hold for this portal") from error
    if claims != _parse(unverified.split(".")[1]):
        raise _malformed()
    return _read(claims, unverified, issuer=issuer, audience=audience, now=now)


def _parse(unverified_part: str) -> dict[str, Any]:
    """Read a header or a payload as every reader must: each name once, plain numbers only."""
    try:
        parsed: object = json.loads(
            base64url.decode(unverified_part),
            object_pairs_hook=_each_once,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(parsed, dict):
        raise _malformed()
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


def _read(
    claims: dict[str, Any], verified: str, *, issuer: str, audience: str, now: Instant
) -> PortalIdentity:
    issued, expires, sub, nonce = (claims.get(name) for name in ("iat", "exp", "sub", "nonce"))
    if type(issued) is not int or type(expires) is not int:
        raise _malformed()
    if not isinstance(sub, str) or not sub.isascii() or not 0 < len(sub) <= _MAX_SUB_LENGTH:
        raise _malformed()
    if not isinstance(nonce, str | None):
        raise _malformed()
    if claims["aud"] not in (audience, [audience]) or claims.get("azp", audience) != audience:
        raise _refused("was issued for another client of the portal")
    now_s = to_seconds(now)
    if expires <= now_s:
        raise _refused("has expired")
    if not now_s - MAX_AGE_S <= issued <= now_s + _LEEWAY_S:
        raise _refused("was not issued within the last five minutes")
    return PortalIdentity(
        issuer=issuer,
        sub=sub,
        token_hash=hashlib.sha256(verified.rpartition(".")[0].encode()).digest(),
        issued_at=from_seconds(issued),
        # Whatever it says, it is taken for five minutes only, and marks of use live no longer.
        expires_at=from_seconds(min(expires, issued + MAX_AGE_S + _LEEWAY_S)),
        is_adult=claims.get("adult") is True,
        nonce=nonce,
    )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _malformed() -> MalformedError:
    return MalformedError(
        "bad_id_token", "This is not an ID token of the portal.", where="subject_token"
    )


def _refused(why: str) -> UnauthenticatedError:
    return UnauthenticatedError("id_token_refused", f"The ID token {why}.", where="subject_token")
