"""From a person's history, reads and devices to what the pages show."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from consentid.brandbook.book import Book
from consentid.core.decision import Assurance, Decision, Outcome
from consentid.core.party import Party, PartyKind
from consentid.core.purpose import ROOT, PurposeId
from consentid.flows.look_up_person import STAFF, SUPPORT
from consentid.flows.manage_devices import OwnPlaces
from consentid.flows.open_decision import Unreadable
from consentid.flows.own_history import OwnDecision, OwnEntry, OwnHistory
from consentid.flows.own_reads import OwnRead, OwnReads
from consentid.kit.instants import Instant, to_datetime
from consentid.ledger import bundle, checkpoint, note
from consentid.store.deliveries import DEAD
from consentid.store.systems import Arrival
from consentid.web.pages.arrival import ArrivalItem, ReachedSystem
from consentid.web.pages.preferences import Centre
from consentid.web.pages.preferences_lists import (
    DecisionItem,
    DecisionView,
    DeviceItem,
    DevicesView,
    HistoryView,
    Mark,
    PairingItem,
    ReadDay,
    ReadItem,
    ReadsView,
    ReceiptView,
    SessionItem,
    UnreadableItem,
)
from consentid.web.pages.preferences_view import day_of, name_of
from consentid.web.pages.preferences_visit import PATH

_ASSURED = {
    Assurance.SIGNAL: Mark.SIGNAL,
    Assurance.ASSISTED: Mark.ASSISTED,
    Assurance.IMPORT: Mark.IMPORT,
    Assurance.LINK: Mark.LINK,
}
Address = Callable[[str], str]
"""A path of the preference centre with what it carries on."""


def history_view(
    history: OwnHistory, centre: Centre, address: Address, *, older: str | None, newest: str | None
) -> HistoryView:
    """A page of history."""
    book, language = history.page.book, history.page.language
    return HistoryView(
        centre=centre,
        entries=tuple(
            unreadable_item(each, reference=str(each.id))
            if isinstance(each, Unreadable)
            else decision_item(book, language, each, address)
            for each in history.entries
        ),
        older=older,
        newest=newest,
    )


def decision_view(entry: OwnEntry, centre: Centre, address: Address) -> DecisionView:
    """One decision."""
    ref = entry.entry.decision.notice
    return DecisionView(
        centre=centre,
        entry=decision_item(entry.page.book, entry.page.language, entry.entry, address),
        notice=entry.notice,
        digest=None if ref is None else ref.digest.hex(),
        version=None if ref is None else ref.version,
        reference=entry.receipt.decision,
        commitment=entry.receipt.commitment,
        back_href=address(f"{PATH}/history"),
    )


def receipt_view(
    entry: OwnEntry, centre: Centre, address: Address, *, verify_href: str
) -> ReceiptView:
    """The receipt of one decision."""
    receipt = entry.receipt
    index = size = None
    if receipt.proof is not None:
        proof = bundle.decode(receipt.proof)
        index, size = proof.index, checkpoint.decode(note.parse_note(proof.note).text).size
    return ReceiptView(
        centre=centre,
        decision=decision_view(entry, centre, address),
        controllers=tuple(dict.fromkeys(each["legal_entity"] for each in receipt.controllers)),
        log=receipt.log,
        index=index,
        size=size,
        file_href=f"{PATH}/receipts/{entry.entry.decision.id}",
        verify_href=verify_href,
        home=f"{receipt.issuer}{PATH}",
    )


def reads_view(
    found: OwnReads, centre: Centre, *, older: str | None, newest: str | None
) -> ReadsView:
    """Who read what."""
    return ReadsView(
        centre=centre,
        days=tuple(
            ReadDay(on=day, entries=tuple(_read(found.page.book, each) for each in entries))
            for day, entries in groupby(found.entries, key=lambda each: day_of(each.hour))
        ),
        older=older,
        newest=newest,
    )


def devices_view(places: OwnPlaces, centre: Centre, action: str) -> DevicesView:
    """Sign-ins and devices."""
    book, language = places.page.book, places.page.language

    def names(purposes: Iterable[PurposeId]) -> tuple[str, ...]:
        return tuple(name_of(book, each, language) for each in purposes)

    return DevicesView(
        centre=centre,
        action=action,
        sessions=tuple(
            SessionItem(
                on=day_of(each.began_at),
                at=_time(each.began_at),
                ends_on=day_of(each.ends_at),
                ends_at=_time(each.ends_at),
                is_here=each.is_here,
            )
            for each in places.sessions
        ),
        devices=tuple(
            DeviceItem(
                reference=each.reference,
                where=None if each.party is None else party_name(book, each.party),
                since=day_of(each.since),
                used_since=day_of(each.used_since),
                is_here=each.is_here,
                yes=names(each.says_yes),
                no=names(each.says_no),
            )
            for each in places.devices
        ),
        pairings=tuple(
            PairingItem(
                reference=each.reference,
                where="?" if each.party is None else party_name(book, each.party),
                name=each.name,
                on=day_of(each.paired_at),
                at=_time(each.paired_at),
                seen_on=day_of(each.seen_at),
                seen_at=_time(each.seen_at),
            )
            for each in places.pairings
        ),
    )


def party_name(book: Book, party: Party) -> str:
    """The name of a brand or partner; the slug of one that has left."""
    profile = book.find_profile(party)
    return str(party.slug) if profile is None else profile.name


def decision_item(
    book: Book, language: str, own: OwnDecision, address: Address = str
) -> DecisionItem:
    """A decision in plain words."""
    decision = own.decision
    asker = _asker(book, decision)
    names = {
        outcome: tuple(
            name_of(book, choice.purpose, language, asker)
            for choice in decision.choices
            if choice.outcome is outcome and choice.purpose != ROOT
        )
        for outcome in Outcome
    }
    return DecisionItem(
        on=day_of(decision.recorded_at),
        at=_time(decision.recorded_at),
        where=None if own.party is None else party_name(book, own.party),
        asked_by=_asked_by(book, own),
        words_of=None if asker is None else party_name(book, asker),
        channel=decision.channel,
        yes=names[Outcome.GRANTED],
        no=names[Outcome.REFUSED],
        is_everything=any(choice.purpose == ROOT for choice in decision.choices),
        reach=None if decision.reach is None else party_name(book, decision.reach),
        named=_named(book, decision),
        marks=tuple(_marks(decision)),
        href=address(f"{PATH}/decisions/{decision.id}"),
        receipt_href=address(f"{PATH}/receipts/{decision.id}/page"),
        arrival=arrival_item(book, own.arrivals),
    )


def unreadable_item(found: Unreadable, *, reference: str | None = None) -> UnreadableItem:
    """A decision of which no more than this can be told."""
    return UnreadableItem(
        on=day_of(found.recorded_at), at=_time(found.recorded_at), reference=reference
    )


def arrival_item(book: Book, arrivals: Sequence[Arrival]) -> ArrivalItem | None:
    """How far an answer has come; None where there is nothing to tell."""
    if not arrivals:
        return None
    return ArrivalItem(
        is_withdrawal=any(each.narrows for each in arrivals),
        systems=tuple(
            ReachedSystem(
                where=party_name(book, each.party),
                name=each.client_id,
                on=None if each.arrived_at is None else day_of(each.arrived_at),
                at=None if each.arrived_at is None else _time(each.arrived_at),
                is_given_up=each.state == DEAD,
            )
            for each in arrivals
        ),
    )


def _asked_by(book: Book, own: OwnDecision) -> str | None:
    """Where the person answered on the hub, and a client is named, that client asked."""
    if own.party is None or own.decision.assurance is not Assurance.SELF:
        return None
    return party_name(book, own.party)


def _asker(book: Book, decision: Decision) -> Party | None:
    """In whose words it was asked; None where nothing had to be shown, or they have left."""
    if decision.notice is None:
        return None
    notice = book.find_notice(decision.notice.id, decision.notice.language)
    return None if notice is None else notice.party


def _named(book: Book, decision: Decision) -> tuple[str, ...]:
    if decision.notice is None:
        return ()
    brands = (each.party for each in sorted(decision.notice.names))
    return tuple(party_name(book, each) for each in brands if each.kind is PartyKind.BRAND)


def _marks(decision: Decision) -> Iterable[Mark]:
    if decision.adopted_from is not None:
        yield Mark.ADOPTED
    if decision.assurance in _ASSURED:
        yield _ASSURED[decision.assurance]
    if decision.clock_unproven:
        yield Mark.UNPROVEN


def _read(book: Book, read: OwnRead) -> ReadItem:
    return ReadItem(
        at=_time(read.hour),
        who=read.client_id if read.party is None else party_name(book, read.party),
        is_partner=read.party is not None and read.party.kind is PartyKind.PARTNER,
        is_staff=read.client_id in STAFF,
        is_support=read.client_id == SUPPORT,
        kind=read.kind,
        times=read.times,
    )


def _time(instant: Instant) -> str:
    return to_datetime(instant).strftime("%H:%M")
