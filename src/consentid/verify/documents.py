"""A fetched document, kept: fresh for a while, usable a little longer, then not at all."""

import math
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import msgspec

from consentid.kit.errors import ConsentidError
from consentid.verify.fetching import Fetched

T = TypeVar("T")

RETRY_S: Final = 5
"""After a failure nobody asks again for so long, or each call would wait for the time limit."""


class Kept(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A document's value as last fetched or confirmed, and how long it holds.  Unix seconds.

    A clock that was set back to before the fetch says nothing of its age: it is fresh no more.
    """

    value: T
    etag: str | None
    fetched_at_s: float
    fresh_until_s: float
    """From then on it is fetched again in the background."""
    usable_until_s: float
    """From then on it is used no more."""
    fresh_s: float
    usable_s: float
    expires_at_s: float

    def is_fresh(self, now_s: float) -> bool:
        """Whether it need not be fetched again yet."""
        return self.fetched_at_s <= now_s < self.fresh_until_s

    def is_usable(self, now_s: float) -> bool:
        """Whether it may be relied on."""
        return self.fetched_at_s <= now_s < self.usable_until_s


class Parsed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A document's value, for how long after its fetch it is fresh and usable, and its end."""

    value: T
    fresh_s: float
    usable_s: float
    expires_at_s: float = math.inf
    """However often it is confirmed as unchanged."""


class Document(Generic[T]):
    """One document.  Many threads read ``kept``; one task at a time, in the background, renews it.

    ``fetch`` takes the last ETag and the instant; ``parse`` the bytes, the instant and the value
    kept so far, and raises ConsentidError for a document not to be used.  ``jitter`` gives a number
    from 0 to 1 by which the time of freshness is shortened, up to a fifth: verifiers started
    together do not ask together.
    """

    def __init__(
        self,
        *,
        fetch: Callable[[str | None, float], Awaitable[Fetched]],
        parse: Callable[[bytes, float, T | None], Awaitable[Parsed[T]]],
        jitter: Callable[[], float],
    ) -> None:
        self._fetch: Final = fetch
        self._parse: Final = parse
        self._jitter: Final = jitter
        self.kept: Kept[T] | None = None
        self.failed_at_s: float | None = None
        """The last try, if it failed."""

    def may_try(self, now_s: float) -> bool:
        """Whether the last failure is long enough ago."""
        return self.failed_at_s is None or not 0 <= now_s - self.failed_at_s < RETRY_S

    async def renew(self, now_s: float) -> None:
        """Fetch, and keep what was found.  Never raises: a failure keeps what there was."""
        kept = self.kept
        try:
            fetched = await self._fetch(None if kept is None else kept.etag, now_s)
            kept = self.kept  # it may say more than before: a stream adds to it
            if fetched.body is not None:
                parsed = await self._parse(
                    fetched.body, now_s, None if kept is None else kept.value
                )
                kept = self._keep(parsed, fetched.etag, now_s)
            elif kept is not None:
                parsed = Parsed(
                    value=kept.value,
                    fresh_s=kept.fresh_s,
                    usable_s=kept.usable_s,
                    expires_at_s=kept.expires_at_s,
                )
                kept = self._keep(parsed, kept.etag, now_s)
        except ConsentidError:
            kept = None
        if kept is None or now_s >= kept.expires_at_s:
            self.failed_at_s = now_s
        else:
            self.kept = kept
            self.failed_at_s = None

    def _keep(self, parsed: Parsed[T], etag: str | None, now_s: float) -> Kept[T]:
        ends_s = min(now_s + parsed.usable_s, parsed.expires_at_s)
        fresh_s = parsed.fresh_s * (1 - self._jitter() / 5)
        return Kept(
            value=parsed.value,
            etag=etag,
            fetched_at_s=now_s,
            fresh_until_s=min(now_s + fresh_s, ends_s),
            usable_until_s=ends_s,
            fresh_s=parsed.fresh_s,
            usable_s=parsed.usable_s,
            expires_at_s=parsed.expires_at_s,
        )
