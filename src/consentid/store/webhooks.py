"""Where events are sent, or fetched from: webhooks, Shared Signals streams; and their secrets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Update, bindparam, delete, insert, or_, select, text, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import InstantType, ssf_streams, webhook_endpoints, webhook_secrets

PUSHED: Final = "push"
POLLED: Final = "poll"
BY_OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where events of a client's stream are sent."""

    no: int
    client_id: str
    url: str
    filters: bytes
    created_at: Instant
    queued_seq: int
    """The last event that was queued for it."""
    failures: int
    """In a row."""
    failing_since: Instant | None
    paused_until: Instant | None
    disabled_at: Instant | None
    disabled_why: str | None
    stream_id: str | None
    """Of the Shared Signals stream that it is; None for a webhook."""
    method: str | None
    """How that stream's tokens get to its receiver: ``push`` or ``poll``."""
    requested: bytes | None
    """The events that its receiver asked for, as JSON."""

    @property
    def is_sent_to(self) -> bool:
        """Whether anything may be sent there; a stream is told that an operator disabled it."""
        if self.method == POLLED:
            return False
        return self.disabled_at is None or (
            self.stream_id is not None and self.disabled_why == BY_OPERATOR
        )


_OF_STREAM: Final = ("stream_id", "method", "requested")
_ENDPOINTS: Final = select(
    webhook_endpoints, *(ssf_streams.c[name] for name in _OF_STREAM)
).outerjoin_from(webhook_endpoints, ssf_streams)


def _endpoint(row: Row[*tuple[object, ...]]) -> Endpoint:
    found = row._mapping  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - its public name
    return Endpoint(
        no=found["endpoint_no"],
        **{name: found[name] for name in Endpoint.__slots__ if name != "no"},
    )


async def add(
    connection: AsyncConnection,
    *,
    client_id: str,
    url: str,
    filters: bytes,
    stream_no: int,
    head: int,
    at: Instant,
) -> int:
    """Add an endpoint that hears of what comes after an event; its number."""
    number = await connection.scalar(
        insert(webhook_endpoints)
        .values(
            client_id=client_id,
            url=url,
            filters=filters,
            created_at=at,
            stream_no=stream_no,
            queued_seq=head,
            failures=0,
        )
        .returning(webhook_endpoints.c.endpoint_no)
    )
    if number is None:
        msg = "an insert returned no number"
        raise RuntimeError(msg)
    return number


async def every(connection: AsyncConnection) -> Sequence[Endpoint]:
    """All of them, disabled ones too."""
    rows = await connection.execute(_ENDPOINTS.order_by(webhook_endpoints.c.endpoint_no))
    return [_endpoint(row) for row in rows]


async def find(connection: AsyncConnection, number: int) -> Endpoint | None:
    """One of them."""
    found = await connection.execute(_ENDPOINTS.where(webhook_endpoints.c.endpoint_no == number))
    row = found.one_or_none()
    return None if row is None else _endpoint(row)


async def hold(connection: AsyncConnection, numbers: Collection[int] | None = None) -> None:
    """Let nobody else change or remove these, or any, until the transaction ends.

    An endpoint is held before its deliveries are, by everybody: nobody waits in a circle.
    """
    wanted = select(webhook_endpoints.c.endpoint_no).order_by(webhook_endpoints.c.endpoint_no)
    if numbers is not None:
        wanted = wanted.where(webhook_endpoints.c.endpoint_no.in_(numbers))
    await connection.execute(wanted.with_for_update(key_share=True))


async def remove(connection: AsyncConnection, number: int) -> None:
    """Remove an endpoint with its secrets and its log."""
    await connection.execute(
        delete(webhook_endpoints).where(webhook_endpoints.c.endpoint_no == number)
    )


async def disable(connection: AsyncConnection, number: int, *, why: str, at: Instant) -> None:
    """Send it nothing more; what waits goes on waiting."""
    await connection.execute(_disabled(number, why=why, at=at))


async def give_up(connection: AsyncConnection, number: int, *, why: str, at: Instant) -> bool:
    """The same by ourselves; False where somebody stopped it before: what they said goes on."""
    wanted = _disabled(number, why=why, at=at)
    given_up = await connection.execute(wanted.where(webhook_endpoints.c.disabled_at.is_(None)))
    return given_up.rowcount > 0


def _disabled(number: int, *, why: str, at: Instant) -> Update:
    return (
        update(webhook_endpoints)
        .where(webhook_endpoints.c.endpoint_no == number)
        .values(disabled_at=at, disabled_why=why)
    )


async def enable(connection: AsyncConnection, number: int) -> None:
    """Send to it again, from where it was."""
    await connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.endpoint_no == number)
        .values(
            disabled_at=None, disabled_why=None, failures=0, failing_since=None, paused_until=None
        )
    )


async def note_failing(
    connection: AsyncConnection,
    number: int,
    *,
    failures: int,
    since: Instant | None,
    until: Instant | None,
) -> None:
    """Keep since when it fails, and until when it is left alone; None: it does not."""
    await connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.endpoint_no == number)
        .values(failures=failures, failing_since=since, paused_until=until)
    )


_SET_BACK: Final = text(
    """
    UPDATE webhook_endpoints
    SET paused_until = paused_until - CAST(:by_us AS float8) * interval '1 microsecond'
    WHERE paused_until > :at
    """
).bindparams(bindparam("at", type_=InstantType))


async def set_back(connection: AsyncConnection, *, at: Instant, by_us: int) -> None:
    """The clock was set back: nobody is left alone for longer than they were to be."""
    await connection.execute(_SET_BACK, {"at": at, "by_us": by_us})


async def add_secret(
    connection: AsyncConnection, number: int, sealed: bytes, *, at: Instant
) -> None:
    """Add a secret beside those that still hold."""
    await connection.execute(
        insert(webhook_secrets).values(endpoint_no=number, sealed=sealed, created_at=at)
    )


async def expire_secrets(connection: AsyncConnection, number: int, *, at: Instant) -> None:
    """Let the present secrets end at an instant.

    They are put there anew: who serves may add and remove secrets, and change none.
    """
    gone = await connection.execute(
        delete(webhook_secrets)
        .where(
            webhook_secrets.c.endpoint_no == number,
            or_(webhook_secrets.c.expires_at.is_(None), webhook_secrets.c.expires_at > at),
        )
        .returning(
            webhook_secrets.c.secret_no, webhook_secrets.c.sealed, webhook_secrets.c.created_at
        )
    )
    for _, sealed, created_at in sorted(gone.all()):
        await connection.execute(
            insert(webhook_secrets).values(
                endpoint_no=number, sealed=sealed, created_at=created_at, expires_at=at
            )
        )


async def forget_secrets(connection: AsyncConnection, number: int) -> None:
    """Remove an endpoint's secrets at once."""
    await connection.execute(delete(webhook_secrets).where(webhook_secrets.c.endpoint_no == number))


async def secrets_of(
    connection: AsyncConnection, numbers: Sequence[int], *, at: Instant
) -> Mapping[int, Sequence[bytes]]:
    """The sealed secrets that hold now, the newest first."""
    rows = await connection.execute(
        select(webhook_secrets.c.endpoint_no, webhook_secrets.c.sealed)
        .where(
            webhook_secrets.c.endpoint_no.in_(numbers),
            or_(webhook_secrets.c.expires_at.is_(None), webhook_secrets.c.expires_at > at),
        )
        .order_by(webhook_secrets.c.secret_no.desc())
    )
    found: dict[int, list[bytes]] = {number: [] for number in numbers}
    for number, sealed in rows:
        found[number].append(sealed)
    return found
