"""What the administration tells programs: the same as its pages, from the same flows."""

from typing import Any
from uuid import UUID

import msgspec

from consentid.flows.context import Context
from consentid.flows.hold_captures import list_held
from consentid.flows.show_administration import show_acts, show_clients, show_versions
from consentid.kit.instants import to_rfc3339


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
    """`files` or `command`: where it is declared."""
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
