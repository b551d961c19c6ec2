"""What an issuer publishes, fetched and kept: its metadata, its keys, its status lists.

Reading never waits.  Whoever finds something due asks the background for it and goes on with what
there is; whoever finds nothing usable is told what to wait for.
Spec: OpenID Connect Discovery section 4, draft-ietf-oauth-status-list-21 section 8.
"""

import asyncio
import concurrent.futures
import random
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar, final

import httpx2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from consentid.kit.errors import MalformedError, UnavailableError
from consentid.tokens import jwks, status
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.status import VerifiedList
from consentid.tokens.verifying import Checker
from consentid.verify.background import Background
from consentid.verify.documents import Document, Parsed
from consentid.verify.fetching import Fetched, fetch
from consentid.verify.following import Following
from consentid.verify.issuers import check_issuer

T = TypeVar("T")

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
MAX_DISCOVERY_BYTES: Final = 65_536

ADDRESS_FRESH_S: Final = 3_600
"""Of where the keys lie."""
KEYS_USABLE_S: Final = 4 * 3_600
"""Keys are known for so long, for a no; a yes takes younger ones."""
HEARD_S: Final = 0.5
"""Of the time within which lists are fetched anew keys have so much less: an issuer's processes
take a moment to hear that one was revoked.  No cache on the way adds to it.
"""
UNKNOWN_KEY_INTERVAL_S: Final = 60
"""Having looked for an unknown key's name in vain, we look for none for so long, whoever sends it.
"""

LIST_USABLE_S: Final = status.TTL_S
"""From its signing: a withdrawal is seen at most so long after its publication."""
STRICT_LIST_USABLE_S: Final = 60
"""After its fetch, in strict mode."""
MAX_LISTS: Final = 4_096
"""16 KiB each: all those of a very large group.  Only a signed token leads to one."""


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The issuer's keys, and what checks tokens with them."""

    by_kid: Mapping[str, EllipticCurvePublicKey]
    checker: Checker


