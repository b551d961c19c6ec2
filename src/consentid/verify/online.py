"""Verify with keys and status lists fetched from the issuer.

The issuer learns that this verifier exists, and which lists it reads; never about which person or
token it asks.  Spec: OpenID Connect Discovery section 4, draft-ietf-oauth-status-list-21 section 8.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import httpx2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from consentid.kit.errors import MalformedError, UnavailableError
from consentid.tokens import jwks, status, verifying
from consentid.tokens.consent import StatusListRef
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.status import VerifiedList
from consentid.verify.answer import Active, answer
from consentid.verify.documents import Document, Parsed
from consentid.verify.fetching import Fetched, fetch
from consentid.verify.issuers import check_issuer, owns_list

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
MAX_DISCOVERY_BYTES: Final = 65_536

KEYS_FRESH_S: Final = jwks.CACHE_S
KEYS_USABLE_S: Final = 4 * jwks.CACHE_S
"""While the issuer is down, its keys are believed for so long, and then no more."""
UNKNOWN_KEY_INTERVAL_S: Final = 60
"""Unknown key names make us look for new keys at most this often, whoever sends them."""

LIST_USABLE_S: Final = status.TTL_S
"""From its signing: a withdrawal is seen at most so long after its publication."""
STRICT_LIST_USABLE_S: Final = 60
"""After its fetch, in strict mode."""
MAX_LISTS: Final = 256

_Keys = Mapping[str, EllipticCurvePublicKey]


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


class Verifier:
    """Verifies consent tokens of one issuer for one audience.  Safe for threads; keep one.

    ``issuer`` and ``audience`` are compared exactly.  ``strict`` bounds the age of a status list
    to 60 s instead of 300 s.  ``transport`` is how requests travel: give ``LocalhostTransport()``
    for ``*.localhost``.  ``now`` gives Unix seconds.

    Raises:
        MalformedError: the issuer is not an https URL.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        strict: bool = False,
        timeout_s: float = 5.0,
        transport: httpx2.BaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer: Final = check_issuer(issuer)
        self._audience: Final = audience
        self._list_usable_s: Final = STRICT_LIST_USABLE_S if strict else LIST_USABLE_S
        self._timeout_s: Final = timeout_s
        self._now: Final = now
        self._client: Final = httpx2.Client(transport=transport, follow_redirects=False)
        self._discovery: Final = Document(
            fetch=self._fetcher(issuer + DISCOVERY_PATH, MAX_DISCOVERY_BYTES),
            parse=self._parse_discovery,
        )
        self._keys: Final = Document(fetch=self._fetch_keys, parse=_parse_keys)
        self._lists: Final[OrderedDict[str, Document[VerifiedList]]] = OrderedDict()
        self._lists_lock: Final = threading.Lock()

    def verify(self, unverified_token: str) -> Active | Inactive:
        """Verify a token and its status.  Never raises for a token; any doubt is a no."""
        now_s = self._now()
        keys = self._keys.read(now_s)
        if keys is None:
            return Inactive(Reason.KEYS_UNAVAILABLE)
        verified = self._verify(unverified_token, keys, now_s)
        if verified == Inactive(Reason.UNKNOWN_KEY):
            keys = self._keys.look_again(now_s, interval_s=UNKNOWN_KEY_INTERVAL_S)
            if keys is None:
                return Inactive(Reason.KEYS_UNAVAILABLE)
            verified = self._verify(unverified_token, keys, now_s)
        if isinstance(verified, Inactive):
            return verified
        refused = self._status(verified.claims.status.status_list, now_s)
        return answer(verified.claims) if refused is None else Inactive(refused)

    def allows(self, unverified_token: str, purpose: str) -> bool:
        """Whether the token is active and grants this very purpose.  Any doubt is a no."""
        verified = self.verify(unverified_token)
        return isinstance(verified, Active) and verified.allows(purpose)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        """Use the verifier for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections at the block's end."""
        self.close()

    def _verify(
        self, unverified_token: str, keys: _Keys, now_s: float
    ) -> verifying.Verified | Inactive:
        return verifying.verify(
            unverified_token,
            keys=keys,
            issuer=self._issuer,
            audience=self._audience,
            now_s=now_s,
        )

    def _status(self, ref: StatusListRef, now_s: float) -> Reason | None:
        if not owns_list(self._issuer, ref.uri):
            return Reason.FOREIGN_STATUS_LIST
        found = self._list(ref.uri).read(now_s)
        if found is None:
            return Reason.STATUS_UNAVAILABLE
        return Reason.SUPERSEDED if found.is_set(ref.idx) else None

    def _list(self, uri: str) -> Document[VerifiedList]:
        with self._lists_lock:
            document = self._lists.get(uri)
            if document is None:
                document = Document(
                    fetch=self._fetcher(uri, status.MAX_TOKEN_LENGTH), parse=self._list_parser(uri)
                )
                self._lists[uri] = document
                if len(self._lists) > MAX_LISTS:
                    self._lists.popitem(last=False)
            else:
                self._lists.move_to_end(uri)
            return document

    def _fetcher(self, url: str, max_bytes: int) -> Callable[[str | None], Fetched]:
        def fetch_it(etag: str | None) -> Fetched:
            return fetch(
                self._client, url, etag=etag, max_bytes=max_bytes, timeout_s=self._timeout_s
            )

        return fetch_it

    def _fetch_keys(self, etag: str | None) -> Fetched:
        jwks_uri = self._discovery.read(self._now())
        if jwks_uri is None:
            raise UnavailableError("discovery_unavailable", "no metadata", retry_after_s=5)
        return self._fetcher(jwks_uri, jwks.MAX_JWKS_BYTES)(etag)

    def _parse_discovery(self, body: bytes, _now_s: float, _kept: str | None) -> Parsed[str]:
        try:
            found = msgspec.json.decode(body, type=_Discovery)
        except (ValueError, RecursionError) as error:
            raise MalformedError("bad_discovery", "not OpenID metadata") from error
        if found.issuer != self._issuer:
            raise MalformedError("bad_discovery", "metadata of another issuer", where="issuer")
        if not found.jwks_uri.startswith(f"{self._issuer}/"):
            raise MalformedError(
                "bad_discovery", "keys must lie under the issuer", where="jwks_uri"
            )
        return Parsed(value=found.jwks_uri, fresh_s=KEYS_FRESH_S, usable_s=KEYS_USABLE_S)

    def _list_parser(
        self, uri: str
    ) -> Callable[[bytes, float, VerifiedList | None], Parsed[VerifiedList]]:
        def parse(body: bytes, now_s: float, kept: VerifiedList | None) -> Parsed[VerifiedList]:
            found = self._verify_list(body, uri, now_s)
            if isinstance(found, Inactive):
                raise MalformedError("bad_status_list", found.reason, where=uri)
            if kept is not None and found.iat_s < kept.iat_s:
                raise MalformedError("old_status_list", "older than the one we have", where=uri)
            # Counted from its signing: a cache that serves an old list, or a publisher that
            # died, prolongs nothing.
            expires_at_s = min(found.exp_s, found.iat_s + min(found.ttl_s, LIST_USABLE_S))
            if expires_at_s <= now_s:
                raise MalformedError("old_status_list", "not signed anew in time", where=uri)
            usable_s = min(found.ttl_s, self._list_usable_s)
            # Looking again at half time leaves the other half to ride out a failure.
            return Parsed(
                value=found,
                fresh_s=usable_s / 2,
                usable_s=usable_s,
                expires_at_s=expires_at_s,
            )

        return parse

    def _verify_list(self, body: bytes, uri: str, now_s: float) -> VerifiedList | Inactive:
        try:
            unverified_list = body.decode("ascii")
        except UnicodeDecodeError:
            return Inactive(Reason.BAD_ENCODING)
        found = status.verify_list(
            unverified_list, keys=self._keys.read(now_s) or {}, uri=uri, now_s=now_s
        )
        if found == Inactive(Reason.UNKNOWN_KEY):
            keys = self._keys.look_again(now_s, interval_s=UNKNOWN_KEY_INTERVAL_S)
            found = status.verify_list(unverified_list, keys=keys or {}, uri=uri, now_s=now_s)
        return found


def _parse_keys(body: bytes, _now_s: float, _kept: _Keys | None) -> Parsed[_Keys]:
    return Parsed(value=jwks.read_keys(body), fresh_s=KEYS_FRESH_S, usable_s=KEYS_USABLE_S)
