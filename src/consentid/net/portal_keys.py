"""The customer portal's metadata and keys, by discovery.

The issuer that staff sign in at is another such portal, with nothing of the customers' in it.

Spec: OpenID Connect Discovery sections 3 and 4.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, final
from urllib.parse import urlsplit

import httpx2
import jwt
import msgspec

from consentid.kit.errors import UnavailableError
from consentid.net.guarded import fetch_json
from consentid.net.signed_claims import unverified_kid

ALGORITHMS: Final = ("RS256", "ES256", "PS256")
_KEYS_TTL_S: Final = 300
_KEYS_LAST_S: Final = 3_600
_REFETCH_S: Final = 10


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


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
