"""What one receiver is told of an act, and whether it is told of it at all.

A receiver is a client that may read events.  It hears of a person from when that person has met its
brand or partner, which is when a token was first made for it; of decisions as ``/v1/history`` shows
them; of purposes that its registration names.  What was decided elsewhere is told by the day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from consentid.brandbook.book import Book
from consentid.core.decision import Decision, SubjectId
from consentid.core.party import Party
from consentid.core.purpose import ROOT, PurposeId, is_within
from consentid.events import contract
from consentid.events.contract import (
    CaptureData,
    CaptureEvent,
    CatalogueData,
    CatalogueEvent,
    Cause,
    ConsentData,
    ConsentEvent,
    Effect,
    ErasureData,
    ErasureEvent,
    Event,
    Kind,
    LinkData,
    LinkEvent,
    Lists,
    RevocationData,
    RevocationEvent,
    sequence_of,
)
from consentid.flows.context import Context
from consentid.flows.event_seal import Told
from consentid.flows.history import HistoryEntry, entry_of, visible_choices
from consentid.flows.write_effects import Effects, LineEffect
from consentid.kit.instants import DAY, HOUR, Instant, to_rfc3339
from consentid.store.clients import Client
from consentid.tokens.pairwise import pairwise_event_id, pairwise_sub

NOTHING: Final = Told()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A client that may read events."""

    client: Client
    own_clients: frozenset[str]
    """All clients of its brand or partner: what they hand in was decided there."""

    @property
    def party(self) -> Party:
        """For whom it reads."""
        return self.client.party

    def may_see(self, purpose: str) -> bool:
        """Whether its registration names a purpose, or what lies above it."""
        named = self.client.registration.purposes
        return named is None or any(
            is_within(PurposeId(purpose), PurposeId(each)) for each in named
        )

    def is_concerned_by(self, purpose: str) -> bool:
        """Whether a choice of a purpose is about one that its registration names."""
        named = self.client.registration.purposes or ()
        return (
            purpose == ROOT
            or self.may_see(purpose)
            or any(is_within(PurposeId(each), PurposeId(purpose)) for each in named)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An outbox row, opened."""

    event_id: UUID
    kind: str
    subject: SubjectId | None
    at: Instant
    effects: Effects | None = None
    decisions: Sequence[Decision] = ()
    told: Told = NOTHING


def subject_of(context: Context, party: Party, subject: SubjectId) -> str:
    """A person as a receiver knows them."""
    return pairwise_sub(context.keyring.pairwise, str(party), subject.bytes)


def event_id_of(context: Context, party: Party, event_id: UUID) -> str:
    """An event as a receiver knows it."""
    return pairwise_event_id(context.keyring.pairwise, str(party), event_id.bytes)


def tell_receiver(
    context: Context, book: Book, receiver: Receiver, happening: Happening, *, seq: int
) -> Event | None:
    """The event at a place in a receiver's sequence; None where it is not told."""
    if happening.kind == Kind.CONSENT:
        return _consent(context, book, receiver, happening, seq=seq)
    told = happening.told
    if happening.kind == Kind.CATALOGUE and told.catalogue is not None:
        return CatalogueEvent(
            **_head(context, book, receiver, happening, seq=seq),
            time=to_rfc3339(happening.at),
            data=CatalogueData(catalogue=told.catalogue),
        )
    if happening.subject is None or str(receiver.party) not in told.parties:
        return None
    return _of_person(context, book, receiver, happening, happening.subject, seq=seq)


def _of_person(
    context: Context,
    book: Book,
    receiver: Receiver,
    happening: Happening,
    person: SubjectId,
    *,
    seq: int,
) -> Event | None:
    head = _head(context, book, receiver, happening, seq=seq)
    subject, told = subject_of(context, receiver.party, person), happening.told
    time = to_rfc3339(happening.at)
    if happening.kind == Kind.ERASURE:
        return ErasureEvent(**head, time=_day(happening.at), subject=subject, data=ErasureData())
    if happening.kind == Kind.LINK and told.device is not None:
        device = subject_of(context, receiver.party, SubjectId(UUID(bytes=told.device)))
        return LinkEvent(**head, time=time, subject=subject, data=LinkData(device=device))
    if happening.kind == Kind.REVOCATION and None not in (told.client_id, told.token):
        data = RevocationData(client_id=told.client_id or "", token=told.token or "")
        return RevocationEvent(**head, time=time, subject=subject, data=data)
    if happening.kind == Kind.CAPTURE and told.capture is not None:
        capture, party, state = told.capture
        data = CaptureData(capture=capture, party=party, state=state)
        return CaptureEvent(**head, time=time, subject=subject, data=data)
    return None


def effect_of(receiver: Receiver, line: LineEffect) -> Effect:
    """What holds for one line, as far as the receiver's registration goes."""
    return Effect(
        party=line.path[0],
        via=list(line.path[1:]),
        revision=line.revision,
        before=None if line.before is None else _lists(receiver, line.before),
        after=_lists(receiver, line.after),
        ends_at=None if line.ends_at is None else _hour(Instant(line.ends_at)),
    )


def _consent(
    context: Context, book: Book, receiver: Receiver, happening: Happening, *, seq: int
) -> ConsentEvent | None:
    if happening.effects is None or happening.subject is None:
        return None
    own = str(receiver.party)
    effective = [
        effect_of(receiver, line) for line in happening.effects.lines if line.path[-1] == own
    ]
    decisions = [
        told
        for each in happening.decisions
        if (told := _decision(context, book, receiver, each)) is not None
    ]
    if not effective or not (decisions or any(each.before != each.after for each in effective)):
        return None
    is_new = all(each.before is None for each in effective)
    is_here = any(each.here for each in decisions) or (is_new and not happening.decisions)
    return ConsentEvent(
        **_head(context, book, receiver, happening, seq=seq),
        time=to_rfc3339(happening.at) if is_here else _day(happening.at),
        subject=subject_of(context, receiver.party, happening.subject),
        data=ConsentData(
            cause=_cause(happening.decisions, is_new=is_new),
            effective=effective,
            decisions=decisions,
            catalogue=book.catalogue.version,
        ),
    )


def _cause(decisions: Sequence[Decision], *, is_new: bool) -> Cause:
    if not decisions:
        return Cause.MET if is_new else Cause.RESTATED
    if all(each.signal is not None for each in decisions):
        return Cause.SIGNAL
    if all(each.adopted_from is not None for each in decisions):
        return Cause.CLAIM
    return Cause.DECISION


def _decision(
    context: Context, book: Book, receiver: Receiver, decision: Decision
) -> contract.Decision | None:
    choices = [
        each
        for each in visible_choices(book, receiver.party, decision)
        if receiver.is_concerned_by(each.purpose)
    ]
    if not choices:
        return None
    here = decision.actor in receiver.own_clients
    return _told(entry_of(context, receiver.party, decision, choices, here=here))


def _told(entry: HistoryEntry) -> contract.Decision:
    return contract.Decision(
        decision=entry.decision,
        recorded_at=entry.recorded_at,
        reach=entry.reach,
        choices=[
            contract.Choice(purpose=each.purpose, outcome=each.outcome) for each in entry.choices
        ],
        assurance=entry.assurance,
        channel=entry.channel,
        signal=entry.signal,
        adopted=entry.adopted,
        here=entry.here,
    )


def _head(
    context: Context, book: Book, receiver: Receiver, happening: Happening, *, seq: int
) -> dict[str, str]:
    return {
        "id": event_id_of(context, receiver.party, happening.event_id),
        "source": book.group.issuer,
        "sequence": sequence_of(seq),
    }


def _lists(receiver: Receiver, lists: tuple[tuple[str, ...], tuple[str, ...]]) -> Lists:
    granted, refused = ([each for each in some if receiver.may_see(each)] for some in lists)
    return Lists(granted=granted, refused=refused)


def _day(instant: Instant) -> str:
    return to_rfc3339(Instant(instant - instant % DAY))


def _hour(instant: Instant) -> str:
    return to_rfc3339(Instant(instant - instant % HOUR))


def own_clients_of(clients: Sequence[Client]) -> Mapping[Party, frozenset[str]]:
    """All clients there ever were, by brand or partner."""
    found: dict[Party, set[str]] = {}
    for client in clients:
        found.setdefault(client.party, set()).add(client.client_id)
    return {party: frozenset(ids) for party, ids in found.items()}
