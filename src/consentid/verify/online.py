"""Verify with keys and status lists fetched from the issuer.

The issuer learns that this verifier exists, and which lists it reads; never about which person or
token it asks.

A call waits for the network only where there is nothing usable at hand: at the start, and after an
outage that outlasted what was kept.  It waits ``timeout_s`` at most, and half a second while the
issuer is known to fail; then the answer is no.
"""

import asyncio
import concurrent.futures
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, final

import httpx2

from consentid.tokens.reasons import Inactive
from consentid.verify.answer import Active
from consentid.verify.judging import REMEMBERED, Judge, Wanted
from consentid.verify.publication import Publication

TIMEOUT_S: Final = 5.0
_FAILING_WAIT_S: Final = 0.5
_ROUNDS: Final = 4
"""The keys, newer keys, the list: more is never wanting."""


class _Online:
    """What both verifiers have."""

    def __init__(  # the documented arguments of the verifiers
        self,
        *,
        issuer: str,
        audience: str,
        strict: bool = False,
        timeout_s: float = TIMEOUT_S,
        remembered: int = REMEMBERED,
        transport: httpx2.AsyncBaseTransport | None = None,
        stream: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._publication: Final = Publication(
            issuer=issuer,
            audience=audience,
            strict=strict,
            timeout_s=timeout_s,
            transport=transport,
            stream=stream,
            now=now,
        )
        self._judge: Final = Judge(self._publication, remembered=remembered)
        self._timeout_s: Final = timeout_s
        self._now: Final = now

    def _order(
        self, wanted: Wanted, begun_s: float
    ) -> tuple[concurrent.futures.Future[None], float] | None:
        """Have fetched what is wanted; how long to wait for it, None if that is pointless."""
        is_failing = wanted.document.failed_at_s is not None
        wait_s = min(_FAILING_WAIT_S, self._timeout_s) if is_failing else self._timeout_s
        left_s = begun_s + wait_s - time.monotonic()
        pending = self._publication.renew(wanted.document, self._now())
        return None if pending is None or left_s <= 0 else (pending, left_s)


@final
class Verifier(_Online):
    """Verifies consent tokens of one issuer for one audience.  Safe for threads; keep one.

    ``issuer`` and ``audience`` are compared exactly.  ``strict`` bounds the age of a status list
    to 60 s instead of 300 s.  ``timeout_s`` bounds every call.  ``remembered`` is how many verified
    tokens are kept so that a repetition costs next to nothing; 0 for none.  ``transport`` is how
    requests travel: give ``LocalhostTransport()`` for ``*.localhost``.  ``stream`` listens to the
    issuer beside, in the background, and so knows of a withdrawal some seconds after it was
    published; where that breaks, everything is as without.  ``now`` gives Unix seconds.

    Raises:
        MalformedError: the issuer is not an https URL.
    """

    def verify(self, unverified_token: str) -> Active | Inactive:
        """Verify a token and its status.  Never raises for a token; any doubt is a no."""
        found = self._judge.judge(unverified_token, self._now())
        return self._wait(unverified_token, found) if isinstance(found, Wanted) else found

    def allows(self, unverified_token: str, purpose: str) -> bool:
        """Whether the token is active and grants this very purpose.  Any doubt is a no."""
        verified = self.verify(unverified_token)
        return isinstance(verified, Active) and verified.allows(purpose)

    def close(self) -> None:
        """Close the connections."""
        self._publication.close()

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

    def _wait(self, unverified_token: str, wanted: Wanted) -> Active | Inactive:
        begun_s = time.monotonic()
        found: Active | Inactive | Wanted = wanted
        for _ in range(_ROUNDS):
            if not isinstance(found, Wanted):
                return found
            wanted, ordered = found, self._order(found, begun_s)
            if ordered is None:
                break
            concurrent.futures.wait([ordered[0]], timeout=ordered[1])
            found = self._judge.judge(unverified_token, self._now())
        return Inactive(wanted.reason) if isinstance(found, Wanted) else found


@final
class AsyncVerifier(_Online):
    """``Verifier`` for asyncio: the same arguments and answers, and the loop is never blocked.

    Keep one per process; it may be used from any loop.  While what it needs is at hand, which is
    nearly always, ``verify`` does not suspend.

    Raises:
        MalformedError: the issuer is not an https URL.
    """

    async def verify(self, unverified_token: str) -> Active | Inactive:
        """Verify a token and its status.  Never raises for a token; any doubt is a no."""
        found = self._judge.judge(unverified_token, self._now())
        return await self._wait(unverified_token, found) if isinstance(found, Wanted) else found

    async def allows(self, unverified_token: str, purpose: str) -> bool:
        """Whether the token is active and grants this very purpose.  Any doubt is a no."""
        verified = await self.verify(unverified_token)
        return isinstance(verified, Active) and verified.allows(purpose)

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._publication.close)

    async def __aenter__(self) -> Self:
        """Use the verifier for a block."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections at the block's end."""
        await self.aclose()

    async def _wait(self, unverified_token: str, wanted: Wanted) -> Active | Inactive:
        begun_s = time.monotonic()
        found: Active | Inactive | Wanted = wanted
        for _ in range(_ROUNDS):
            if not isinstance(found, Wanted):
                return found
            wanted, ordered = found, self._order(found, begun_s)
            if ordered is None:
                break
            # Others may wait for the same: neither our time limit nor our end may cancel it.
            done = asyncio.shield(asyncio.wrap_future(ordered[0]))
            await asyncio.wait([done], timeout=ordered[1])
            found = self._judge.judge(unverified_token, self._now())
        return Inactive(wanted.reason) if isinstance(found, Wanted) else found
