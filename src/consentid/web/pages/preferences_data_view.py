"""Make the page of all that is kept about a person: the file's content in plain words."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date

from consentid.brandbook.book import Book
from consentid.brandbook.client import ClientId
from consentid.core.catalogue import find_party
from consentid.core.purpose import PurposeId
from consentid.flows.export_own_data import OwnDataOut
from consentid.web.pages.preferences import Centre
from consentid.web.pages.preferences_data import DataView, StatementItem, TokenItem, ToldItem
from consentid.web.pages.preferences_list_views import party_name
from consentid.web.pages.preferences_lists import UnreadableItem
from consentid.web.pages.preferences_view import name_of


def data_view(
    data: OwnDataOut,
    centre: Centre,
    book: Book,
    language: str,
    address: Callable[[str], str],
) -> DataView:
    """The file's content, ready for the page; ``address`` makes addresses of the centre."""
    kept = data.kept

    def names(purposes: Iterable[str]) -> tuple[str, ...]:
        return tuple(name_of(book, PurposeId(each), language) for each in purposes)

    told = Counter((each.kind, each.client) for each in kept.notices)
    return DataView(
        centre=centre,
        since=_day(kept.subject.known_since),
        by_portal=kept.subject.by_portal,
        ends_on=None if kept.subject.ends_at is None else _day(kept.subject.ends_at),
        is_adult=data.recorded_as_adult,
        decisions=len(data.decisions),
        unreadable=tuple(
            UnreadableItem(
                on=_day(each.recorded_at), at=each.recorded_at[11:16], reference=each.decision
            )
            for each in data.unreadable
        ),
        history_href=address("/preferences/history"),
        reads=sum(each.times for each in data.reads),
        reads_href=address("/preferences/reads"),
        captures=len(data.captures),
        captures_href=address("/preferences/captures"),
        sessions=len(data.sessions),
        devices=len(data.devices) + len(data.televisions),
        devices_href=address("/preferences/devices"),
        statements=tuple(
            StatementItem(
                where=_audience(book, each.audience),
                yes=names(each.granted),
                no=names(each.refused),
            )
            for each in kept.statements
        ),
        places=len(kept.places),
        tokens=tuple(
            TokenItem(
                kind=each.kind,
                who=_client(book, each.client),
                on=_day(each.issued_at),
                ends_on=_day(each.expires_at),
                has_ended=each.ended,
            )
            for each in kept.tokens
        ),
        signals=tuple(each.is_on for each in kept.signals),
        told=tuple(
            ToldItem(kind=kind, who=None if client is None else _client(book, client), times=times)
            for (kind, client), times in sorted(told.items(), key=str)
        ),
    )


def _audience(book: Book, audience: str) -> str:
    party = find_party(book.catalogue, audience)
    return audience if party is None else party_name(book, party)


def _client(book: Book, client_id: str) -> str:
    declared = book.clients.get(ClientId(client_id))
    return client_id if declared is None else party_name(book, declared.party)


def _day(told: str) -> date:
    return date.fromisoformat(told[:10])
