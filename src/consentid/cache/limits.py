"""Rate limits: so many acts per window, counted in Valkey, or per process where it is gone."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, final

import valkey.asyncio
from valkey.exceptions import ValkeyError

from consentid.kit.errors import RateLimitedError
from consentid.kit.lane import Lane

_log: Final = logging.getLogger("consentid.cache")

_COUNT: Final = """
local counted = {}
for place, key in ipairs(KEYS) do
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('EXPIRE', key, ARGV[place]) end
  counted[place] = {count, redis.call('TTL', key)}
end
return counted
"""
_GIVE_BACK: Final = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then redis.call('DECR', KEYS[1]) end
"""
_MAX_LOCAL: Final = 10_000
_COUNTED_TOGETHER: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most ``most`` acts of one caller in ``window_s`` seconds."""

    name: str
    most: int
    window_s: int


@final
class Limiter:
    """Counts acts by caller.  ``connection`` is None where no Valkey is configured."""

    def __init__(self, connection: "valkey.asyncio.Valkey | None") -> None:
        self._connection: valkey.asyncio.Valkey | None = connection
        self._counting: Final = Lane(most=_COUNTED_TOGETHER)
        self._local: dict[str, tuple[int, float]] = {}
        self._sweep_above: int = _MAX_LOCAL
        self.is_degraded: bool = False
        """Whether the last count was made without Valkey although one is configured."""

    async def check(self, limit: Limit, caller: str, *, now_s: float) -> None:
        """Count one act.  What is kept of the caller is a hash.

        Raises:
            RateLimitedError: it was one too many.
        """
        key = _key(limit, caller)
        count, left_s = await self._count(key, limit.window_s, now_s)
        if count > limit.most:
            raise RateLimitedError(
                "rate_limited",
                f"Too many requests ({limit.name}): at most {limit.most} in {limit.window_s} s.",
                retry_after_s=max(1, left_s),
            )

    async def give_back(self, limit: Limit, caller: str) -> None:
        """Take back what ``check`` counted, for an act that turned out not to count.

        Counting first and giving back later leaves no gap for acts at the same time.
        """
        key = _key(limit, caller)
        if self._connection is not None:
            try:
                await self._connection.eval(_GIVE_BACK, 1, key)  # pyright: ignore[reportGeneralTypeIssues] valkey-py types one method for both worlds
            except (ValkeyError, OSError, TimeoutError):
                self.is_degraded = True
            else:
                return
        count, ends = self._local.get(key, (0, 0.0))
        if count > 0:
            self._local[key] = (count - 1, ends)

    async def _count(self, key: str, window_s: int, now_s: float) -> tuple[int, int]:
        found = None
        if self._connection is not None:
            work = partial(self._count_there, self._connection)
            found = await self._counting.join((key, window_s), work)
        return self._count_here(key, window_s, now_s) if found is None else found

    async def _count_there(
        self, connection: "valkey.asyncio.Valkey", acts: Sequence[tuple[str, int]]
    ) -> Sequence[tuple[int, int] | None]:
        """Acts that come at the same time are one command.  None: Valkey is gone."""
        keys, windows_s = zip(*acts, strict=True)
        try:
            found = await connection.eval(_COUNT, len(keys), *keys, *windows_s)  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType] valkey-py types one method for both worlds
        except (ValkeyError, OSError, TimeoutError):
            if not self.is_degraded:
                _log.warning("valkey is gone: limits are counted per process until it is back")
            self.is_degraded = True
            return [None] * len(acts)
        self.is_degraded = False
        return [(int(count), int(left_s)) for count, left_s in found]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] as above

    def _count_here(self, key: str, window_s: int, now_s: float) -> tuple[int, int]:
        if len(self._local) > self._sweep_above:
            self._local = {k: v for k, v in self._local.items() if v[1] > now_s}
            # Not again at each act of many whose windows run: it would cost most when it is busy.
            self._sweep_above = max(_MAX_LOCAL, 2 * len(self._local))
        count, ends = self._local.get(key, (0, 0.0))
        if ends <= now_s:
            count, ends = 0, now_s + window_s
        self._local[key] = (count + 1, ends)
        return count + 1, int(ends - now_s) + 1


def _key(limit: Limit, caller: str) -> str:
    return f"limit:{limit.name}:{hashlib.sha256(caller.encode()).hexdigest()[:32]}"


def connect(url: str | None) -> "valkey.asyncio.Valkey | None":
    """A connection pool to Valkey; nothing is sent before the first use."""
    if url is None:
        return None
    return valkey.asyncio.Valkey.from_url(url, socket_timeout=0.25, socket_connect_timeout=0.25)
