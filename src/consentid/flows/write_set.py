"""Write a Security Event Token of a stream, each time anew: an id stays, an instant does not.

So a token's ``iat`` says when it was handed over, and nothing of when it was made ready, which two
receivers could compare.  Spec: RFC 8417 section 2, Shared Signals Framework 1.0 section 4.
"""

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.events.security_events import (
    TYP,
    SetClaims,
    Statement,
    StreamUpdated,
    Verification,
    about_stream,
    delivered_of,
    statement_of,
)
from consentid.flows.context import Context
from consentid.flows.read_events import Read
from consentid.keyring.manifest import Use
from consentid.kit.instants import Instant
from consentid.store import delivery_queue
from consentid.store.deliveries import Due
from consentid.store.webhooks import Endpoint
from consentid.tokens import jws


async def add_notice(
    connection: AsyncConnection,
    endpoint: Endpoint,
    notice: StreamUpdated | Verification,
    *,
    at: Instant,
) -> None:
    """Let a stream tell something of itself.  The caller holds it, and commits."""
    await delivery_queue.add_notice(
        connection,
        endpoint.no,
        notice=msgspec.json.encode((type(notice).__name__, notice)),
        at=at,
    )


def set_id_of(endpoint: Endpoint, delivery_id: str) -> str:
    """A token's ``jti``: the event's id in the feed, and the stream, of which one may have two."""
    return f"{delivery_id}.{endpoint.stream_id}"


def delivery_id_of(endpoint: Endpoint, unverified_jti: str) -> str | None:
    """What ``set_id_of`` was made of; None where it is another stream's."""
    id_, _, stream_id = unverified_jti.partition(".")
    return id_ if stream_id == endpoint.stream_id else None


def stated(endpoint: Endpoint, due: Due, read: Read | None) -> Statement | None:
    """What a stream tells of a delivery; None where it is not for this stream."""
    if due.notice is not None:
        kind, notice = msgspec.json.decode(due.notice, type=tuple[str, msgspec.Raw])
        known = Verification if kind == Verification.__name__ else StreamUpdated
        return about_stream(endpoint.stream_id or "", msgspec.json.decode(notice, type=known))
    if read is None:
        return None
    return statement_of(read.kind, read.body, delivered_events(endpoint))


def delivered_events(endpoint: Endpoint) -> tuple[str, ...]:
    """The events that a stream delivers."""
    return delivered_of(msgspec.json.decode(endpoint.requested or b"[]", type=list[str]))


def write_set(
    context: Context,
    endpoint: Endpoint,
    due: Due,
    statement: Statement,
    *,
    issuer: str,
    now_s: int,
) -> str:
    """The token, signed with the key of consent tokens."""
    claims = SetClaims(
        iss=issuer,
        jti=set_id_of(endpoint, due.id),
        iat=now_s,
        aud=endpoint.client_id,
        sub_id=statement.sub_id,
        events={statement.type: statement.event},
    )
    key = context.keyring.active(Use.CONSENT)
    signing_input = jws.signing_input(typ=TYP, kid=key.kid, payload=msgspec.json.encode(claims))
    return jws.assemble(signing_input, key.sign(signing_input))
