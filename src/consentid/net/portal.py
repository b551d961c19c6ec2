"""The customer portal: its metadata and keys by discovery, and its ID tokens judged.

The issuer that staff sign in at is another such portal, with nothing of the customers' in it.

Spec: OpenID Connect Core section 3.1.3.7 (validation), Discovery sections 3 and 4.
"""

import asyncio
import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, final
from urllib.parse import urlsplit

import httpx2
import jwt
import msgspec

from consentid.kit.errors import UnavailableError
from consentid.kit.instants import SECOND, Instant, from_seconds, to_seconds
from consentid.net.guarded import fetch_json
from consentid.net.signed_claims import TokenKind, unverified_kid, verify_claims

ALGORITHMS: Final = ("RS256", "ES256", "PS256")
MAX_AGE_S: Final = 300
_LEEWAY_S: Final = 5
_KEYS_TTL_S: Final = 300
_KEYS_LAST_S: Final = 3_600
_REFETCH_S: Final = 10
_MAX_SUB_LENGTH: Final = 255
"""Spec: OpenID Connect Core section 2."""
_MAX_SID_LENGTH: Final = 255
_ID_TOKEN: Final = TokenKind(
    name="an ID token",
    code="id_token",
    where="subject_token",
    required=("iss", "sub", "aud", "exp", "iat"),
    typ="JWT",
    is_typ_optional=True,
)


class PortalMetadata(msgspec.Struct, frozen=True):
    """What the portal says of itself, as far as we act on it.

    Spec: Discovery section 3, RFC 8414 section 2, RFC 9207 section 3.
    """

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


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
    auth_time: Instant | None = None
    """When the person last proved who they are."""
    acr: str | None = None
    sid: str | None = None
    """The portal's session.  Spec: OpenID Connect Back-Channel Logout section 2.1."""
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """All that it says."""


class PortalUnaskedError(UnavailableError):
    """Nobody asked the portal for its addresses lately: ask it, with nothing held, then go on."""

    def __init__(self, portal: "PortalKeys", issuer: str) -> None:
        super().__init__(
            "upstream_unavailable", "The portal was not asked yet.", retry_after_s=_REFETCH_S
        )
        self.portal: PortalKeys = portal
        self.issuer: str = issuer


