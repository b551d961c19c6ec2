"""Deliver events to endpoints: each at its own pace, each person's events in order.

A webhook gets the event, signed; a Shared Signals stream gets it as a token.

What is under way is known to this process alone.  Killed, the next one finds what is pending and
sends it: an event may come twice, with the same id, and none is lost.

An endpoint has connections and places of its own, so one that hangs or fails slows nobody.  What
fails is tried again as ``endpoint_health`` says.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import httpx2
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.events.contract import MEDIA_TYPE
from consentid.events.filters import Filters
from consentid.events.security_events import MEDIA_TYPE as SET_MEDIA_TYPE
from consentid.events.security_events import Statement
from consentid.flows.context import Context
from consentid.flows.endpoint_health import FAILING, health_of, settled_of
from consentid.flows.read_events import Read, open_row
from consentid.flows.webhook_secrets import open_secret
from consentid.flows.write_set import stated, write_set
from consentid.kit.instants import Instant
from consentid.net.guarded import make_endpoint_transport
from consentid.net.webhook_sender import Delivered, send_webhook
from consentid.store import clock, deliveries, delivery_queue, webhooks
from consentid.store.deliveries import DEAD, LEFT_OUT, Due, Settled
from consentid.store.webhooks import Endpoint
from consentid.webhooks.signature import ID, SIGNATURE, TIMESTAMP, sign

AT_ONCE: Final = 8
"""Under way to one endpoint."""
_log: Final = logging.getLogger("consentid.webhooks")


@dataclass(slots=True)
class _Target:
    """An endpoint as this process knows it."""

    endpoint: Endpoint
    filters: Filters
    secrets: Sequence[str]
    transport: httpx2.AsyncBaseTransport
    under_way: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """Stream and place of what is being sent."""
    is_leaving: bool = False
    """Whether it goes by another address now, once nothing is under way to this one."""

    def room(self, now: Instant) -> int:
        """How many may be begun now."""
        endpoint = self.endpoint
        is_paused = endpoint.paused_until is not None and endpoint.paused_until > now
        if is_paused or self.is_leaving:
            return 0
        most = AT_ONCE if endpoint.failures < FAILING else 1
        return max(0, most - len(self.under_way))


@final
class Dispatcher:
    """Whoever delivers now.  ``round`` again and again; ``close`` at the end."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._targets: Final[dict[int, _Target]] = {}
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._ended: Final[list[tuple[Due, Delivered]]] = []
        self._left_out: Final[list[Settled]] = []
        self._seen_at: Instant | None = None
        """When the last round was."""
        self.woken: Final = asyncio.Event()
        """Set when an attempt has ended."""

    async def round(self) -> int:
        """Keep what came of attempts, and begin what is due; how many attempts ended.

        Raises:
            UnavailableError: the database cannot be reached; what ended is kept for the next round.
        """
        self.woken.clear()
        ended, left_out = tuple(self._ended), tuple(self._left_out)
        concerned = {due.endpoint_no for due, _ in ended} | {each.endpoint_no for each in left_out}
        async with self._context.database.writing() as connection:
            now = await clock.now(connection)
            await self._mind_clock(connection, now)
            if concerned:
                await webhooks.hold(connection, concerned)
            settled = [settled_of(*each, now=now, draw=self._context.draw) for each in ended]
            await deliveries.settle(connection, [*settled, *left_out])
            await self._note_health(connection, ended, now=now)
            await delivery_queue.queue(connection)
            enabled = [each for each in await webhooks.every(connection) if each.is_sent_to]
            secrets = await webhooks.secrets_of(connection, [each.no for each in enabled], at=now)
        del self._ended[: len(ended)], self._left_out[: len(left_out)]
        self._seen_at = now
        for each in (*settled, *left_out):
            target = self._targets.get(each.endpoint_no)
            if target is not None:
                target.under_way.discard((each.stream_no, each.seq))
        await self._know(enabled, secrets)
        await self._begin([each.no for each in enabled], now)
        return len(ended)

    async def close(self) -> None:
        """Leave what is under way: it is pending, and sent again by whoever comes next."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for target in self._targets.values():
            await target.transport.aclose()

    async def _mind_clock(self, connection: AsyncConnection, now: Instant) -> None:
        """Let nothing wait longer since the clock was set back, now or while nobody looked."""
        by = 0 if self._seen_at is None else self._seen_at - now
        if self._seen_at is None or by > 0:
            await webhooks.hold(connection)
            await deliveries.set_back(connection, at=now, by_us=by)
            await webhooks.set_back(connection, at=now, by_us=by)

    async def _know(
        self, enabled: Sequence[Endpoint], secrets: Mapping[int, Sequence[bytes]]
    ) -> None:
        master = self._context.keyring.master
        for endpoint in enabled:
            opened = [open_secret(master, endpoint.no, each) for each in secrets[endpoint.no]]
            filters = msgspec.json.decode(endpoint.filters, type=Filters)
            target = self._targets.get(endpoint.no)
            if target is not None and target.endpoint.url != endpoint.url:
                # No connection to one host is used for another.
                if target.under_way:
                    target.is_leaving = True
                    continue
                await self._targets.pop(endpoint.no).transport.aclose()
                target = None
            if target is None:
                transport = make_endpoint_transport(
                    localhost_hosts=self._context.settings.localhost_hosts, kept=AT_ONCE
                )
                self._targets[endpoint.no] = _Target(endpoint, filters, opened, transport)
            else:
                target.endpoint, target.filters, target.secrets = endpoint, filters, opened
                target.is_leaving = False  # should it have been to another, and back
        for number in self._targets.keys() - {endpoint.no for endpoint in enabled}:
            if not self._targets[number].under_way:
                await self._targets.pop(number).transport.aclose()

    async def _begin(self, enabled: Sequence[int], now: Instant) -> None:
        targets = {number: self._targets[number] for number in enabled}
        rooms = {
            number: room + len(target.under_way)
            for number, target in targets.items()
            if (room := target.room(now))
        }
        if not rooms:
            return
        async with self._context.database.glancing() as connection:
            source = (await self._context.book(connection)).group.issuer
            due = await deliveries.due(connection, rooms)
        opened: dict[tuple[int, int], Read] = {}
        for each in due:
            target, place = self._targets[each.endpoint_no], (each.stream_no, each.seq)
            if place in target.under_way or not target.room(now):
                continue
            target.under_way.add(place)
            read = opened.get(place)
            if read is None and each.event is not None:
                # Once for all endpoints that are sent the same now.
                read = opened[place] = open_row(
                    self._context, each.event, stream_no=each.stream_no, source=source, keys={}
                )
            self._begin_one(target, each, read, source=source, now=now)

    def _begin_one(
        self, target: _Target, due: Due, read: Read | None, *, source: str, now: Instant
    ) -> None:
        if read is None and due.notice is None:
            self._leave_out(due, DEAD, "expired", now=now)
            return
        told = self._told(target, due, read)
        if told is None:
            self._leave_out(due, LEFT_OUT, "filtered", now=now)
            return
        task = asyncio.create_task(self._send(target, due, told, source=source))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _leave_out(self, due: Due, state: str, outcome: str, *, now: Instant) -> None:
        self._left_out.append(due.settled(state, outcome, at=now))
        self.woken.set()

    def _told(self, target: _Target, due: Due, read: Read | None) -> Read | Statement | None:
        """What is sent of a delivery; None where the endpoint is not to have it."""
        if target.endpoint.stream_id is not None:
            return stated(target.endpoint, due, read)
        return read if read is not None and target.filters.wants(read.kind, read.body) else None

    async def _send(
        self, target: _Target, due: Due, told: Read | Statement, *, source: str
    ) -> None:
        endpoint, now_s = target.endpoint, int(time.time())
        if isinstance(told, Read):
            headers, body = signed_headers(target.secrets, told, now_s=now_s), told.body
        else:
            token = write_set(self._context, endpoint, due, told, issuer=source, now_s=now_s)
            headers, body = _token_headers(target.secrets), token.encode()
        delivered = await send_webhook(target.transport, endpoint.url, headers=headers, body=body)
        self._ended.append((due, delivered))
        self.woken.set()

    async def _note_health(
        self,
        connection: AsyncConnection,
        ended: Sequence[tuple[Due, Delivered]],
        *,
        now: Instant,
    ) -> None:
        """Keep who fails; whoever does for too long, or is gone, is disabled."""
        by_endpoint: dict[int, list[Delivered]] = {}
        for due, delivered in ended:
            by_endpoint.setdefault(due.endpoint_no, []).append(delivered)
        for number, outcomes in by_endpoint.items():
            before = health_of(self._targets[number].endpoint)
            health = before.after(outcomes, now=now, draw=self._context.draw)
            if any(each.is_gone for each in outcomes):
                await self._disable(connection, number, "gone", now=now)
            elif health.is_lost(now):
                await self._disable(connection, number, "failing", now=now)
            if health != before:
                await webhooks.note_failing(
                    connection,
                    number,
                    failures=health.failures,
                    since=health.since,
                    until=health.until,
                )

    async def _disable(
        self, connection: AsyncConnection, number: int, why: str, *, now: Instant
    ) -> None:
        if await webhooks.give_up(connection, number, why=why, at=now):
            _log.error(
                "webhook %d is disabled (%s): once it is mended, consentid webhooks enable %d",
                *(number, why, number),
            )


def signed_headers(secrets: Sequence[str], read: Read, *, now_s: int) -> dict[str, str]:
    """What goes with an event.  Spec: Standard Webhooks."""
    return {
        "content-type": MEDIA_TYPE,
        ID: read.id,
        TIMESTAMP: str(now_s),
        SIGNATURE: sign(secrets, id_=read.id, timestamp_s=now_s, body=read.body),
    }


def _token_headers(secrets: Sequence[str]) -> dict[str, str]:
    """What goes with a token, the receiver's own ``Authorization`` with it.  Spec: RFC 8935."""
    headers = {"content-type": SET_MEDIA_TYPE, "accept": "application/json"}
    return {**headers, "authorization": secrets[0]} if secrets else headers
