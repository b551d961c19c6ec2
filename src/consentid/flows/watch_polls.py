"""Answer polls from memory, and keep that memory in step with the database once a second.

A code that is not known is asked about together with the others that come meanwhile, in one
statement; what then is known to wait is answered from memory from that moment on.  What cannot be
answered so has the long way to go (``answer_token_request``), where it is judged anew and in full.

While no code is known, nothing is asked.  When devices polled is written down a second later, for
other processes; if this one dies before, a device that hurried is believed once more.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Final, final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import AuthMethod, GrantType
from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.polls import Told
from consentid.kit.errors import ConsentidError
from consentid.kit.lane import Lane
from consentid.store import clients, clock, waiting_codes
from consentid.store.waiting_codes import WaitingCode

PACE_S: Final = 1.0
_TOGETHER: Final = 512
_GATHERED_S: Final = 0.05
"""From one question about unknown codes to the next: those that come meanwhile go together, and who
comes alone waits for nobody.
"""
_PAGE: Final = 4_096
"""Codes in one statement: a page is put together in about a millisecond."""

_log: Final = logging.getLogger("consentid.flows")


@final
class PollWatch:
    """One per process; ``follow`` keeps what it knows true."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._polls: Final = context.polls
        self._learning: Final = Lane(most=_TOGETHER)
        self._somebody: Final = asyncio.Event()
        self._asked_s: float = float("-inf")

    async def hear(self, unverified_device_code: str, client_id: str) -> Told | None:
        """What a device hears whose code waits; None where that is not known here."""
        device_code_hash = hash_token(unverified_device_code)
        told = self._polls.hear(device_code_hash, client_id)
        if told is None:
            await self._learning.join(device_code_hash, self._learn)
            told = self._polls.hear(device_code_hash, client_id)
            if told is not None:
                self._somebody.set()
        return told

    async def follow(self) -> None:
        """Look once a second while anybody waits, until cancelled; then write down what is left."""
        try:
            while True:
                await self._someone()
                try:
                    # One connection for as long as anybody waits: a look stands in no queue.
                    async with self._context.database.glancing() as connection:
                        await waiting_codes.plan_anew(connection)
                        while len(self._polls):
                            await self.look(connection)
                            await asyncio.sleep(PACE_S)
                except ConsentidError as error:
                    _log.warning("polls are answered by the database: %s", error.code)
                except Exception:  # noqa: BLE001 a node that ceased to look would be slow for ever
                    _log.exception("looking at device codes: unforeseen error")
                await asyncio.sleep(PACE_S)
        finally:
            await self._keep_last()

    async def look(self, connection: AsyncConnection) -> None:
        """Learn what happened elsewhere, then write down what was heard here.

        Each statement is a transaction of its own.

        Raises:
            UnavailableError: the database cannot be reached.
        """
        polls = self._polls
        polls.drop_ended()
        polls.set_clock(await clock.now(connection))
        await self._allow(connection, polls.client_ids())
        for page in polls.due().pages(_PAGE):
            begun_s = self._context.monotonic()
            changed = await waiting_codes.changed(connection, page)
            polls.confirm(page, changed, begun_s=begun_s)
        await self._keep(connection)

    async def _learn(self, hashes: Sequence[bytes]) -> Sequence[None]:
        await asyncio.sleep(self._asked_s + _GATHERED_S - self._context.monotonic())
        begun_s = self._asked_s = self._polls.begin_learning()
        found: Mapping[bytes, WaitingCode] = {}
        try:
            async with self._context.database.glancing() as connection:
                found = await waiting_codes.find_all(connection, hashes)
                asking = {each.client_id for each in found.values()}
                if found and not self._polls.allows(asking):
                    await self._allow(connection, asking | {*self._polls.client_ids()})
        except ConsentidError as error:
            _log.debug("unknown polls go the long way, which says why: %s", error.code)
        finally:
            self._polls.learn(found, begun_s=begun_s)
        return [None] * len(hashes)

    async def _allow(self, connection: AsyncConnection, client_ids: Collection[str]) -> None:
        """Find out who may poll by its name alone."""
        begun_s = self._context.monotonic()
        rows = [await clients.find(connection, each) for each in client_ids]
        allowed = {
            row.client_id
            for row in rows
            if row is not None
            and row.auth_method == AuthMethod.NONE
            and GrantType.DEVICE_CODE in row.registration.grant_types
        }
        self._polls.allow(allowed, begun_s=begun_s)

    async def _keep(self, connection: AsyncConnection) -> None:
        unkept = self._polls.take_unkept()
        try:
            for page in unkept.pages(_PAGE):
                await waiting_codes.keep_polls(connection, page)
        except BaseException:
            self._polls.put_back(unkept)
            raise

    async def _keep_last(self) -> None:
        try:
            async with self._context.database.glancing() as connection:
                await self._keep(connection)
        except ConsentidError as error:
            _log.warning("when devices polled last was not kept: %s", error.code)

    async def _someone(self) -> None:
        while not len(self._polls):
            self._somebody.clear()
            await self._somebody.wait()