class KeySource(Protocol):
    """Where keys of the portal are found by name."""

    async def find(self, issuer: str, kid: str) -> jwt.PyJWK | None:
        """A key of an issuer; None where it has none of this name.

        Raises:
            UnavailableError: nobody knows now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """What was found for one token, before a transaction that has no time to wait for anybody."""

    issuer: str
    kid: str
    key: jwt.PyJWK | None = None
    failure: UnavailableError | None = None

    async def find(self, issuer: str, kid: str) -> jwt.PyJWK | None:
        """The key, where it is the one that was looked up.

        Raises:
            UnavailableError: the portal could not be asked.
        """
        if (issuer, kid) != (self.issuer, self.kid):
            return None
        if self.failure is not None:
            raise self.failure
        return self.key


@final
class PortalKeys:
    """The portal's metadata and key set, fetched by discovery and kept for a while."""

    def __init__(
        self, client: httpx2.AsyncClient, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client: httpx2.AsyncClient = client
        self._monotonic: Callable[[], float] = monotonic
        self._issuer: str | None = None
        self._metadata: PortalMetadata | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._failure: UnavailableError | None = None
        self._asking: asyncio.Lock = asyncio.Lock()
        self._behind: asyncio.Task[None] | None = None

    @property
    def http(self) -> httpx2.AsyncClient:
        """The guarded client that everything is asked with."""
        return self._client

    async def find(self, issuer: str, kid: str) -> jwt.PyJWK | None:
        """A key by name; an unknown name asks the portal again, at most every ten seconds.

        One caller asks, the others wait for what it learns.  While the portal is down, the keys at
        hand serve for an hour: then one that it took back may be among them.

        Raises:
            UnavailableError: the portal's keys cannot be fetched and none are at hand.
        """
        async with self._asking:
            await self._refresh(issuer, is_missing=kid not in self._keys)
            return self._keys.get(kid)

    async def look_up(self, issuer: str, unverified_token: str) -> LookedUp:
        """Find the key that a token names, whether the portal can be asked or not."""
        kid = unverified_kid(unverified_token)
        if not kid:
            return LookedUp(issuer=issuer, kid=kid)  # no key of the portal is without a name
        try:
            return LookedUp(issuer=issuer, kid=kid, key=await self.find(issuer, kid))
        except UnavailableError as error:
            return LookedUp(issuer=issuer, kid=kid, failure=error)

    async def metadata(self, issuer: str) -> PortalMetadata:
        """What the portal says of itself.

        What is at hand is answered at once, and brought up to date behind.

        Raises:
            UnavailableError: it cannot be fetched and none is at hand.
        """
        with contextlib.suppress(PortalUnaskedError):
            return self.metadata_at_hand(issuer)
        async with self._asking:
            await self._refresh(issuer, is_missing=False)
            if self._metadata is None:
                raise self._unavailable()
            return self._metadata

    def metadata_at_hand(self, issuer: str) -> PortalMetadata:
        """The same for whoever holds a connection to the database, and may wait for nobody.

        Raises:
            PortalUnaskedError: none is at hand, and the portal was not asked in the last moments.
            UnavailableError: it was, in vain.
        """
        is_ours = issuer == self._issuer
        if is_ours and self._metadata is not None and self._age(self._fetched_at) <= _KEYS_LAST_S:
            self._refresh_behind(issuer)
            return self._metadata
        if is_ours and self._failure is not None and self._age(self._asked_at) <= _REFETCH_S:
            raise self._unavailable()
        raise PortalUnaskedError(self, issuer)

    async def close(self) -> None:
        """Ask no more."""
        if self._behind is not None:
            self._behind.cancel()
            await asyncio.gather(self._behind, return_exceptions=True)

    def _refresh_behind(self, issuer: str) -> None:
        is_due = self._age(self._fetched_at) > _KEYS_TTL_S
        if is_due and (self._behind is None or self._behind.done()):
            self._behind = asyncio.create_task(self._refresh_quietly(issuer))

    async def _refresh_quietly(self, issuer: str) -> None:
        async with self._asking:
            with contextlib.suppress(UnavailableError):
                await self._refresh(issuer, is_missing=False)

    async def _refresh(self, issuer: str, *, is_missing: bool) -> None:
        if issuer != self._issuer:
            self._issuer, self._metadata, self._keys = issuer, None, {}
            self._fetched_at = self._asked_at = None
        is_due = is_missing or self._age(self._fetched_at) > _KEYS_TTL_S
        if is_due and self._age(self._asked_at) > _REFETCH_S:
            self._asked_at, self._failure = self._monotonic(), None
            try:
                await self._fetch(issuer)
            except UnavailableError as error:
                # A portal that says so slowly is not asked again at once.
                self._asked_at, self._failure = self._monotonic(), error
        if self._age(self._fetched_at) > _KEYS_LAST_S:
            raise self._unavailable()

    def _unavailable(self) -> UnavailableError:
        failure = self._failure
        error = UnavailableError(
            "upstream_unavailable" if failure is None else failure.code,
            "The portal's keys cannot be had now.",
            retry_after_s=_REFETCH_S,
        )
        error.__cause__ = failure
        return error

    def _age(self, moment: float | None) -> float:
        return math.inf if moment is None else self._monotonic() - moment

    async def _fetch(self, issuer: str) -> None:
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = msgspec.json.decode(await fetch_json(self._client, url), type=PortalMetadata)
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
        self._metadata = found
        self._fetched_at = self._monotonic()


async def verify_id_token(
    unverified: str, *, keys: KeySource, issuer: str, audience: str, now: Instant
) -> PortalIdentity:
    """Judge an ID token that a brand's client handed in.

    The one algorithm is the key's own; ``aud`` is exactly the portal's client for that brand.

    Raises:
        MalformedError: no compact JWS, or a claim is missing or of the wrong kind.
        UnauthenticatedError: the signature, issuer, audience or time does not hold.
        UnavailableError: the portal's keys cannot be fetched.
    """

    async def find_key(kid: str) -> jwt.PyJWK | None:
        return await keys.find(issuer, kid)

    claims = await verify_claims(unverified, _ID_TOKEN, find_key=find_key, issuer=issuer)
    return _read(claims, unverified, issuer=issuer, audience=audience, now=now)


def check_login(
    identity: PortalIdentity,
    *,
    nonce: str,
    asked_at: Instant,
    max_age_s: int | None,
    is_fresh: bool,
) -> None:
    """Hold an ID token to the very request that it answers.  Spec: Core section 3.1.3.7 (11, 13).

    ``max_age_s`` counts at the instant of asking; ``is_fresh`` is what ``prompt=login`` asked for.

    Raises:
        UnauthenticatedError: another nonce, or the person proved who they are too long ago.
    """
    if identity.nonce != nonce:
        raise _ID_TOKEN.refused("carries another nonce, or none")
    if max_age_s is not None and identity.auth_time is None:
        raise _ID_TOKEN.refused("does not say when the person signed in, though it was asked to")
    oldest = None if max_age_s is None else asked_at - max_age_s * SECOND
    if is_fresh:
        oldest = asked_at
    if _is_before(identity.auth_time, oldest):
        raise _ID_TOKEN.refused("is from a sign-in too long ago")


def _is_before(one: Instant | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other - _LEEWAY_S * SECOND


def _read(
    claims: dict[str, Any], verified: str, *, issuer: str, audience: str, now: Instant
) -> PortalIdentity:
    issued, expires, sub, nonce = (claims.get(name) for name in ("iat", "exp", "sub", "nonce"))
    auth_time, acr, sid = (claims.get(name) for name in ("auth_time", "acr", "sid"))
    if type(issued) is not int or type(expires) is not int:
        raise _ID_TOKEN.malformed()
    if not isinstance(sub, str) or not sub.isascii() or not 0 < len(sub) <= _MAX_SUB_LENGTH:
        raise _ID_TOKEN.malformed()
    if not all(isinstance(text, str | None) for text in (nonce, acr, sid)):
        raise _ID_TOKEN.malformed()
    if auth_time is not None and type(auth_time) is not int:
        raise _ID_TOKEN.malformed()
    if auth_time is not None and not 0 <= auth_time <= issued + _LEEWAY_S:
        raise _ID_TOKEN.malformed()
    if sid is not None and not 0 < len(sid) <= _MAX_SID_LENGTH:
        raise _ID_TOKEN.malformed()
    if claims["aud"] not in (audience, [audience]) or claims.get("azp", audience) != audience:
        raise _ID_TOKEN.refused("was issued for another client of the portal")
    now_s = to_seconds(now)
    if expires <= now_s:
        raise _ID_TOKEN.refused("has expired")
    if not now_s - MAX_AGE_S <= issued <= now_s + _LEEWAY_S:
        raise _ID_TOKEN.refused("was not issued within the last five minutes")
    return PortalIdentity(
        issuer=issuer,
        sub=sub,
        token_hash=hashlib.sha256(verified.rpartition(".")[0].encode()).digest(),
        issued_at=from_seconds(issued),
        # Whatever it says, it is taken for five minutes only, and marks of use live no longer.
        expires_at=from_seconds(min(expires, issued + MAX_AGE_S + _LEEWAY_S)),
        is_adult=claims.get("adult") is True,
        nonce=nonce,
        auth_time=None if auth_time is None else from_seconds(auth_time),
        acr=acr,
        sid=sid,
        claims=claims,
    )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
