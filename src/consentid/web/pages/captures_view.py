"""From what others captured of a person to what the page shows."""

from collections.abc import Callable, Iterator

from consentid.brandbook.book import Book
from consentid.core.capture import CaptureState, Fate
from consentid.core.decision import Outcome
from consentid.flows.capture_decision import asked_of
from consentid.flows.own_captures import OwnCapture, OwnCaptures
from consentid.kit.instants import to_datetime
from consentid.web.pages.captures import CaptureItem, CapturesView
from consentid.web.pages.preferences import Centre
from consentid.web.pages.preferences_list_views import party_name
from consentid.web.pages.preferences_view import day_of, name_of
from consentid.web.pages.preferences_visit import PATH


def captures_view(
    found: OwnCaptures,
    centre: Centre,
    address: Callable[[str], str],
    *,
    older: str | None,
    newest: str | None,
) -> CapturesView:
    """The page; ``address`` makes addresses of the centre."""
    book, language = found.page.book, found.page.language
    return CapturesView(
        centre=centre,
        action=address(f"{PATH}/captures"),
        entries=tuple(_item(book, language, each, address) for each in found.entries),
        older=older,
        newest=newest,
    )


def _item(book: Book, language: str, own: OwnCapture, address: Callable[[str], str]) -> CaptureItem:
    row, body = own.row, own.body
    asked = asked_of(row)

    def names(outcome: Outcome, fates: frozenset[Fate]) -> Iterator[str]:
        for each in body.weighed:
            if each.choice.outcome is outcome and each.fate in fates:
                yield name_of(book, each.choice.purpose, language, asked)

    every = frozenset(Fate)
    keyed_in = to_datetime(row.recorded_at)
    is_open = own.state in {CaptureState.PENDING, CaptureState.HELD}
    return CaptureItem(
        reference=str(row.id),
        on=day_of(row.timing.interval.early),
        keyed_in_on=keyed_in.date(),
        at=keyed_in.strftime("%H:%M"),
        by="?" if own.by is None else party_name(book, own.by),
        asked=party_name(book, asked),
        channel=row.channel,
        evidence=body.evidence.kind,
        version=body.evidence.version,
        state=own.state,
        yes=tuple(names(Outcome.GRANTED, every)),
        no=tuple(names(Outcome.REFUSED, every)),
        waits=tuple(names(Outcome.GRANTED, frozenset({Fate.WAITS}))) if is_open else (),
        counts=any(names(Outcome.GRANTED, frozenset({Fate.COUNTS}))),
        is_of_revoked_device=own.origin is not None and own.origin.is_revoked,
        until=day_of(row.expires_at),
        notice_href=address(f"{PATH}/notices/{asked.slug}"),
    )
