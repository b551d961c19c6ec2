"""What an operator does with endpoints, each act in the log.  Needs the owner's database."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx2
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import Scope
from consentid.events.contract import Kind, TrialData, TrialEvent, sequence_of
from consentid.events.filters import Filters
from consentid.events.security_events import StreamUpdated
from consentid.events.ssf import Status
from consentid.flows.deliver_webhooks import signed_headers
from consentid.flows.endpoint_address import check_address
from consentid.flows.read_events import Read
from consentid.flows.stage_act import stage_act
from consentid.flows.webhook_secrets import NewSecrets, make_secrets, open_secret, seal_secret
from consentid.flows.write_set import add_notice
from consentid.kit import base64url
from consentid.kit.canonical import Json
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError
from consentid.kit.instants import SECOND, Instant, to_rfc3339, to_seconds
from consentid.net.webhook_sender import Delivered, send_webhook
from consentid.settings import COMMAND_LINE
from consentid.store import clients, clock, deliveries, delivery_queue, feed, webhooks
from consentid.store.deliveries import DEAD, DELIVERED, LEFT_OUT, PENDING, LogEntry
from consentid.store.engine import Database
from consentid.store.webhooks import BY_OPERATOR, Endpoint

STATES: Final = (PENDING, DELIVERED, LEFT_OUT, DEAD)
_ID_BYTES: Final = 16
_NUMBER: Final = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where endpoints are managed: the database, and what seals their secrets."""

    database: Database
    master: bytes = field(repr=False)
    randomness: Callable[[int], bytes]
    ledger_origin: str | None = None
    """The log's name where the operator chose one."""
    by: str = COMMAND_LINE
    """Who acts, as the log knows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedWebhook:
    """A new endpoint, and what its receiver needs: shown this once."""

    no: int
    secrets: NewSecrets


async def add_webhook(
    office: Office, *, client_id: str, url: str, filters: Filters, allows_http: bool
) -> AddedWebhook:
    """Register an endpoint of a client that may read events; it hears of what comes from now on.

    Raises:
        MalformedError: the address is none that anything can be sent to, or a kind is unknown.
        NotFoundError: there is no such client, or it may not read events.
    """
    check_address(url, allows_local=allows_http, where="url")
    for kind in filters.kinds:
        if kind not in set(Kind):
            raise MalformedError("unknown_kind", f"there is no kind {kind!r}", where="kinds")
    made = make_secrets(office.randomness)
    async with office.database.writing() as connection:
        client = await clients.find(connection, client_id)
        if client is None or Scope.EVENTS_READ not in client.scopes:
            raise NotFoundError(
                "client_unknown",
                f"no client {client_id!r} may read events: give it the scope events:read",
                where="client_id",
            )
        now = await clock.now(connection)
        await feed.open_stream(connection, client_id, at=now)
        stream = await feed.find_stream(connection, client_id)
        if stream is None:
            msg = "a stream that was opened in this transaction is not there"
            raise RuntimeError(msg)
        number = await webhooks.add(
            connection,
            client_id=client_id,
            url=url,
            filters=msgspec.json.encode(filters),
            stream_no=stream.stream_no,
            head=stream.head,
            at=now,
        )
        await _keep(office, connection, number, made, at=now)
        await _note(office, connection, "add", await _find(connection, number), at=now)
    return AddedWebhook(no=number, secrets=made)


async def list_webhooks(database: Database) -> Sequence[Endpoint]:
    """All endpoints."""
    async with database.reading() as connection:
        return await webhooks.every(connection)


async def rotate_webhook(office: Office, number: int, *, overlap_s: int) -> NewSecrets:
    """Give an endpoint new secrets; for a while it is signed with the old ones too.

    Raises:
        ConflictError: it is a Shared Signals stream.
        NotFoundError: there is no such endpoint.
    """
    made = make_secrets(office.randomness)
    async with office.database.writing() as connection:
        endpoint = _refuse_stream(await _hold(connection, number))
        now = await clock.now(connection)
        await webhooks.expire_secrets(connection, number, at=Instant(now + overlap_s * SECOND))
        await _keep(office, connection, number, made, at=now)
        await _note(office, connection, "rotate", endpoint, at=now, overlap_s=overlap_s)
    return made


async def try_webhook(
    office: Office, transport: httpx2.AsyncBaseTransport, number: int, *, issuer: str
) -> Delivered:
    """Send an event that says nothing, now.

    Raises:
        ConflictError: it is a Shared Signals stream.
        NotFoundError: there is no such endpoint.
    """
    async with office.database.writing() as connection:
        endpoint = _refuse_stream(await _find(connection, number))
        now = await clock.now(connection)
        await _note(office, connection, "test", endpoint, at=now)
        sealed = (await webhooks.secrets_of(connection, [number], at=now))[number]
    secrets = [open_secret(office.master, number, each) for each in sealed]
    event = TrialEvent(
        id=base64url.encode(office.randomness(_ID_BYTES)),
        source=issuer,
        time=to_rfc3339(now),
        sequence=sequence_of(0),
        data=TrialData(message="consentid tries this endpoint: nothing happened."),
    )
    read = Read(seq=0, id=event.id, kind=Kind.TEST, body=msgspec.json.encode(event))
    headers = signed_headers(secrets, read, now_s=to_seconds(now))
    return await send_webhook(transport, endpoint.url, headers=headers, body=read.body)


async def enable_webhook(office: Office, number: int) -> None:
    """Send to an endpoint again at once, from where it was.

    Raises:
        ConflictError: the receiver of a Shared Signals stream stopped it itself.
        NotFoundError: there is no such endpoint.
    """
    async with office.database.writing() as connection:
        endpoint = _refuse_stopped(await _hold(connection, number))
        now = await clock.now(connection)
        await webhooks.enable(connection, number)
        await deliveries.hasten(connection, number, at=now)
        if endpoint.disabled_at is not None:
            await _tell_stream(connection, endpoint, Status.ENABLED, at=now)
        await _note(office, connection, "enable", endpoint, at=now)


async def disable_webhook(office: Office, number: int) -> None:
    """Send nothing to it; what comes meanwhile is sent once it is enabled.

    Raises:
        ConflictError: the receiver of a Shared Signals stream stopped it itself.
        NotFoundError: there is no such endpoint.
    """
    async with office.database.writing() as connection:
        endpoint = _refuse_stopped(await _hold(connection, number))
        now = await clock.now(connection)
        await webhooks.disable(connection, number, why=BY_OPERATOR, at=now)
        await _tell_stream(connection, endpoint, Status.PAUSED, at=now)
        await _note(office, connection, "disable", endpoint, at=now)


async def remove_webhook(office: Office, number: int) -> None:
    """Remove it with its secrets and its log.

    Raises:
        NotFoundError: there is no such endpoint.
    """
    async with office.database.writing() as connection:
        endpoint = await _hold(connection, number)
        await webhooks.remove(connection, number)
        now = await clock.now(connection)
        await _note(office, connection, "remove", endpoint, at=now)


async def redrive_webhook(office: Office, number: int) -> int:
    """Try its dead letters again; how many.

    Raises:
        NotFoundError: there is no such endpoint.
    """
    async with office.database.writing() as connection:
        endpoint = await _hold(connection, number)
        now = await clock.now(connection)
        count = await deliveries.redrive(connection, number, at=now)
        await _note(office, connection, "redrive", endpoint, at=now, events=count)
    return count


async def replay_webhook(office: Office, number: int, *, first: int, last: int) -> int:
    """Send a range of its client's sequence again, with the same ids; how many events.

    Raises:
        NotFoundError: there is no such endpoint.
    """
    async with office.database.writing() as connection:
        endpoint = await _hold(connection, number)
        now = await clock.now(connection)
        count = await delivery_queue.replay(connection, number, first=first, last=last, at=now)
        sent: dict[str, Json] = {"first": first, "last": last, "events": count}
        await _note(office, connection, "replay", endpoint, at=now, **sent)
    return count


async def show_deliveries(
    database: Database, number: int, *, states: Collection[str], most: int
) -> Sequence[LogEntry]:
    """The newest deliveries of an endpoint.

    Raises:
        NotFoundError: there is no such endpoint.
    """
    async with database.reading() as connection:
        await _find(connection, number)
        return await deliveries.log(connection, number, states=states, most=most)


async def _note(
    office: Office,
    connection: AsyncConnection,
    act: str,
    endpoint: Endpoint,
    *,
    at: Instant,
    **about: Json,
) -> None:
    await stage_act(
        connection,
        f"endpoint/{act}",
        by=office.by,
        ledger_origin=office.ledger_origin,
        at=at,
        randomness=office.randomness,
        endpoint=endpoint.no,
        client=endpoint.client_id,
        **about,
    )


async def _tell_stream(
    connection: AsyncConnection, endpoint: Endpoint, status: Status, *, at: Instant
) -> None:
    if endpoint.stream_id is not None:
        told = StreamUpdated(status=status.value, reason=BY_OPERATOR)
        await add_notice(connection, endpoint, told, at=at)


async def _hold(connection: AsyncConnection, number: int) -> Endpoint:
    await webhooks.hold(connection, [number])
    return await _find(connection, number)


async def _find(connection: AsyncConnection, number: int) -> Endpoint:
    endpoint = await webhooks.find(connection, number)
    if endpoint is None:
        raise NotFoundError("webhook_unknown", f"there is no webhook {number}", where=_NUMBER)
    return endpoint


def _refuse_stopped(endpoint: Endpoint) -> Endpoint:
    """Whoever stopped a stream starts it: its receiver what it stopped, an operator the rest."""
    if endpoint.disabled_why in set(Status):
        raise ConflictError(
            "stopped_by_receiver", "its receiver stopped it, and starts it again", where=_NUMBER
        )
    return endpoint


def _refuse_stream(endpoint: Endpoint) -> Endpoint:
    if endpoint.stream_id is not None:
        raise ConflictError(
            "not_a_webhook",
            "this is a Shared Signals stream, whose receiver does that itself",
            where=_NUMBER,
        )
    return endpoint


async def _keep(
    office: Office, connection: AsyncConnection, number: int, made: NewSecrets, *, at: Instant
) -> None:
    for secret in made.kept:
        sealed = seal_secret(office.master, number, secret, randomness=office.randomness)
        await webhooks.add_secret(connection, number, sealed, at=at)
