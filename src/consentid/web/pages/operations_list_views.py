"""From versions, acts and clients to what the administration shows of them."""

from collections.abc import Sequence
from typing import Final

from consentid.brandbook.book import Book
from consentid.core.party import Party
from consentid.flows.show_administration import Done, Version
from consentid.flows.staff import LET_IN
from consentid.settings import COMMAND_LINE
from consentid.store.clients import Client
from consentid.web.pages.operations_lists import ActItem, ClientItem, PartyItem, VersionItem
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
        about=tuple(
            (name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
            for name, value in sorted(done.about.items())
        ),
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