@final
class Publication:
    """The documents of one issuer, as one audience needs them.  Safe for threads.

    Raises:
        MalformedError: the issuer is not an https URL.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        strict: bool,
        timeout_s: float,
        transport: httpx2.AsyncBaseTransport | None,
        stream: bool,
        now: Callable[[], float],
    ) -> None:
        self.issuer: Final = check_issuer(issuer)
        self._audience: Final = audience
        self._list_usable_s: Final = STRICT_LIST_USABLE_S if strict else LIST_USABLE_S
        self.keys_believed_s: Final = self._list_usable_s - HEARD_S
        """From their fetch; while the issuer is down no list is believed for longer either."""
        self._looked: tuple[Keys, float] | None = None
        """Which keys did not do when we last looked for others, and when."""
        self._timeout_s: Final = timeout_s
        self._background: Final = Background(
            lambda: httpx2.AsyncClient(transport=transport, follow_redirects=False)
        )
        self._discovery: Final = _document(
            self._fetcher(issuer + DISCOVERY_PATH, MAX_DISCOVERY_BYTES), self._parse_discovery
        )
        self.keys: Final = _document(self._fetch_keys, self._parse_keys)
        self._lists: Final[OrderedDict[str, Document[VerifiedList]]] = OrderedDict()
        self._lists_lock: Final = threading.Lock()
        self._now: Final = now
        self._following: Final = (
            Following(
                issuer=issuer,
                timeout_s=timeout_s,
                now=now,
                changed=self._add_told,
                renew=self._renew_older,
            )
            if stream
            else None
        )

    def list_at(self, uri: str) -> Document[VerifiedList]:
        """The status list at an address that is the issuer's own."""
        with self._lists_lock:
            document = self._lists.get(uri)
            if document is None:
                document = _document(
                    self._fetcher(uri, status.MAX_TOKEN_LENGTH), self._list_parser(uri)
                )
                self._lists[uri] = document
                if len(self._lists) > MAX_LISTS:
                    self._lists.popitem(last=False)
            else:
                self._lists.move_to_end(uri)
            return document

    def renew(
        self, document: Document[Keys] | Document[VerifiedList], now_s: float
    ) -> concurrent.futures.Future[None] | None:
        """Have a document fetched in the background; None where the last try failed just now."""
        following = self._following
        if following is not None:
            # It runs already, unless this process has just begun, or was forked.
            self._background.run(following, lambda: following.follow(self._background.client))
        if not document.may_try(now_s):
            return None
        return self._background.run(document, lambda: document.renew(now_s))

    def may_look_again(self, now_s: float) -> bool:
        """Whether an unknown key's name is reason enough to fetch the keys anew.

        It is where we looked for none of late, or found others by that: issuers rotate now and
        then, and strangers make names up.
        """
        kept = self.keys.kept
        if not self.keys.may_try(now_s):
            return False
        if kept is None:
            return True
        if self._looked is not None:
            keys, at_s = self._looked
            is_recent = 0 <= now_s - at_s < UNKNOWN_KEY_INTERVAL_S
            if is_recent and keys is kept.value:
                return kept.fetched_at_s < at_s  # or it is under way
        self._looked = kept.value, now_s
        return True

    def close(self) -> None:
        """Close the connections."""
        self._background.close()

    def _fetcher(
        self, url: str, max_bytes: int, *, is_asked_itself: bool = False
    ) -> Callable[[str | None, float], Awaitable[Fetched]]:
        async def fetch_it(etag: str | None, _now_s: float) -> Fetched:
            return await fetch(
                self._background.client,
                url,
                etag=etag,
                max_bytes=max_bytes,
                timeout_s=self._timeout_s,
                is_asked_itself=is_asked_itself,
            )

        return fetch_it

    async def _fetch_keys(self, etag: str | None, now_s: float) -> Fetched:
        found = self._discovery.kept
        if (found is None or not found.is_fresh(now_s)) and self._discovery.may_try(now_s):
            await self._discovery.renew(now_s)
            found = self._discovery.kept
        if found is None or not found.is_usable(now_s):
            raise UnavailableError("discovery_unavailable", "no metadata", retry_after_s=5)
        return await self._fetcher(found.value, jwks.MAX_JWKS_BYTES, is_asked_itself=True)(
            etag, now_s
        )

    async def _parse_discovery(self, body: bytes, _now_s: float, _kept: str | None) -> Parsed[str]:
        try:
            found = msgspec.json.decode(body, type=_Discovery)
        except (ValueError, RecursionError) as error:
            raise MalformedError("bad_discovery", "not OpenID metadata") from error
        if found.issuer != self.issuer:
            raise MalformedError("bad_discovery", "metadata of another issuer", where="issuer")
        if not found.jwks_uri.startswith(f"{self.issuer}/"):
            raise MalformedError(
                "bad_discovery", "keys must lie under the issuer", where="jwks_uri"
            )
        return Parsed(value=found.jwks_uri, fresh_s=ADDRESS_FRESH_S, usable_s=KEYS_USABLE_S)

    async def _parse_keys(self, body: bytes, _now_s: float, kept: Keys | None) -> Parsed[Keys]:
        found = jwks.read_keys(body)
        if kept is None or kept.by_kid != found:
            checker = Checker(keys=found, issuer=self.issuer, audience=self._audience)
            kept = Keys(by_kid=found, checker=checker)
        return Parsed(value=kept, fresh_s=self.keys_believed_s / 2, usable_s=KEYS_USABLE_S)

    def _list_parser(
        self, uri: str
    ) -> Callable[[bytes, float, VerifiedList | None], Awaitable[Parsed[VerifiedList]]]:
        async def parse(
            body: bytes, now_s: float, kept: VerifiedList | None
        ) -> Parsed[VerifiedList]:
            found = await self._verify_list(body, uri, now_s)
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
            if self._following is not None:
                found = self._following.with_told(found)
            # Looking again at half time leaves the other half to ride out a failure.
            return Parsed(
                value=found,
                fresh_s=usable_s / 2,
                usable_s=usable_s,
                expires_at_s=expires_at_s,
            )

        return parse

    def _add_told(self, uri: str) -> None:
        """A stream has told something of a list."""
        with self._lists_lock:
            document = self._lists.get(uri)
        if document is None or document.kept is None or self._following is None:
            return
        kept = document.kept
        document.kept = msgspec.structs.replace(kept, value=self._following.with_told(kept.value))

    async def _renew_older(self, than_s: float) -> None:
        """Fetch the lists again that were signed before an instant."""
        with self._lists_lock:
            documents = list(self._lists.values())
        for document in documents:
            if document.kept is not None and document.kept.value.iat_s < than_s:
                pending = self.renew(document, self._now())
                if pending is not None:
                    await asyncio.shield(asyncio.wrap_future(pending))

    async def _verify_list(self, body: bytes, uri: str, now_s: float) -> VerifiedList | Inactive:
        try:
            unverified_list = body.decode("ascii")
        except UnicodeDecodeError:
            return Inactive(Reason.BAD_ENCODING)
        found = status.verify_list(unverified_list, keys=self._by_kid(now_s), uri=uri, now_s=now_s)
        if found == Inactive(Reason.UNKNOWN_KEY) and self.may_look_again(now_s):
            await self.keys.renew(now_s)
            found = status.verify_list(
                unverified_list, keys=self._by_kid(now_s), uri=uri, now_s=now_s
            )
        return found

    def _by_kid(self, now_s: float) -> Mapping[str, EllipticCurvePublicKey]:
        kept = self.keys.kept
        return kept.value.by_kid if kept is not None and kept.is_usable(now_s) else {}


def _document(
    fetch_it: Callable[[str | None, float], Awaitable[Fetched]],
    parse: Callable[[bytes, float, T | None], Awaitable[Parsed[T]]],
) -> Document[T]:
    # Nobody's secret depends on when we ask.
    return Document(fetch=fetch_it, parse=parse, jitter=random.random)
