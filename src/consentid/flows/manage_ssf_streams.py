"""A receiver makes, reads, changes and removes its own Shared Signals streams.

Whom a stream tells of is not the receiver's to choose: it is those whom its brand or partner has
met, all of them, so that nobody's withdrawal can be left out.
Spec: OpenID Shared Signals Framework 1.0 section 8.1.1.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.events.filters import Filters
from consentid.events.security_events import SUPPORTED, delivered_of
from consentid.events.ssf import (
    MIN_VERIFICATION_S,
    Delivery,
    PollDelivery,
    PushDelivery,
    StreamChangeIn,
    StreamIn,
    StreamOut,
)
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.endpoint_address import check_address
from consentid.flows.event_cursor import stream_of
from consentid.flows.webhook_secrets import open_secret, seal_secret
from consentid.kit import base64url
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError
from consentid.kit.instants import Instant
from consentid.store import clock, deliveries, feed, ssf_streams, webhooks
from consentid.store.ssf_streams import SsfStream, Wanted
from consentid.store.webhooks import POLLED, PUSHED

POLL_PATH: Final = "/ssf/poll"
_ID_BYTES: Final = 16
_WHERE: Final = "delivery.endpoint_url"


async def create_ssf_stream(context: Context, caller: Caller, given: StreamIn) -> StreamOut:
    """Make a stream, which tells of what comes from now on.

    Raises:
        ConflictError: the client has as many as it may have.
        MalformedError: nothing can be sent to the address.
        UnavailableError: the database cannot be reached.
    """
    delivery = PollDelivery() if given.delivery is UNSET else given.delivery
    wanted = _wanted(context, given, delivery)
    client_id = caller.client.client_id
    await stream_of(context, caller)
    stream_id = base64url.encode(context.randomness(_ID_BYTES))
    async with context.database.writing() as connection:
        await ssf_streams.hold_client(connection, client_id)
        most = context.settings.ssf_streams
        if len(await ssf_streams.of_client(connection, client_id)) >= most:
            raise ConflictError(
                "too_many_streams", f"A client has at most {most} streams: change one that it has."
            )
        stream, now = await feed.find_stream(connection, client_id), await clock.now(connection)
        if stream is None:
            raise NotFoundError("client_unknown", "This client may read events no longer.")
        number = await webhooks.add(
            connection,
            client_id=client_id,
            url=wanted.url,
            filters=msgspec.json.encode(Filters()),
            stream_no=stream.stream_no,
            head=stream.head,
            at=now,
        )
        await ssf_streams.add(connection, number, stream_id, wanted)
        await _keep_authorization(context, connection, number, delivery, at=now)
        return await _read_one(context, connection, caller, stream_id)


async def list_ssf_streams(context: Context, caller: Caller) -> Sequence[StreamOut]:
    """All streams of the caller.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        found = await ssf_streams.of_client(connection, caller.client.client_id)
        return [await _shown(context, connection, each) for each in found]


async def read_ssf_stream(context: Context, caller: Caller, stream_id: str) -> StreamOut:
    """One of them.

    Raises:
        NotFoundError: the caller has no such stream.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        return await _read_one(context, connection, caller, stream_id)


async def change_ssf_stream(
    context: Context, caller: Caller, given: StreamChangeIn, *, is_whole: bool
) -> StreamOut:
    """Change what is named; ``is_whole``: and take back what is not.

    Raises:
        NotFoundError: the caller has no such stream.
        MalformedError: nothing can be sent to the address, or what is ours to say is another.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        stream = await find_ssf_stream(connection, caller, given.stream_id, lock=True)
        before = await _shown(context, connection, stream)
        if not is_whole:
            given = msgspec.structs.replace(
                given,
                **{
                    name: getattr(before, name)
                    for name in ("events_requested", "delivery", "description")
                    if getattr(given, name) is UNSET and getattr(before, name) is not None
                },
            )
        delivery = PollDelivery() if given.delivery is UNSET else given.delivery
        wanted = _wanted(context, given, delivery)
        number, now = stream.endpoint.no, await clock.now(connection)
        await ssf_streams.change(connection, number, wanted)
        if (wanted.method, wanted.url) != (stream.method, stream.endpoint.url):
            # What failed there says nothing of the new way.
            await webhooks.note_failing(connection, number, failures=0, since=None, until=None)
            await deliveries.hasten(connection, number, at=now)
        await webhooks.forget_secrets(connection, number)
        await _keep_authorization(context, connection, number, delivery, at=now)
        after = await _read_one(context, connection, caller, given.stream_id)
        _check_repeated(given, before, after)
        return after


