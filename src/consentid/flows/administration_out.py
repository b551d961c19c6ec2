"""What the administration tells programs: the same as its pages, from the same flows."""

from typing import Any, Final, cast
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from consentid.events.filters import Filters
from consentid.flows.context import Context
from consentid.flows.hold_captures import list_held
from consentid.flows.manage_webhooks import STATES, list_webhooks, show_deliveries
from consentid.flows.show_administration import show_acts, show_clients, show_versions
from consentid.kit.instants import Instant, to_rfc3339
from consentid.store.deliveries import DEAD

_MOST_DELIVERIES: Final = 100


def spell(name: str, value: object) -> str:
    """A member of what an act was about, for people: times as times, lists by commas."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in cast("list[object]", value))
    if isinstance(value, int) and name.endswith("_at"):
        return to_rfc3339(Instant(value))
    return str(value)


class ActOut(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done."""

    entry: str
    """Its entry in the log."""
    at: str
    act: str
    by: str
    """Who, as the log knows them: `staff-...`, `cli`, `cli:...`, `client:...`, `let-in`."""
    about: dict[str, Any]


class ActsOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, the newest first."""

    acts: list[ActOut]
    next: str | None
    """Pass it as `before` for what is older; null at the end."""


class VersionOut(msgspec.Struct, frozen=True, kw_only=True):
    """An applied version of the configuration."""

    version: int
    applied_at: str
    digest: str
    changes: list[str]
    """What it changed, in English."""


class VersionsOut(msgspec.Struct, frozen=True, kw_only=True):
    """Versions, the newest first."""

    versions: list[VersionOut]
    next: int | None
    """Pass it as `before` for what is older; null at the end."""


class KnownClientOut(msgspec.Struct, frozen=True, kw_only=True):
    """A client, without its secrets."""

    client_id: str
    party: str
    surface: str
    auth_method: str
    scopes: list[str]
    source: str
    """Where it is declared: `files`, or `command` for one that was registered by itself."""
    disabled_at: str | None


class PartyOut(msgspec.Struct, frozen=True, kw_only=True):
    """A brand or partner in force."""

    party: str
    name: str
    legal_entity: str


class KnownClientsOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who is known here."""

    parties: list[PartyOut]
    clients: list[KnownClientOut]


class HeldCaptureOut(msgspec.Struct, frozen=True, kw_only=True):
    """A capture that came too fast and waits for somebody."""

    capture: str
    client_id: str
    operator: str | None
    party: str
    since: str


class HeldCapturesOut(msgspec.Struct, frozen=True, kw_only=True):
    """All that are held, the oldest first."""

    captures: list[HeldCaptureOut]


class EndpointOut(msgspec.Struct, frozen=True, kw_only=True):
    """Where events of a client are sent."""

    endpoint: int
    client_id: str
    host: str | None
    """Of its address; the rest may be a secret of the receiver's."""
    stream: str | None
    """The Shared Signals stream that it is, which its receiver manages; null: a webhook."""
    filters: Filters
    created_at: str
    queued: int
    """The last event of its client's sequence that was queued for it."""
    failures: int
    """In a row."""
    failing_since: str | None
    disabled: str | None
    """Why nothing is sent there: `operator`, `gone`, `failing`, or its receiver's `paused`."""


class EndpointsOut(msgspec.Struct, frozen=True, kw_only=True):
    """All endpoints, by their numbers."""

    endpoints: list[EndpointOut]


class DeliveryOut(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and what came of sending it."""

    sequence: int
    id: str
    state: str
    attempts: int
    outcome: str | None
    """What the last attempt was answered, or why it was not."""
    queued_at: str
    latency_ms: int | None
    """From the act to the receiver's answer."""


class DeliveriesOut(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    deliveries: list[DeliveryOut]


async def tell_acts(context: Context, *, before: UUID | None) -> ActsOut:
    """Who did what.

    Raises:
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    found = await show_acts(context, before=before)
    return ActsOut(
        acts=[
            ActOut(
                entry=str(each.entry),
                at=to_rfc3339(each.at),
                act=each.act,
                by=each.by,
                about=dict(each.about),
            )
            for each in found.acts
        ],
        next=found.next,
    )


async def tell_versions(context: Context, *, before: int | None) -> VersionsOut:
    """Which versions there were, and what each changed.

    Raises:
        UnavailableError: as above.
    """
    found = await show_versions(context, before=before)
    return VersionsOut(
        versions=[
            VersionOut(
                version=each.number,
                applied_at=to_rfc3339(each.applied_at),
                digest=each.digest.hex(),
                changes=[str(change) for change in each.changes],
            )
            for each in found.versions
        ],
        next=None if found.next is None else int(found.next),
    )


async def tell_clients(context: Context) -> KnownClientsOut:
    """Who is known here.

    Raises:
        UnavailableError: as above.
    """
    found = await show_clients(context)
    profiles = (*found.book.brands.values(), *found.book.partners.values())
    return KnownClientsOut(
        parties=[
            PartyOut(party=str(each.party), name=each.name, legal_entity=each.entity.name)
            for each in profiles
        ],
        clients=[
            KnownClientOut(
                client_id=each.client_id,
                party=str(each.party),
                surface=each.surface,
                auth_method=each.auth_method,
                scopes=sorted(each.scopes),
                source=each.source,
                disabled_at=None if each.disabled_at is None else to_rfc3339(each.disabled_at),
            )
            for each in found.clients
        ],
    )


async def tell_held(context: Context) -> HeldCapturesOut:
    """What is held.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    return HeldCapturesOut(
        captures=[
            HeldCaptureOut(
                capture=str(each.id),
                client_id=each.client_id,
                operator=each.operator,
                party=each.party,
                since=to_rfc3339(each.recorded_at),
            )
            for each in await list_held(context)
        ]
    )


async def tell_endpoints(context: Context) -> EndpointsOut:
    """Where events are sent.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    return EndpointsOut(
        endpoints=[
            EndpointOut(
                endpoint=each.no,
                client_id=each.client_id,
                host=urlsplit(each.url).hostname,
                stream=each.stream_id,
                filters=msgspec.json.decode(each.filters, type=Filters),
                created_at=to_rfc3339(each.created_at),
                queued=each.queued_seq,
                failures=each.failures,
                failing_since=_moment(each.failing_since),
                disabled=each.disabled_why,
            )
            for each in await list_webhooks(context.database)
        ]
    )


async def tell_deliveries(context: Context, number: int, *, dead: bool) -> DeliveriesOut:
    """The newest deliveries of an endpoint; ``dead``: only of what was given up.

    Raises:
        NotFoundError: there is no such endpoint.
        UnavailableError: the database cannot be reached.
    """
    states = (DEAD,) if dead else STATES
    found = await show_deliveries(context.database, number, states=states, most=_MOST_DELIVERIES)
    return DeliveriesOut(
        deliveries=[
            DeliveryOut(
                sequence=each.seq,
                id=each.id,
                state=each.state,
                attempts=each.attempts,
                outcome=each.outcome,
                queued_at=to_rfc3339(each.queued_at),
                latency_ms=each.latency_ms,
            )
            for each in found
        ]
    )


def _moment(at: Instant | None) -> str | None:
    return None if at is None else to_rfc3339(at)
