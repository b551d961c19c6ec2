"""A fetched document, kept: fresh for a while, usable a little longer, then not at all."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from consentid.kit.errors import ConsentidError
from consentid.verify.fetching import Fetched

T = TypeVar("T")

RETRY_S: Final = 5
"""After a failure nobody asks again for so long, or each call would wait for the time limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(Generic[T]):
    value: T
    etag: str | None
    fetched_at_s: float
    fresh_s: float
    usable_s: float
    expires_at_s: float

    def is_fresh(self, now_s: float) -> bool:
        # A clock that was set back makes the age negative, and says nothing: fetch again.
        age_s = now_s - self.fetched_at_s
        return 0 <= age_s < self.fresh_s and now_s < self.expires_at_s

    def is_usable(self, now_s: float) -> bool:
        age_s = now_s - self.fetched_at_s
        return 0 <= age_s < self.usable_s and now_s < self.expires_at_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed(Generic[T]):
    """A document's value, for how long after its fetch it is fresh and usable, and its end."""

    value: T
    fresh_s: float
    usable_s: float
    expires_at_s: float = math.inf
    """However often it is confirmed as unchanged."""


class Document(Generic[T]):
    """One document.  Safe for threads: one fetches, the others use what is there, or wait.

    ``fetch`` takes the last ETag; ``parse`` takes the bytes, the instant and the value kept so
    far, and raises ConsentidError for a document not to be used.
    """

    def __init__(
        self,
        *,
        fetch: Callable[[str | None], Fetched],
        parse: Callable[[bytes, float, T | None], Parsed[T]],
    ) -> None:
        self._fetch: Final = fetch
        self._parse: Final = parse
        self._lock: Final = threading.Lock()
        self._kept: _Kept[T] | None = None
        self._failed_at_s: float | None = None

    def read(self, now_s: float) -> T | None:
        """The value, fetched if need be; None if there is none that is usable."""
        kept = self._kept
        if kept is not None and kept.is_fresh(now_s):
            return kept.value
        usable = kept is not None and kept.is_usable(now_s)
        # Whoever has a usable value does not wait for the one who fetches.
        if self._lock.acquire(blocking=not usable):
            try:
                kept = self._kept
                if kept is None or not kept.is_fresh(now_s):
                    self._renew(now_s)
            finally:
                self._lock.release()
        kept = self._kept
        return kept.value if kept is not None and kept.is_usable(now_s) else None

    def look_again(self, now_s: float, *, interval_s: float) -> T | None:
        """The value, fetched again though fresh: something was missing in it.

        Not if the last fetch is younger than ``interval_s``, whoever asks.
        """
        with self._lock:
            kept = self._kept
            if kept is None or not 0 <= now_s - kept.fetched_at_s < interval_s:
                self._renew(now_s)
        return self.read(now_s)

    def _renew(self, now_s: float) -> None:
        if self._failed_at_s is not None and 0 <= now_s - self._failed_at_s < RETRY_S:
            return
        kept = self._kept
        try:
            fetched = self._fetch(None if kept is None else kept.etag)
            if fetched.body is not None:
                parsed = self._parse(fetched.body, now_s, None if kept is None else kept.value)
                kept = _Kept(
                    value=parsed.value,
                    etag=fetched.etag,
                    fetched_at_s=now_s,
                    fresh_s=parsed.fresh_s,
                    usable_s=parsed.usable_s,
                    expires_at_s=parsed.expires_at_s,
                )
        except ConsentidError:
            kept = None
        if kept is None or now_s >= kept.expires_at_s:
            self._failed_at_s = now_s
        else:
            self._failed_at_s = None
            self._kept = replace(kept, fetched_at_s=now_s)