async def remove_ssf_stream(context: Context, caller: Caller, stream_id: str) -> None:
    """Remove one, with what waits for it.

    Raises:
        NotFoundError: the caller has no such stream.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        stream = await find_ssf_stream(connection, caller, stream_id, lock=True)
        await webhooks.remove(connection, stream.endpoint.no)


async def find_ssf_stream(
    connection: AsyncConnection, caller: Caller, stream_id: str, *, lock: bool = False
) -> SsfStream:
    """A stream of the caller; another's is as if it were not there.

    Raises:
        NotFoundError: the caller has no such stream.
    """
    client_id = caller.client.client_id
    found = await ssf_streams.of_client(connection, client_id, stream_id, lock=lock)
    if not found:
        raise NotFoundError("stream_unknown", "There is no such stream.", where="stream_id")
    return found[0]


def _wanted(context: Context, given: StreamIn | StreamChangeIn, delivery: Delivery) -> Wanted:
    requested = list(SUPPORTED) if given.events_requested is UNSET else given.events_requested
    if isinstance(delivery, PushDelivery):
        allows_local = context.settings.localhost_hosts
        check_address(delivery.endpoint_url, allows_local=allows_local, where=_WHERE)
    return Wanted(
        method=PUSHED if isinstance(delivery, PushDelivery) else POLLED,
        url=delivery.endpoint_url if isinstance(delivery, PushDelivery) else "",
        requested=msgspec.json.encode(requested),
        description=None if given.description is UNSET else given.description,
    )


async def _keep_authorization(
    context: Context, connection: AsyncConnection, number: int, delivery: Delivery, *, at: Instant
) -> None:
    if isinstance(delivery, PushDelivery) and delivery.authorization_header is not None:
        sealed = seal_secret(
            context.keyring.master,
            number,
            delivery.authorization_header,
            randomness=context.randomness,
        )
        await webhooks.add_secret(connection, number, sealed, at=at)


async def _read_one(
    context: Context, connection: AsyncConnection, caller: Caller, stream_id: str
) -> StreamOut:
    return await _shown(context, connection, await find_ssf_stream(connection, caller, stream_id))


async def _shown(context: Context, connection: AsyncConnection, stream: SsfStream) -> StreamOut:
    issuer = (await context.book(connection)).group.issuer
    requested = msgspec.json.decode(stream.requested, type=list[str])
    return StreamOut(
        stream_id=stream.stream_id,
        iss=issuer,
        aud=stream.endpoint.client_id,
        events_supported=list(SUPPORTED),
        events_requested=requested,
        events_delivered=list(delivered_of(requested)),
        delivery=await _delivery(context, connection, stream, issuer=issuer),
        min_verification_interval=MIN_VERIFICATION_S,
        description=stream.description,
    )


async def _delivery(
    context: Context, connection: AsyncConnection, stream: SsfStream, *, issuer: str
) -> Delivery:
    if stream.method == POLLED:
        return PollDelivery(endpoint_url=f"{issuer.rstrip('/')}{POLL_PATH}/{stream.stream_id}")
    number, now = stream.endpoint.no, await clock.now(connection)
    sealed = (await webhooks.secrets_of(connection, [number], at=now))[number]
    opened = [open_secret(context.keyring.master, number, each) for each in sealed]
    return PushDelivery(
        endpoint_url=stream.endpoint.url, authorization_header=opened[0] if opened else None
    )


def _check_repeated(given: StreamChangeIn, before: StreamOut, after: StreamOut) -> None:
    """What a receiver read and sends back holds, whether it stood there before or does now."""
    for name in ("iss", "aud", "events_supported", "events_delivered", "min_verification_interval"):
        said = getattr(given, name)
        known = [getattr(each, name) for each in (before, after)]
        if said is not UNSET and said not in known and not (name == "aud" and said == known[:1]):
            raise _not_yours(name)
    poll = given.delivery
    if isinstance(poll, PollDelivery) and poll.endpoint_url is not None and poll != after.delivery:
        raise _not_yours(_WHERE)


def _not_yours(name: str) -> MalformedError:
    return MalformedError("not_yours_to_say", f"{name} is another here.", where=name)
