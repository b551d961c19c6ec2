"""Follow an issuer's stream of revocations, and set its bits in the lists that are kept.

The stream is not signed and so may only say no: what it tells is added to what the signed lists
say, whose times are what they are without it.  A bit that it told is kept for longer than any list
that might lack it can be used; from then on a list says it, or it was never true.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, final

import httpx2

from consentid.kit.errors import ConsentidError
from consentid.tokens import status
from consentid.tokens.status import VerifiedList
from consentid.verify.stream import Complete, Told, listen

MAX_TOLD: Final = 200_000
"""Bits that are kept beside the lists.  Beyond it all are forgotten, and the lists fetched anew."""
KEPT_S: Final = 2 * status.TTL_S
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0

_log: Final = logging.getLogger("consentid.verify")


@final
class Following:
    """What one verifier was told.  Lives on the background's loop alone.

    ``changed`` is called with a list's address when bits of it were told, ``renew`` with an instant
    when lists signed before it have to be fetched again.
    """

    def __init__(
        self,
        *,
        issuer: str,
        timeout_s: float,
        now: Callable[[], float],
        changed: Callable[[str], None],
        renew: Callable[[float], Coroutine[Any, Any, None]],
    ) -> None:
        self._issuer: Final = issuer
        self._timeout_s: Final = timeout_s
        self._now: Final = now
        self._changed: Final = changed
        self._renew: Final = renew
        self._told: Final[defaultdict[str, dict[int, float]]] = defaultdict(dict)
        self._until_s: int | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def follow(self, client: httpx2.AsyncClient) -> None:
        """Listen, and listen again when it breaks, until cancelled."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                async with aclosing(
                    listen(client, self._issuer, after_s=self._until_s, timeout_s=self._timeout_s)
                ) as told:
                    async for each in told:
                        self._take(each)
                        wait_s = _FIRST_WAIT_S
            except ConsentidError as error:
                _log.info("lists are polled alone for now: %s", error.message)
            # Nobody's secret depends on when we ask: all that broke together return apart.
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))  # noqa: S311
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def with_told(self, found: VerifiedList) -> VerifiedList:
        """A list, and what was told of it."""
        told = self._told.get(found.uri)
        if not told:
            return found
        now_s = self._now()
        for idx in [idx for idx, until_s in told.items() if until_s <= now_s]:
            del told[idx]
        bits = bytearray(found.bits)
        for idx in told:
            if idx < len(bits) * 8:
                bits[idx >> 3] |= 1 << (idx & 7)
        return replace(found, bits=bytes(bits))

    def _take(self, told: Complete | Told) -> None:
        if isinstance(told, Complete):
            if self._until_s is None or told.since > self._until_s:
                self._renew_older(told.since)
            return
        if told.until_s is not None:
            self._until_s = told.until_s
        until_s = self._now() + KEPT_S
        for number, indices in told.revoked.items():
            uri = f"{self._issuer}{status.PATH}{number}"
            self._told[uri].update(dict.fromkeys(indices, until_s))
            self._changed(uri)
        if told.revoked and sum(map(len, self._told.values())) > MAX_TOLD:
            self._told.clear()
            self._renew_older(float("inf"))

    def _renew_older(self, than_s: float) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
        self._renewing = asyncio.create_task(self._renew(than_s))
