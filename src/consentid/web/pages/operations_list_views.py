"""From versions, acts, clients, captures and devices to what the administration shows of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from consentid.brandbook.book import Book
from consentid.core.party import Party
from consentid.flows.administration_out import spell
from consentid.flows.hold_captures import HeldCapture
from consentid.flows.manage_field_devices import FieldDeviceOut
from consentid.flows.show_administration import Done, Version
from consentid.flows.staff import LET_IN
from consentid.kit.instants import from_datetime
from consentid.settings import COMMAND_LINE
from consentid.store.clients import Client
from consentid.web.pages.operations import Moment
from consentid.web.pages.operations_lists import (
    ActItem,
    ClientItem,
    FieldDeviceGroup,
    FieldDeviceItem,
    HeldGroup,
    HeldItem,
    PartyItem,
    VersionItem,
)
from consentid.web.pages.operations_view import moment_of
from consentid.web.pages.preferences_list_views import party_name
from consentid.web.pages.words import words_of

_NOT_STAFF: Final = frozenset({COMMAND_LINE, "client", LET_IN})


def version_item(version: Version, newest: int, language: str) -> VersionItem:
    """One version."""
    words = words_of(language)
    return VersionItem(
        number=version.number,
        since=moment_of(version.applied_at),
        digest=version.digest.hex(),
        changes=tuple(each.say(words.say) for each in version.changes),
        is_in_force=version.number == newest,
    )


def act_item(done: Done) -> ActItem:
    """One act."""
    return ActItem(
        entry=str(done.entry),
        at=moment_of(done.at),
        act=done.act,
        by=done.by,
        by_kind=_kind_of(done.by),
        name=done.name,
        about=tuple((name, spell(name, value)) for name, value in sorted(done.about.items())),
    )


def _kind_of(by: str) -> str:
    kind = by.partition(":")[0]
    return kind if kind in _NOT_STAFF else "staff"


def party_items(book: Book, clients: Sequence[Client]) -> tuple[PartyItem, ...]:
    """Brands, then partners, with their clients; those that left come last."""
    profiles = {each.party: each for each in (*book.brands.values(), *book.partners.values())}
    parties = dict.fromkeys((*profiles, *(each.party for each in clients)))
    return tuple(
        PartyItem(
            name=party_name(book, party),
            kind=party.kind,
            slug=party.slug,
            entity=profiles[party].entity.name if party in profiles else None,
            clients=_clients(party, clients),
        )
        for party in parties
    )


def _clients(party: Party, clients: Sequence[Client]) -> tuple[ClientItem, ...]:
    return tuple(
        ClientItem(
            id=each.client_id,
            surface=each.surface,
            auth_method=each.auth_method,
            scopes=tuple(sorted(each.scopes)),
            source=each.source,
            disabled=None if each.disabled_at is None else moment_of(each.disabled_at),
        )
        for each in clients
        if each.party == party
    )


def held_groups(held: Sequence[HeldCapture]) -> tuple[HeldGroup, ...]:
    """What is held, by who handed it in and for whom."""
    found: dict[tuple[str, str], list[HeldItem]] = {}
    for each in held:
        item = HeldItem(id=str(each.id), operator=each.operator, since=moment_of(each.recorded_at))
        found.setdefault((each.client_id, each.party), []).append(item)
    return tuple(
        HeldGroup(client_id=client_id, party=party, captures=tuple(items))
        for (client_id, party), items in found.items()
    )


def device_groups(devices: Sequence[FieldDeviceOut]) -> tuple[FieldDeviceGroup, ...]:
    """Devices, by whose they are."""
    found: dict[str, list[FieldDeviceItem]] = {}
    for each in devices:
        item = FieldDeviceItem(
            id=each.device,
            name=each.name,
            state=each.state,
            revoked=_moment(each.revoked_at),
            synced=_moment(each.synced_at),
            bundles=tuple(sorted(each.bundles.items())),
        )
        found.setdefault(each.client, []).append(item)
    return tuple(
        FieldDeviceGroup(client_id=client_id, devices=tuple(items))
        for client_id, items in found.items()
    )


def _moment(at: str | None) -> Moment | None:
    return None if at is None else moment_of(from_datetime(datetime.fromisoformat(at)))
